"""What slots single out over a data set: one file per picture."""

import os
from pathlib import Path

from pcea.datasets import PointCloudDataset
from pcea.evaluation import SlotStatistics
from pcea.models import PointModel
from pcea.pictures.figures import Style
from pcea.pictures.files import save
from pcea.pictures.slots.across import across
from pcea.pictures.slots.heat_map import heat_map
from pcea.pictures.slots.scatter import scatter

__all__ = ["across", "heat_map", "save_slots", "scatter"]

# Categories in the heat map, at most.
COLUMNS = 4


def save_slots(
    statistics: SlotStatistics,
    model: PointModel,
    data: PointCloudDataset,
    folder: str | os.PathLike[str],
    category: str | None = None,
    style: Style | None = None,
) -> list[str]:
    """Draw what slots mean over a data set.

    ``slots.png`` shows every slot, ``parts.png`` which slot singles out which part, and
    ``across.png`` the best slots on shapes of one category.

    Args:
        statistics: what :func:`pcea.evaluation.measure_slots` found of the model on the data.
        model: the model.
        data: the data set.
        folder: where to write.
        category: whose shapes to draw. Default: the category that has the most.
        style: background and resolution of ``across.png``; its colors are its own.

    Returns:
        The names of the files: those for which there is something to draw.
    """
    taxonomy = data.taxonomy
    counts = data.clouds.category.bincount(minlength=len(taxonomy.categories))
    chosen = counts.argsort(descending=True, stable=True)[: min(COLUMNS, int((counts > 0).sum()))]
    ids = chosen.tolist() if category is None else [taxonomy.category_id(category)]
    title = f"{model.info.name} on {data.name} {data.split}, {statistics.clouds} clouds"
    figures = {"slots.png": scatter(statistics, title)}
    parts = [part for i in ids for part in taxonomy.parts_of[i]] if taxonomy.parts_of else []
    if not statistics.auc[:, parts].isnan().all():
        title, names = "For each part, the slot that singles it out best", taxonomy.categories
        figures["parts.png"] = heat_map(statistics, [names[i] for i in ids], title)
    if counts[ids[0]]:
        figures["across.png"] = across(statistics, model, data, ids[0], style)
    for name, figure in figures.items():
        save(figure, Path(folder, name))
    return list(figures)
