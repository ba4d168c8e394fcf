"""The shapes and models that a live page can choose from, and what was computed of them so far."""

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
from pcea.viewer.study import Study, title_of

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
        self, files: Sequence[Path], models: Sequence[PointModel], up: str = "y", votes: int = 1
    ) -> None:
        self.models = tuple(models)
        self.titles = tuple(numbered([title_of(model) for model in models]))
        """What the models are called, no two alike."""
        names = numbered([printable(file.name) for file in files])
        self._files = dict(zip(names, files, strict=True))
        self._uploads: dict[str, Mesh | Cloud] = {}
        self._up, self._votes = up, votes
        self._study = lru_cache(MOST_STUDIES)(self._open)
        self._read = lru_cache(1)(read)  # models that take a shape in turn need it read once

    @property
    def names(self) -> tuple[str, ...]:
        """What there is to choose from."""
        return (*self._files, *self._uploads)

    def study(self, name: str, model: int = 0) -> Study:
        """Open a shape, one of :attr:`names`, with one of the models."""
        if name not in self.names:
            raise InputError(f"{name}: there is no such shape, or newer ones took its place")
        return self._study(name, model)

    def _open(self, name: str, model: int) -> Study:
        # The first model's guess is everybody's, so that the shape stands still.
        up = self._up if self._up != "auto" or model == 0 else self.study(name).up
        shape = self._uploads[name] if name in self._uploads else self._read(self._files[name])
        return Study(self.models[model], replace(shape, name=name), up, self._votes)

    def add(self, name: str, content: bytes) -> str:
        """Take in an uploaded file, and give what its shape is called here."""
        last = printable(PurePosixPath(name.replace("\\", "/")).name) or "upload"
        ending = re.search(r"(\.\w{1,8})?\.\w{1,8}$", last, re.ASCII)  # such as .ply.gz
        with tempfile.TemporaryDirectory(prefix="pcea-upload-") as folder:
            # Of a stranger's name, nothing but the ending gets to the disk.
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
            self._study.cache_clear()  # its name may come again
        return called


def numbered(names: Sequence[str]) -> list[str]:
    """Number the names that come again."""
    found: list[str] = []
    for name in names:
        called, count = name, 1
        while called in found:
            count += 1
            called = f"{name} ({count})"
        found.append(called)
    return found
