"""The data set ``upright``: shapes of other data sets, whose categories are their up axes."""

from dataclasses import replace
from pathlib import Path

import torch

from pcea.datasets.clouds import Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.datasets.joined import Joined
from pcea.datasets.layout import register_dataset
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import checked
from pcea.geometry import UP_AXES, upright_turns

SEEDS = {"train": 0, "val": 1, "test": 2}
# The categories of meshparts23 whose shapes all stand with y up. In each of the others, some lie.
STANDING = "CosegAlien", "CosegChair", "CosegVase", "HumanBody", "Teddy"


@register_dataset("upright")
class Upright(Joined):
    """The clouds of several data sets in which y is up, turned so that another axis is up.

    The category of a cloud is its up axis, one of :data:`pcea.geometry.UP_AXES`. It is drawn with a
    fixed seed, and each axis is equally likely. Of meshparts23, it has only the categories
    :data:`STANDING`.
    """

    built_in = "shapes", "gear"
    made_of = ("modelnet40", "meshparts23", "shapenetpart")

    @checked(procedural=1)
    def read(
        self, folder: Path, split: str, procedural: int | None = None
    ) -> tuple[Clouds, Taxonomy]:
        """Read a split of each data set, and turn its clouds.

        Args:
            folder: the folder of the data sets.
            split: train, val or test.
            procedural: how many procedural shapes of each category. Default: as in ``shapes``.

        Raises:
            InputError: a data set is missing or damaged.
        """
        several = [_standing(data) for data in self.load_each(folder, split, procedural)]
        standing = Clouds.cat([replace(each, normal=None, part=None) for each in several])
        generator = torch.Generator().manual_seed(SEEDS[split])
        category = torch.randint(len(UP_AXES), (len(standing),), generator=generator)
        pos, of_point = standing.pos, category.repeat_interleave(standing.counts)
        for axis, turn in enumerate(upright_turns()):
            pos[of_point == axis] @= turn.T
        return Clouds(pos, standing.ptr, category, names=standing.names), Taxonomy(UP_AXES)


def _standing(data: PointCloudDataset) -> Clouds:
    """The clouds of a data set in which y is up."""
    if data.name != "meshparts23":
        return data.clouds
    names = data.taxonomy.categories
    ids = torch.tensor([names.index(name) for name in STANDING if name in names])
    return data.clouds[torch.isin(data.clouds.category, ids)]
