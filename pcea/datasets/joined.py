"""The base of data sets that join others, and have no files of their own."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from pcea.datasets.dataset import PointCloudDataset
from pcea.datasets.layout import Layout


class Joined(Layout):
    """A data set that is made of others: those of :attr:`made_of`, and of :attr:`procedural`."""

    content = "the data sets that it is made of"

    procedural: ClassVar[tuple[str, ...]] = ("shapes", "gear")
    """Data sets that it is made of, too, and that need no files."""

    def recognizes(self, folder: Path) -> bool:
        """Tell whether all data sets that need files are there."""
        from pcea.datasets.loading import lacking

        return not lacking(self, folder)

    def load_each(
        self,
        folder: Path,
        split: str,
        num_per_category: int | None,
        names: Iterable[str] | None = None,
    ) -> Iterator[PointCloudDataset]:
        """Load a split of each data set.

        Args:
            folder: the folder of the data sets.
            split: the name of the split.
            num_per_category: how many procedural shapes of each category; None: as in ``shapes``.
            names: which data sets, in this order. Default: all, the procedural ones last.
        """
        from pcea.datasets.loading import load_dataset

        for name in (*self.made_of, *self.procedural) if names is None else names:
            options: dict[str, Any] = {}
            if name in self.procedural:
                options["num_per_category"] = num_per_category
            yield load_dataset(name, split, folder, **options)
