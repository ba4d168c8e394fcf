"""What a data set is to the rest of the package: how it lies on disk and where it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pcea.datasets.clouds import Clouds
from pcea.datasets.taxonomy import Taxonomy
from pcea.registry import Registry

SPLITS = ("train", "val", "trainval", "test")


@dataclass(frozen=True)
class Archive:
    """A published file.

    Args:
        url: where it was last seen.
        md5: of its bytes; None where nobody wrote it down, and only the content can be checked.
    """

    url: str
    md5: str | None = None


@dataclass(frozen=True)
class Source:
    """A published data set.

    Args:
        title: its full name.
        terms: what its licence allows.
        archives: the original first, then mirrors.
        counts: official clouds of each split.
        per_category: official clouds of each category, in category order, where known.
    """

    title: str
    terms: str
    archives: tuple[Archive, ...]
    counts: dict[str, int]
    per_category: dict[str, dict[str, int]]


class Layout(ABC):
    """How a data set lies in its folder, and how its splits are read.

    A data set is a class that derives from this one, or from a layout that it shares with others,
    and that :func:`register_dataset` makes known.

    Args:
        name: what the data set is called.
    """

    source: ClassVar[Source | None] = None
    """Where it was published; None: nowhere."""

    content: ClassVar[str] = ""
    """What must lie in the folder, as messages have it; empty: it needs no files."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def folders(self) -> tuple[str, ...]:
        """What its folder may be called; the first is what an import makes. Default: its name."""
        return (self.name,)

    def recognizes(self, folder: Path) -> bool:
        """Tell whether a folder has this layout."""
        return False

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Those of :data:`SPLITS` that a folder of this layout has."""
        return SPLITS

    @abstractmethod
    def read(self, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
        """Read a split. What else it takes, all with defaults, are options of `load_dataset`.

        Args:
            folder: the data set's own; any, where it needs no files.
            split: one of :data:`SPLITS`.

        Returns:
            The clouds on the CPU, each centered and scaled to the unit sphere, and the names of
            categories and parts.

        Raises:
            InputError: a file is missing or damaged, or an option is out of range.
        """


DATASETS: Registry[type[Layout]] = Registry("data set", "pcea.datasets")
register_dataset = DATASETS.register


def per_category(names: tuple[str, ...], counts: str) -> dict[str, int]:
    """Pair the names of categories with their numbers of clouds, which white space parts."""
    return dict(zip(names, map(int, counts.split()), strict=True))
