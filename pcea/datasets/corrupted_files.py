"""The published files of corrupted ModelNet40 test clouds: ModelNet-C and ModelNet40-C."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from pcea.datasets.clouds import Clouds
from pcea.datasets.loading import data_root
from pcea.datasets.modelnet40 import CATEGORIES, TEST, check_arrays, read_arrays
from pcea.errors import InputError


class CorruptedFiles(ABC):
    """A folder of published clouds, which are taken as they are, without normalization."""

    benchmark: ClassVar[str]
    """The set of corruptions whose clouds they are."""
    usual: ClassVar[str]
    """The usual name of the folder."""
    mark: ClassVar[str]
    """The file by which the folder is recognized."""
    categories: ClassVar[tuple[str, ...]] = CATEGORIES
    """The names of the classes, in the order of their numbers in the files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def file(self, name: str, severity: int) -> Path:
        """Name the file of a corruption at a severity, 1 to 5, whether it is there or not."""

    @abstractmethod
    def read(self, name: str, severity: int) -> Clouds:
        """Read the clouds of a corruption at a severity, 1 to 5.

        Raises:
            InputError: a file is missing or damaged, or the labels are not those of ModelNet40's
                test split.
        """

    def clean(self) -> Clouds | None:
        """Read the clouds without corruption; None if they are not among the files."""
        return None

    def _clouds(self, file: Path, data: NDArray[Any], label: NDArray[Any]) -> Clouds:
        label = check_arrays(file, data, label, len(CATEGORIES))
        # The files hold numbers instead of names of classes. Another order is found where classes
        # have different numbers of clouds.
        if np.bincount(label, minlength=len(CATEGORIES)).tolist() != list(map(int, TEST.split())):
            raise InputError(
                f"{file}: its classes do not have as many clouds as in ModelNet40's test split, so "
                "that their order is unknown"
            )
        return Clouds.from_dense(torch.from_numpy(data), torch.from_numpy(label))


class ModelNetC(CorruptedFiles):
    """ModelNet-C: ``clean.h5`` and ``jitter_0.h5`` to ``jitter_4.h5``."""

    benchmark, usual, mark = "modelnet-c", "modelnet_c", "clean.h5"

    def file(self, name: str, severity: int) -> Path:
        """Name ``NAME_0.h5`` for severity 1, and so on."""
        return self.folder / f"{name}_{severity - 1}.h5"

    def read(self, name: str, severity: int) -> Clouds:
        """Read one of the files."""
        return self._read(self.file(name, severity))

    def clean(self) -> Clouds | None:
        """Read ``clean.h5``."""
        return self._read(self.folder / self.mark)

    def _read(self, file: Path) -> Clouds:
        return self._clouds(file, *read_arrays(require_file(file)))


class ModelNet40C(CorruptedFiles):
    """ModelNet40-C: ``label.npy`` and ``data_uniform_1.npy`` to ``data_uniform_5.npy``."""

    benchmark, usual, mark = "modelnet40-c", "modelnet40_c", "label.npy"

    def file(self, name: str, severity: int) -> Path:
        """Name ``data_NAME_1.npy`` for severity 1, and so on."""
        return self.folder / f"data_{name}_{severity}.npy"

    def read(self, name: str, severity: int) -> Clouds:
        """Read one of the files."""
        file = self.file(name, severity)
        return self._clouds(file, _load(file), _load(self.folder / self.mark))


_KINDS: tuple[type[CorruptedFiles], ...] = (ModelNetC, ModelNet40C)


def corrupted_files(folder: str | Path) -> CorruptedFiles:
    """Recognize a folder of published files by its content; InputError if it is none."""
    folder = Path(folder).expanduser()
    for kind in _KINDS:
        if (folder / kind.mark).is_file():
            return kind(folder)
    marks = " or ".join(kind.mark for kind in _KINDS)
    raise InputError(f"{folder}: holds no published corrupted clouds, which come with {marks}")


def find_corrupted_files(root: str | Path | None = None) -> list[CorruptedFiles]:
    """Find the folders of published files, by their usual names, in the folder of data sets."""
    places = [(kind, data_root(root) / kind.usual) for kind in _KINDS]
    return [kind(folder) for kind, folder in places if (folder / kind.mark).is_file()]


def require_file(file: Path) -> Path:
    """Return the path of a file that is there; else raise an InputError."""
    if not file.is_file():
        raise InputError(f"{file}: missing among the published corrupted clouds")
    return file


def _load(file: Path) -> NDArray[Any]:
    require_file(file)
    try:
        # Never unpickled: a pickle can run any code.
        return np.asarray(np.load(file, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{file}: truncated, or no NumPy array of numbers") from error
