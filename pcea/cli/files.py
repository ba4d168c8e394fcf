"""The input files of a command: a file that cannot be used is named, and the others are done."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcea.cli.output import DONE, SOME_LEFT_OUT, WRONG_INPUT, complain, note, track
from pcea.errors import InputError, WrongOption
from pcea.names import numbered, stem_of

if TYPE_CHECKING:
    from pcea.models.prediction import Prediction
    from pcea.models.segmenter import Segmentation

# Errors of writing one file that would also occur with every other file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Batch:
    """The input files of a command, from names of files, folders and globs, and their results.

    ``written`` are the endings of what is written to ``out`` for each file, such as ``.ply``. It is
    an InputError if there is no file, or if a result cannot be written or would replace an input.
    """

    def __init__(
        self, entries: Sequence[str], out: Path | None = None, written: Sequence[str] = ()
    ) -> None:
        from pcea.formats import expand

        self.results: list[dict[str, Any]] = []
        """The results of each file, for the JSON file."""
        self.left_out: list[dict[str, str]] = []
        """The files that could not be used, each with its ``reason``."""
        self._done = 0
        if out is not None:
            check_out(out)
        found = dict[Path, None]()
        for entry in entries:
            try:
                found.update(dict.fromkeys(expand([entry])))
            except InputError as error:
                # An empty name is a mistake in the call, such as an unset shell variable.
                if len(entries) == 1 or not entry.strip():
                    raise
                self._leave_out(entry, error)
        self.files = list(found) if entries else expand(entries)
        """The files that exist, each once."""
        names = numbered(map(stem_of, self.files), "{}-{}")
        self.targets = [(out or Path()) / name for name in names]
        """The path of each file's results, without an ending."""
        inputs = set(map(_place, self.files))
        for path in (Path(f"{target}{ending}") for target in self.targets for ending in written):
            if _place(path) in inputs:
                raise InputError(f"{path} would be overwritten: give --out another folder")

    def __iter__(self) -> Iterator[tuple[Path, Path]]:
        """Iterate over the files and the paths of their results, with a progress bar on stderr."""
        return iter(track(list(zip(self.files, self.targets, strict=True))))

    @contextmanager
    def trying(self, file: Path) -> Iterator[None]:
        """Work on a file; if it cannot be used, name it on stderr and go on with the others.

        Errors that are not due to the file end the command: Ctrl-C, a full disk, an option that is
        wrong for every file, a bug.
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
        """Keep the results of a file for the JSON file, and print its notes."""
        up = {"up": found.up, "up_confidence": found.up_confidence}
        notes = self.tell(file, found.notes)
        self.results.append({"file": str(file), **up, **figures, "notes": notes})

    def tell(self, file: Path, notes: Iterable[str]) -> list[str]:
        """Print the notes on a file on stderr, each once, and return them."""
        once = list(dict.fromkeys(notes))
        for each in once:
            note(f"{file}: {each}")
        return once

    @property
    def status(self) -> int:
        """The exit status, which says whether all files, some or none could be used."""
        if not self._done:
            return WRONG_INPUT
        return SOME_LEFT_OUT if self.left_out else DONE

    def _leave_out(self, file: str, error: InputError) -> None:
        # The errors of readers begin with the name of the file.
        reason = str(error).removeprefix(f"{file}: ").removeprefix(f"{file}, ")
        reason = " ".join(reason.split())
        self.left_out.append({"file": file, "reason": reason})
        complain(f"{file}: {reason}")


def spare_inputs(inputs: Iterable[str | Path | None], **options: Path | None) -> None:
    """Refuse an output file, the value of an option, that is one of the inputs: files and weights.

    Weights may be a run folder, in which their file is.
    """
    from pcea.models.weights import FILE_NAME

    places = {_place(each) for each in inputs if each}
    places |= {each / FILE_NAME for each in places}
    for name, path in options.items():
        if path is not None and _place(path) in places:
            raise InputError(f"--{name} {path}: it is an input file; name another one")


def _place(path: str | Path) -> Path:
    return Path(os.path.expanduser(path)).resolve()


def check_out(out: Path, option: str = "--out") -> None:
    """Refuse an output folder that cannot be written to, before the work begins."""
    folder = Path(os.path.expanduser(out)).absolute()
    nearest = next(each for each in (folder, *folder.parents) if os.path.exists(each))
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise InputError(f"{option} {out}: {nearest} is not a folder that you may write to")
