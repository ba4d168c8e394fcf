"""The files of a call, done one after the other: a bad one is named, and the others are done."""

import errno
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcea.cli.output import DONE, SOME_LEFT_OUT, WRONG_INPUT, complain, note, track
from pcea.errors import InputError, WrongOption
from pcea.names import same_name, stem_of

if TYPE_CHECKING:
    from pcea.models.prediction import Prediction
    from pcea.models.segmenter import Segmentation

# Where one file cannot be written for these reasons, none can.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Batch:
    """The files, also of folders and globs, that a call names, and what became of them.

    ``written`` is what is written of each file to ``out``, behind its name, such as ``.ply``. It is
    an InputError where no file is left, or a result cannot be written or would replace an input.
    """

    def __init__(
        self, entries: Sequence[str], out: Path | None = None, written: Sequence[str] = ()
    ) -> None:
        from pcea.formats import expand

        self.results: list[dict[str, Any]] = []
        """What was found of each file, for the JSON file."""
        self.left_out: list[dict[str, str]] = []
        """What could not be used: each ``file`` and its ``reason``."""
        self._done = 0
        if out is not None:
            check_out(out)
        found = dict[Path, None]()
        for entry in entries:
            try:
                found.update(dict.fromkeys(expand([entry])))
            except InputError as error:
                # A single mistake is said as it is; who gives an empty name meant another call.
                if len(entries) == 1 or not entry.strip():
                    raise
                self._leave_out(entry, error)
        self.files = list(found) if entries else expand(entries)
        """The files that are there, each once."""
        self.targets = name_targets(self.files, out or Path())
        """Where the results of each file go, without an ending."""
        inputs = {file.resolve() for file in self.files}
        for path in (Path(f"{target}{ending}") for target in self.targets for ending in written):
            if path.resolve() in inputs:
                raise InputError(f"{path} would be overwritten: give --out another folder")

    def __iter__(self) -> Iterator[tuple[Path, Path]]:
        """Give each file and where its results go, with a bar on stderr."""
        return iter(track(list(zip(self.files, self.targets, strict=True))))

    @contextmanager
    def trying(self, file: Path) -> Iterator[None]:
        """Do something with a file. Where that fails, the file is named on stderr and left out.

        What is no file's own fault ends the batch as it would end any command: Ctrl-C, a full
        disk, an option that is wrong for every file, a fault of ours.
        """
        try:
            yield
        except WrongOption:
            raise
        except InputError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL:
                raise
            self._leave_out(str(file), error)
        else:
            self._done += 1

    def add(self, file: Path, found: "Prediction | Segmentation", /, **figures: object) -> None:
        """Keep what was found of a file for the JSON file, and print its notes."""
        up = {"up": found.up, "up_confidence": found.up_confidence}
        notes = self.tell(file, found.notes)
        self.results.append({"file": str(file), **up, **figures, "notes": notes})

    def tell(self, file: Path, notes: Iterable[str]) -> list[str]:
        """Print on stderr what a person should know of a file; give the notes, each once."""
        once = list(dict.fromkeys(notes))
        for each in once:
            note(f"{file}: {each}")
        return once

    @property
    def status(self) -> int:
        """The exit status: whether all files, some or none could be used."""
        if not self._done:
            return WRONG_INPUT
        return SOME_LEFT_OUT if self.left_out else DONE

    def _leave_out(self, file: str, error: InputError) -> None:
        # Readers begin with the file's name, and may go on with a line of it.
        reason = str(error).removeprefix(f"{file}: ").removeprefix(f"{file}, ")
        reason = " ".join(reason.split())
        self.left_out.append({"file": file, "reason": reason})
        complain(f"{file}: {reason}")


def name_targets(files: Sequence[Path], out: Path) -> list[Path]:
    """Give each file a path in ``out`` without an ending; names that come again get a number."""
    stems = [stem_of(file) for file in files]
    wanted, taken = {same_name(stem) for stem in stems}, set[str]()
    numbers: defaultdict[str, int] = defaultdict(lambda: 1)
    targets = []
    for stem in stems:
        name, key = stem, same_name(stem)
        while same_name(name) in taken or (name != stem and same_name(name) in wanted):
            numbers[key] += 1
            name = f"{stem}-{numbers[key]}"
        taken.add(same_name(name))
        targets.append(out / name)
    return targets


def check_out(out: Path) -> None:
    """Refuse a folder that cannot be written to before the work is done, not after."""
    folder = Path(os.path.expanduser(out)).absolute()
    nearest = next(each for each in (folder, *folder.parents) if os.path.exists(each))
    if not nearest.is_dir():
        raise InputError(f"--out {out}: it cannot be written: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"--out {out}: it cannot be written: {nearest} is not yours to write to")
