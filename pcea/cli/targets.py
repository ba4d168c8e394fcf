"""Where the results of several files go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from pcea.errors import InputError
from pcea.names import same_name, stem_of


def name_targets(files: Sequence[Path], out: Path) -> list[Path]:
    """Choose where each file's results go, no two to one place.

    Args:
        files: the inputs.
        out: the folder of the results.

    Returns:
        A path each, without an ending; files that differ by folder or ending only are told apart
        by a number.
    """
    stems = [stem_of(file) for file in files]
    wanted = {same_name(stem) for stem in stems}
    seen: Counter[str] = Counter()
    targets = []
    for stem in stems:
        name, key = stem, same_name(stem)
        while seen[key]:
            seen[key] += 1
            name = f"{stem}-{seen[key]}"
            if same_name(name) not in wanted and not seen[same_name(name)]:
                break
        seen[same_name(name)] += 1
        targets.append(out / name)
    return targets


def check_out(out: Path) -> None:
    """Refuse a folder of results before the work is done, not after.

    Raises:
        InputError: a file is in its place, or nothing may be written there.
    """
    folder = Path(os.path.expanduser(out)).absolute()
    nearest = next(each for each in (folder, *folder.parents) if os.path.exists(each))
    if not nearest.is_dir():
        raise InputError(f"--out {out}: it cannot be written: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"--out {out}: it cannot be written: {nearest} is not yours to write to")


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
