"""The files of a call, done one after the other: a bad one is named, and the others are done."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pcea.cli.output import complain, note
from pcea.cli.status import DONE, SOME_LEFT_OUT, WRONG_INPUT
from pcea.errors import InputError, WrongOption

# Where one file cannot be written for these reasons, none can.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Noted(Protocol):
    """A shape, or what a model saw of one."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it, a sentence each."""
        ...


class Batch:
    """The files that a call names, and what became of them.

    Args:
        entries: each a file, a folder or a glob.

    Raises:
        InputError: nothing was named, an entry is empty, or the only one is not there.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        from pcea.formats import expand

        self.left_out: list[dict[str, str]] = []
        """What could not be used: each ``file`` and its ``reason``."""
        self._done = 0
        # A single mistake is said as it is; who gives an empty name meant another call.
        if len(entries) < 2 or not all(entry.strip() for entry in entries):
            self.files = expand(entries)
            return
        found = dict[Path, None]()
        for entry in entries:
            try:
                found.update(dict.fromkeys(expand([entry])))
            except InputError as error:
                self._leave_out(entry, error)
        self.files = list(found)
        """The files that are there, each once."""

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

    def tell(self, file: Path, *sources: Noted) -> list[str]:
        """Print on stderr what a person should know of a file.

        Args:
            file: the file.
            *sources: what has ``notes``: the shape, what a model saw.

        Returns:
            The notes, each once.
        """
        notes = notes_of(*sources)
        for each in notes:
            note(str(file), each)
        return notes

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


def notes_of(*sources: Noted) -> list[str]:
    """Collect notes, each once.

    Args:
        *sources: what has ``notes``, a tuple of sentences: the shape, what a model saw.
    """
    return list(dict.fromkeys(each for source in sources for each in source.notes))
