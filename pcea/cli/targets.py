"""Where the results of several files go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from pcea.errors import InputError


def name_targets(files: Sequence[Path], out: Path) -> list[Path]:
    """Choose where each file's results go, no two to one place.

    Args:
        files: the inputs.
        out: the folder of the results.

    Returns:
        A path each, without an ending; files of one stem are told apart by a number.
    """
    # Some file systems take Chair and chair for one name.
    wanted = Counter(file.stem.casefold() for file in files)
    seen: Counter[str] = Counter()
    targets = []
    for file in files:
        name, key = file.stem, file.stem.casefold()
        while seen[key]:
            seen[key] += 1
            name = f"{file.stem}-{seen[key]}"
            if name.casefold() not in wanted and not seen[name.casefold()]:
                break
        seen[name.casefold()] += 1
        targets.append(out / name)
    return targets


def refuse_inputs(files: Iterable[Path], written: Iterable[Path]) -> None:
    """Refuse to write over an input.

    Args:
        files: the inputs.
        written: what will be written.

    Raises:
        InputError: a result would take the place of an input.
    """
    inputs = {file.resolve() for file in files}
    for path in written:
        if path.resolve() in inputs:
            raise InputError(f"{path} would be overwritten: give --out another folder")
