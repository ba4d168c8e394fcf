"""What slots mean over a data set: tables, files and pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pcea.cli.attend import Attend
from pcea.cli.output import busy, say, say_table, write_json
from pcea.cli.weights import open_model, origin
from pcea.evaluation import SlotFigures, SlotStatistics, measure_slots
from pcea.evaluation.slot_figures import Chance
from pcea.explanation import Explanation, explain
from pcea.formats import Cloud, replacing
from pcea.geometry import quantile
from pcea.models import PointModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pcea.datasets import PointCloudDataset

# Rows of the table on stdout; the files have all.
SHOWN = 12
# Categories in the heat map, at most.
COLUMNS = 4
# Shapes and slots in the picture of one category, and how many samplings of each shape it shows.
SHAPES, ROWS, VOTES = 6, 4, 2


def attend_dataset(options: Attend) -> None:
    """Measure the slots and write what was found.

    Raises:
        InputError: the data set, the category or the weights do not exist.
    """
    from pcea.datasets import load_dataset

    assert options.dataset is not None
    data = load_dataset(options.dataset, options.split, options.data_root)
    if options.category is not None:
        data.taxonomy.category_id(options.category)
    model = open_model(options.weights, options.device, keep_strays=options.keep_strays)
    with busy(f"{model.info.name} looks at {len(data)} clouds"):
        found = measure_slots(
            model,
            data.clouds.to(model.device),
            data.taxonomy,
            batch_size=options.batch_size,
            repeats=options.repeats,
            seed=options.seed,
        )
    summary = {
        **origin(model, options.weights),
        "dataset": data.name,
        "split": data.split,
        "kind": found.kind,
        "clouds": found.clouds,
        "points": found.points,
        "repeats": found.repeats,
        "seed": found.seed,
        "keep_strays": options.keep_strays,
        "layers": found.layer_rows(),
        "slots": found.rows(),
    }
    out = options.out
    write_json(out / "slots.json", summary)
    write_csv(out / "slots.csv", found.rows())
    say(
        f"{model.info.name} on {data.name} {data.split}: {found.clouds} clouds, "
        f"the attention sees {found.points} points of each"
    )
    say_layers(found)
    say_slots(found)
    written = ["slots.csv", "slots.json", *draw(options, model, data, found)]
    say(f"{', '.join(written)} are in {out}")
    if options.json is not None:
        write_json(options.json, summary)


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as a CSV file, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def say_layers(found: SlotStatistics) -> None:
    """Print a row a head."""
    say_table(
        ("layer", "head", "entropy", "strongest slot: NMI", "shuffled", "slabs", "above chance"),
        [
            (
                str(each.layer),
                str(each.head),
                f"{each.entropy:.2f}",
                number(each.nmi),
                number(mean(each.shuffled)),
                number(mean(each.slabs)),
                "–" if each.above_chance is None else f"{100 * each.above_chance:.0f} % of slots",
            )
            for each in found.layers
        ],
        numbers=7,
    )


def say_slots(found: SlotStatistics) -> None:
    """Print the most telling slots."""
    say_table(
        ("slot", "best part", "AUC", "NMI", "slabs", "lift", "agreement", "elsewhere", "entropy"),
        [
            (
                each.name,
                each.part or "–",
                number(each.auc),
                number(each.nmi, 3),
                number(mean(each.slabs), 3),
                number(each.lift, 3),
                number(each.agreement),
                number(each.agreement_elsewhere),
                number(each.entropy),
            )
            for each in found.telling()[:SHOWN]
        ],
        numbers=7,
    )


def mean(chance: Chance | None) -> float | None:
    """What chance gives on average, where it is known."""
    return None if chance is None else chance.mean


def number(value: float | None, digits: int = 2) -> str:
    """Write a figure, or a dash where it is not known."""
    return "–" if value is None else f"{value:.{digits}f}"


def draw(
    options: Attend, model: PointModel, data: PointCloudDataset, found: SlotStatistics
) -> list[str]:
    """Draw the pictures and name their files."""
    from pcea.pictures.shown import save
    from pcea.pictures.slots import heat_map, scatter

    title = f"{model.info.name} on {data.name} {data.split}, {found.clouds} clouds"
    save(scatter(found, title), options.out / "slots.png")
    written = ["slots.png"]
    counts = data.clouds.category.bincount(minlength=len(data.taxonomy.categories)).tolist()
    names = data.taxonomy.categories
    most = sorted(range(len(names)), key=lambda i: -counts[i])
    chosen = [i for i in most[:COLUMNS] if counts[i]]
    if options.category is not None:
        chosen = [data.taxonomy.category_id(options.category)]
    if not bool(found.auc[:, parts_of(data, chosen)].isnan().all()):
        title = "For each part, the slot that singles it out best"
        save(heat_map(found, [names[i] for i in chosen], title), options.out / "parts.png")
        written.append("parts.png")
    if counts[chosen[0]]:
        save(across(options, model, data, found, chosen[0]), options.out / "across.png")
        written.append("across.png")
    return written


def parts_of(data: PointCloudDataset, categories: Sequence[int]) -> list[int]:
    """The part ids of some categories; none where parts are not labelled."""
    ids = data.taxonomy.parts_of
    return [part for category in categories for part in ids[category]] if ids else []


def across(
    options: Attend,
    model: PointModel,
    data: PointCloudDataset,
    found: SlotStatistics,
    category: int,
) -> Figure:
    """Draw the parts of a category's shapes, and below them the slots that single some out."""
    from pcea.pictures.explained import COLORMAP, DPI
    from pcea.pictures.figures import grid
    from pcea.pictures.palette import part_colors
    from pcea.pictures.panels import Panel, Style

    taxonomy = data.taxonomy
    own = (data.clouds.category == category).nonzero()[:, 0]
    picked = own[torch.linspace(0, len(own) - 1, min(SHAPES, len(own))).round().long()]
    clouds = [cloud_of(data, int(i)) for i in picked]
    ids = parts_of(data, [category])
    rows, titles, legend = [], [], {}
    if data.clouds.part is not None and ids:
        palette = part_colors(len(taxonomy.parts), taxonomy.parts_of)
        labels = [data.clouds.part[data.clouds.ptr[i] : data.clouds.ptr[i + 1]] for i in picked]
        rows.append([Panel(c, colors=palette[own]) for c, own in zip(clouds, labels, strict=True)])
        titles.append("labelled parts")
        legend = {taxonomy.parts[i].rpartition("/")[2]: palette[i].tolist() for i in ids}
    found_on = [
        explain(model, cloud, up="y", votes=VOTES, importance=False, slots=1) for cloud in clouds
    ]
    for slot, title in best_slots(found, ids):
        shares = [share_of(each, slot) for each in found_on]  # (P, 1) each
        high = max(float(quantile(torch.cat(shares), 0.98)), 1e-12)
        values = [
            each.carry(share / high).clamp(0, 1)[:, 0]
            for each, share in zip(found_on, shares, strict=True)
        ]
        rows.append([Panel(c, value) for c, value in zip(clouds, values, strict=True)])
        titles.append(title)
    style = Style(
        background=options.background,
        colormap=COLORMAP,
        low=0.0,
        high=1.0,
        label="share of the row's top value",
        legend=legend,
        dpi=DPI,
        point_size=0.03,  # so that a cloud of two thousand points looks closed
    )
    name = taxonomy.categories[category]
    return grid(rows, titles, title=f"{model.info.name} on {name}, {data.split} split", style=style)


def cloud_of(data: PointCloudDataset, index: int) -> Cloud:
    """One shape of a data set."""
    clouds = data.clouds
    points = slice(int(clouds.ptr[index]), int(clouds.ptr[index + 1]))
    normal = None if clouds.normal is None else clouds.normal[points]
    return Cloud(clouds.pos[points], normal, name=clouds.names[index])


def share_of(found: Explanation, slot: SlotFigures) -> Tensor:
    """A slot's column at the sampled points, (P, 1), in units of an even share."""
    column = found.maps[slot.layer].values[slot.head, :, slot.slot or 0]
    return (column / column.mean().clamp(min=1e-30))[:, None]


def best_slots(found: SlotStatistics, parts: Sequence[int]) -> list[tuple[SlotFigures, str]]:
    """The slots that single out parts best, no two the same part; without parts the most telling.

    Returns:
        Each with what to write beside it.
    """
    auc = found.auc[:, list(parts)].nan_to_num(0)
    if not auc.numel() or not bool(auc.any()):
        return [(each, each.name) for each in found.telling()[:ROWS]]
    best = auc.max(0)
    chosen: dict[int, str] = {}
    for i in best.values.argsort(descending=True).tolist():
        row, part = int(best.indices[i]), found.taxonomy.parts[parts[i]].rpartition("/")[2]
        chosen.setdefault(row, f"{found.slots[row].name}\n{part}: AUC {float(best.values[i]):.2f}")
    return [(found.slots[row], title) for row, title in list(chosen.items())[:ROWS]]
