"""Draw what slots single out over a data set: one module per picture."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from pcea.datasets import PointCloudDataset
from pcea.evaluation import SlotStatistics
from pcea.models import PointModel
from pcea.pictures.explained import DPI
from pcea.pictures.figures import Style
from pcea.pictures.files import save
from pcea.registry import Registry, import_modules

# The most categories in a picture.
COLUMNS = 4


@dataclass(frozen=True, eq=False)
class DrawnSlots:
    """The data that a picture of slots is drawn from.

    Args:
        statistics: the result of :func:`pcea.evaluation.measure_slots` for model and data.
        model: the model.
        data: the data set.
        categories: the ids of the categories to draw, the one with the most shapes first.
        style: background and resolution; the picture chooses its colors.
    """

    statistics: SlotStatistics
    model: PointModel
    data: PointCloudDataset
    categories: Sequence[int]
    style: Style


# A picture returns its figure, or None if there is nothing to draw.
SlotPicture = Callable[[DrawnSlots], Figure | None]
SLOT_PICTURES: Registry[SlotPicture] = Registry("slot picture", "pcea.slot_pictures")
register_slot_picture = SLOT_PICTURES.register


def save_slots(
    statistics: SlotStatistics,
    model: PointModel,
    data: PointCloudDataset,
    folder: str | os.PathLike[str],
    category: str | None = None,
    style: Style | None = None,
) -> list[str]:
    """Draw what slots mean over a data set, one PNG per registered picture, such as ``slots.png``.

    ``statistics``, ``model``, ``data`` and ``style`` are those of :class:`DrawnSlots`. Without a
    ``category``, those with the most shapes are drawn. Returns the names of the written files.
    """
    taxonomy = data.taxonomy
    counts = data.clouds.category.bincount(minlength=len(taxonomy.categories))
    chosen = counts.argsort(descending=True, stable=True)[: min(COLUMNS, int((counts > 0).sum()))]
    ids = chosen.tolist() if category is None else [taxonomy.category_id(category)]
    drawn = DrawnSlots(statistics, model, data, ids, style or Style(dpi=DPI))
    files = []
    for name, draw in SLOT_PICTURES.entries().items():
        if (figure := draw(drawn)) is not None:
            save(figure, Path(folder, f"{name}.png"))
            files.append(f"{name}.png")
    return files


# Every module of this folder is imported, so that it can register its picture.
import_modules(__name__, __path__)
