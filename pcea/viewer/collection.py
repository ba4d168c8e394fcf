"""The shapes and models that a page can choose from, and what was computed of them so far."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read
from pcea.models import PointModel
from pcea.names import printable
from pcea.viewer.study import Study, forget_all, title_of

# Studies that are kept; the one not used for longest makes room.
MOST_STUDIES = 8
# Uploads stay in memory: so many, and the oldest makes room.
MOST_UPLOADS = 16


class Collection:
    """Shapes, models, and a study for each pair that was chosen.

    A few studies are kept. One that had to make room is made again when it is next wanted, and its
    file is read again; an upload, of which there is no file, stays.
    """

    def __init__(
        self,
        files: Sequence[Path],
        models: Sequence[PointModel],
        up: str = "y",
        votes: int = 1,
    ) -> None:
        self.models = tuple(models)
        self._up, self._votes = up, votes
        names = _numbered([printable(file.name) for file in files])
        self._files = dict(zip(names, files, strict=True))
        self._uploads: dict[str, Mesh | Cloud] = {}
        self._study = lru_cache(MOST_STUDIES)(self._open)
        self._read = lru_cache(MOST_STUDIES)(lambda name: read(self._files[name]))

    @property
    def names(self) -> tuple[str, ...]:
        """What there is to choose from."""
        return (*self._files, *self._uploads)

    @property
    def titles(self) -> tuple[str, ...]:
        """What the models are called, no two alike."""
        return tuple(_numbered([title_of(model) for model in self.models]))

    def study(self, name: str, model: int = 0) -> Study:
        """Open a shape, one of :attr:`names`, with one of the models."""
        return self._study(name, model)

    def forget(self) -> None:
        """Let go of all that was computed; every shape can be chosen again."""
        self._study.cache_clear()
        self._read.cache_clear()
        forget_all()

    def _open(self, name: str, model: int) -> Study:
        # The first model's guess is everybody's, so that the shape stands still.
        up = self._up if self._up != "auto" or model == 0 else self.study(name).up
        shape = self._uploads[name] if name in self._uploads else self._read(name)
        return Study(self.models[model], replace(shape, name=name), up, self._votes)

    def add(self, name: str, content: bytes) -> str:
        """Take in an uploaded file, and give what its shape is called here."""
        safe = safe_name(name)
        with tempfile.TemporaryDirectory(prefix="pcea-upload-") as folder:
            path = Path(folder) / safe
            path.write_bytes(content)
            try:
                shape = read(path)
            except InputError as error:
                raise InputError(str(error).replace(str(path), safe)) from error
        called = _numbered([*self.names, safe])[-1]
        self._uploads[called] = replace(shape, name=called)
        while len(self._uploads) > MOST_UPLOADS:
            del self._uploads[next(iter(self._uploads))]
            self.forget()
        return called


def safe_name(name: str) -> str:
    """Give the last part of a stranger's file name, printable: at most 90 characters, 200 bytes."""
    last = PurePosixPath(name.replace("\\", "/")).name
    clean = re.sub(r"[^\w. -]", "_", last).strip(" .") or "upload"
    ending = re.search(r"(\.\w{1,8})?\.\w{1,8}$", clean, re.ASCII)  # such as .ply.gz
    if ending is None:
        return _at_most(clean, 80)
    return _at_most(clean[: ending.start()], 70) + ending[0]


def _at_most(text: str, num: int) -> str:
    """The first characters of a text, which a file system counts in bytes."""
    return text[:num].encode()[:180].decode(errors="ignore")


def _numbered(names: Sequence[str]) -> list[str]:
    """Number the names that come again."""
    found: list[str] = []
    for name in names:
        called, count = name, 1
        while called in found:
            count += 1
            called = f"{name} ({count})"
        found.append(called)
    return found
