"""The base of data sets that join others, and have no files of their own."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pcea.datasets.dataset import PointCloudDataset
from pcea.datasets.layout import Layout


class Joined(Layout):
    """A data set that is made of others: those of :attr:`made_of`, and of :attr:`built_in`."""

    content = "the data sets that it is made of"

    built_in: ClassVar[tuple[str, ...]] = ()
    """Those of ``shapes`` and ``gear`` that it is made of, too; they need no files."""

    def recognizes(self, folder: Path) -> bool:
        """Tell whether all data sets that need files are there."""
        from pcea.datasets.loading import lacking

        return not lacking(self, folder)

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Name the splits that all data sets have."""
        from pcea.datasets.loading import find, splits_of

        there = [splits_of(*find(name, folder)) for name in self.made_of]
        return tuple(split for split in ("train", "val", "test") if all(split in s for s in there))

    def load_each(
        self,
        folder: Path,
        split: str,
        num_per_category: int | None,
        names: Iterable[str] | None = None,
    ) -> Iterator[PointCloudDataset]:
        """Load a split of each data set; the names of clouds begin with that of their data set.

        Args:
            folder: the folder of the data sets.
            split: the name of the split.
            num_per_category: how many built-in shapes of each category; None: as in ``shapes``.
            names: which data sets, in this order. Default: all, the built-in ones last.
        """
        from pcea.datasets.loading import load_dataset

        for name in (*self.made_of, *self.built_in) if names is None else names:
            options: dict[str, Any] = {}
            if name in self.built_in:
                options["num_per_category"] = num_per_category
            data = load_dataset(name, split, folder, **options)
            names_of_clouds = tuple(f"{data.name}/{each}" for each in data.clouds.names)
            data.clouds = replace(data.clouds, names=names_of_clouds)
            yield data
