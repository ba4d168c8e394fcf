"""The interface of a data set: its layout on disk, and where it was published."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeVar

from pcea.datasets.clouds import Clouds
from pcea.datasets.taxonomy import Taxonomy
from pcea.registry import Registry

SPLITS = ("train", "val", "trainval", "test")


def pieces_of(split: str) -> tuple[str, ...]:
    """Name the splits that a split consists of: train and val, or itself alone."""
    return ("train", "val") if split == "trainval" else (split,)


@dataclass(frozen=True)
class Archive:
    """A published file: its last known address and its MD5; None: none was published."""

    url: str
    md5: str | None = None


@dataclass(frozen=True)
class Source:
    """Where a data set was published, and how many clouds it officially has."""

    title: str
    terms: str  # what its license allows
    archives: tuple[Archive, ...] = ()  # the original first, then mirrors
    counts: dict[str, int] = field(default_factory=dict)  # {split: clouds}
    per_category: dict[str, dict[str, int]] = field(default_factory=dict)  # also by category


class Layout(ABC):
    """The layout of a data set's folder, and how to read its splits."""

    source: ClassVar[Source | None] = None
    """Where the data set was published; None: nowhere."""

    content: ClassVar[str] = ""
    """The files that the folder must hold, in words for messages; empty: no files are needed."""

    made_of: ClassVar[tuple[str, ...]] = ()
    """The data sets that it is made of, if it has no files of its own but theirs."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def folders(self) -> tuple[str, ...]:
        """Allowed names of its folder; an import uses the first. Default: the data set's name."""
        return (self.name,)

    def recognizes(self, folder: Path) -> bool:
        """Tell whether a folder holds :attr:`content`; needed if content is not empty."""
        return False

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Name the splits that a folder of this layout has. Default: train, val and test.

        `load_dataset` joins train and val to trainval, unless trainval is among these.
        """
        return ("train", "val", "test")

    @abstractmethod
    def read(self, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
        """Read a split. Further parameters, all with defaults, are options of `load_dataset`.

        Args:
            folder: the folder of the data set; ignored if it needs no files.
            split: one of :meth:`splits`.

        Returns:
            The clouds on the CPU, each centered and scaled to the unit sphere, and the names of
            categories and parts.

        Raises:
            InputError: a file is missing or damaged, or an option is out of range.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}: {self.content or 'needs no files'})"


DATASETS: Registry[type[Layout]] = Registry("data set", "pcea.datasets")

L = TypeVar("L", bound=type[Layout])


def register_dataset(name: str) -> Callable[[L], L]:
    """Register a class of :class:`Layout` as a data set under a name, such as ``"my-shapes"``.

    Raises:
        ValueError: the name is taken, or holds more than letters, digits, ``-`` and ``_``.
        TypeError: the class is no subclass of :class:`Layout`, lacks a method, has only one of
            ``content`` and ``recognizes``, or its ``folders`` is not a tuple.
    """

    def add(layout: L) -> L:
        what = f"data set {name!r}"
        if not (isinstance(layout, type) and issubclass(layout, Layout)):
            raise TypeError(f"{what}: {layout!r} is no class of Layout")
        if bool(layout.content) != (layout.recognizes is not Layout.recognizes):
            raise TypeError(
                f"{what}: with files, it needs both `content` and `recognizes`; without, neither"
            )
        if not layout.__abstractmethods__ and not isinstance(layout(name).folders, tuple):
            raise TypeError(f"{what}: `folders` must be a tuple of names")
        return DATASETS.register(name)(layout)

    return add
