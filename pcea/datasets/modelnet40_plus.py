"""The data set ``modelnet40-plus``: ModelNet40, trained with shapes of other data sets besides."""

from dataclasses import replace
from pathlib import Path

import torch

from pcea.datasets.clouds import Clouds
from pcea.datasets.everyday import name_table
from pcea.datasets.joined import Joined
from pcea.datasets.layout import register_dataset
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, checked


@register_dataset("modelnet40-plus")
class ModelNet40Plus(Joined):
    """ModelNet40, and in ``train`` those shapes of ``everyday`` whose category ModelNet40 has.

    Two categories are the same if they have the same common name in ``everyday.yaml``, as ``cup``
    of ModelNet40 and ``Mug`` of ShapeNetPart. The splits ``val`` and ``test`` are ModelNet40's, and
    need no other files.
    """

    content = "ModelNet40, and for train the other data sets that it is made of"
    built_in = "shapes", "gear"
    made_of = ("modelnet40", "meshparts23", "shapenetpart")

    def recognizes(self, folder: Path) -> bool:
        """Tell whether ModelNet40 is there, in a folder of data sets or as that folder."""
        return bool(_splits_of_modelnet40(folder))

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Name the splits whose files are there."""
        own = _splits_of_modelnet40(folder)
        whole = super().recognizes(folder)
        return tuple(name for name in own if name != "trainval" and (whole or name != "train"))

    @checked(procedural=1)
    def read(
        self, folder: Path, split: str, procedural: int | None = None
    ) -> tuple[Clouds, Taxonomy]:
        """Read ModelNet40, and in ``train`` add shapes of the same categories.

        Args:
            folder: the folder of the data sets.
            split: train, val or test.
            procedural: how many procedural shapes of each category. Default: as in ``shapes``.

        Raises:
            InputError: a data set is missing or damaged.
        """
        from pcea.datasets.loading import load_dataset

        own = load_dataset("modelnet40", split, folder)
        if split != "train":
            return own.clouds, own.taxonomy
        table, categories = name_table(), own.taxonomy.categories
        called = {
            named.category: name
            for name, named in table["modelnet40"].items()
            if name in categories
        }
        several = [own.clouds]
        others = *self.made_of[1:], *self.built_in
        for data in self.load_each(folder, split, procedural, others):
            lines = {name: named.category for name, named in table[data.name].items()}
            names = [called.get(lines.get(name, "")) for name in data.taxonomy.categories]
            ids = torch.tensor([-1 if name is None else categories.index(name) for name in names])
            category = ids[data.clouds.category]
            same = category >= 0
            several.append(
                replace(data.clouds[same], category=category[same], normal=None, part=None)
            )
        return Clouds.cat(several), own.taxonomy


def _splits_of_modelnet40(folder: Path) -> tuple[str, ...]:
    from pcea.datasets.loading import find, splits_of

    try:
        return splits_of(*find("modelnet40", folder))
    except InputError:
        return ()
