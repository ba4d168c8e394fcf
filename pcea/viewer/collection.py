"""The shapes and models of a live page, and the studies that were computed so far."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read
from pcea.models import PointModel
from pcea.models.weights import ships
from pcea.names import numbered, printable
from pcea.viewer.study import Study, title_of

# Studies that are kept in memory; the least recently used one is dropped first.
MOST_STUDIES = 8
# Uploaded shapes that are kept in memory; the oldest one is dropped first.
MOST_UPLOADS = 16


class Collection:
    """Shapes, models, and a study for each pair that was chosen.

    A few studies are kept. One that was dropped is computed again from its file when it is chosen
    again; an upload has no file, so its shape is kept.
    """

    def __init__(
        self, files: Sequence[Path], models: Sequence[PointModel], up: str = "y", votes: int = 1
    ) -> None:
        self.models = tuple(models)
        self.titles = tuple(numbered([title_of(model) for model in models]))
        """The names of the models, each unique."""
        names = numbered([printable(file.name) for file in files])
        self._files = dict(zip(names, files, strict=True))
        self._uploads: dict[str, Mesh | Cloud] = {}
        self._up, self._votes = up, votes
        self._study = lru_cache(MOST_STUDIES)(self._open)
        self._read = lru_cache(1)(read)  # so that several models in turn read a file once

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files and uploads."""
        return (*self._files, *self._uploads)

    def study(self, name: str, model: int = 0) -> Study:
        """Study a shape, one of :attr:`names`, by one of the models."""
        if name not in self.names:
            raise InputError(f"{name}: there is no such shape, or newer uploads replaced it")
        return self._study(name, model)

    def _open(self, name: str, model: int) -> Study:
        shape = self._uploads[name] if name in self._uploads else self._read(self._files[name])
        own, guess, drawn_up = self.models[model], None, None
        if self._up == "auto" and model:
            first = self.study(name)
            drawn_up = first.up  # so that the shape does not turn between models
            if ships(first.model) and ships(own):
                guess = first.explanation.guess
        return Study(own, replace(shape, name=name), self._up, self._votes, guess, drawn_up)

    def add(self, name: str, content: bytes) -> str:
        """Read an uploaded file, and return the name of its shape."""
        last = printable(PurePosixPath(name.replace("\\", "/")).name) or "upload"
        ending = re.search(r"(\.\w{1,8})?\.\w{1,8}$", last, re.ASCII)  # such as .ply.gz
        with tempfile.TemporaryDirectory(prefix="pcea-upload-") as folder:
            # Only the ending of the browser's name is used on disk.
            path = Path(folder) / f"upload{ending[0] if ending else ''}"
            path.write_bytes(content)
            try:
                shape = read(path)
            except InputError as error:
                raise InputError(str(error).replace(str(path), last)) from error
        called = numbered([*self.names, last])[-1]
        self._uploads[called] = replace(shape, name=called)
        while len(self._uploads) > MOST_UPLOADS:
            del self._uploads[next(iter(self._uploads))]
            self._study.cache_clear()  # another upload may get its name
        return called
