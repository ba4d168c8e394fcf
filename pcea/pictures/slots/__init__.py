"""What slots single out over a data set: one file per picture."""

from __future__ import annotations

import os
from pathlib import Path

from pcea.datasets import PointCloudDataset
from pcea.evaluation import SlotStatistics
from pcea.models import PointModel
from pcea.pictures.files import save
from pcea.pictures.panels import Style
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
    folder, names = Path(folder), data.taxonomy.categories
    title = f"{model.info.name} on {data.name} {data.split}, {statistics.clouds} clouds"
    save(scatter(statistics, title), folder / "slots.png")
    written = ["slots.png"]
    counts = data.clouds.category.bincount(minlength=len(names)).tolist()
    chosen = [i for i in sorted(range(len(names)), key=lambda i: -counts[i])[:COLUMNS] if counts[i]]
    if category is not None:
        chosen = [data.taxonomy.category_id(category)]
    parts_of = data.taxonomy.parts_of
    parts = [part for i in chosen for part in parts_of[i]] if parts_of else []
    if not bool(statistics.auc[:, parts].isnan().all()):
        title = "For each part, the slot that singles it out best"
        save(heat_map(statistics, [names[i] for i in chosen], title), folder / "parts.png")
        written.append("parts.png")
    if counts[chosen[0]]:
        save(across(statistics, model, data, chosen[0], style), folder / "across.png")
        written.append("across.png")
    return written
