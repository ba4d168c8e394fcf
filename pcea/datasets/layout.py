"""What a data set is to the rest of the package: how it lies on disk and where it comes from."""

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
    """A published file: where it was last seen, and its MD5; None where none was published."""

    url: str
    md5: str | None = None


@dataclass(frozen=True)
class Source:
    """Where a data set was published, and how many clouds it officially has."""

    title: str
    terms: str  # what its license allows
    archives: tuple[Archive, ...] = ()  # the original first, then mirrors
    counts: dict[str, int] = field(default_factory=dict)  # {split: clouds}
    per_category: dict[str, dict[str, int]] = field(default_factory=dict)  # where known


class Layout(ABC):
    """How a data set lies in its folder, and how its splits are read."""

    source: ClassVar[Source | None] = None
    """Where it was published; None: nowhere."""

    content: ClassVar[str] = ""
    """What must lie in the folder, as messages say it; empty: the data set needs no files."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def folders(self) -> tuple[str, ...]:
        """What its folder may be called; the first is what an import makes. Default: its name."""
        return (self.name,)

    def recognizes(self, folder: Path) -> bool:
        """Tell whether :attr:`content` lies in a folder; a layout with content must say so."""
        return False

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Those of train, val and test that a folder of this layout has. Default: all three.

        `load_dataset` makes trainval of train and val, unless it is among these.
        """
        return ("train", "val", "test")

    @abstractmethod
    def read(self, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
        """Read a split. What else it takes, all with defaults, are options of `load_dataset`.

        Args:
            folder: the data set's own; any, where it needs no files.
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
    """Decorate a layout, to make it known as the data set of a name, such as ``"my-shapes"``.

    Raises:
        ValueError: the name is taken, or holds more than letters, digits, ``-`` and ``_``.
        TypeError: it is no class of :class:`Layout`, lacks a method, has only one of ``content``
            and ``recognizes``, or its ``folders`` are no tuple.
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
