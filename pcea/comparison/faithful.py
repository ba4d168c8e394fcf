"""How faithful the maps of each attention of a comparison are, by the weights of its first seed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pcea.comparison.grid import locked
from pcea.datasets import PointCloudDataset
from pcea.errors import InputError
from pcea.explanation import measure_faithfulness
from pcea.formats import write_json
from pcea.models import load_model
from pcea.names import printable
from pcea.recipes import Recipe
from pcea.training import RunFolder
from pcea.training.loop import fingerprint

NOTHING = "–"
TITLES = [
    "attention",
    "its map",
    "deletion by it, over regions",
    "deletion by saliency, over regions",
    "insertion by it, over random points",
    "hits, %",
    "weights shuffled, %",
    "chance, %",
    "correlation, all shuffled",
]


def file_of(run: RunFolder, data: PointCloudDataset) -> Path:
    """Return the file of a run that has the figures of a split."""
    return run.path / f"faithfulness-{data.split}.json"


def measure_faithful(
    run: RunFolder, recipe: Recipe, data: PointCloudDataset, num_clouds: int, device: Any
) -> dict[str, Any] | None:
    """Measure a run where that is not done; None where it has no weights.

    The figures are those of ``pcea.explanation.Faithfulness.summary``, kept in the run's folder.
    """
    with locked(run.path):  # another process may measure the same comparison
        return _measure(run, recipe, data, num_clouds, device)


def _measure(
    run: RunFolder, recipe: Recipe, data: PointCloudDataset, num_clouds: int, device: Any
) -> dict[str, Any] | None:
    file, name = file_of(run, data), printable(f"{run.path.parent.name}, {run.path.name}")
    say = Console(highlight=False).print
    try:
        kept = json.loads(file.read_text()) if file.exists() else {}
        if kept.get("data") == fingerprint(data) and kept.get("clouds") == num_clouds:
            found: dict[str, Any] = kept["found"]
            return found
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"cannot read {file}: delete it, to measure again") from error
    if not run.last.exists():
        other = f", but on {kept['clouds']}" if "clouds" in kept else ""
        note = f"the maps of {name} were not measured on {num_clouds} clouds{other}"
        say(f"{note}, and there are no weights", markup=False, soft_wrap=True)
        return None
    say(f"measuring the maps of {name} on {num_clouds} clouds", markup=False, soft_wrap=True)
    model = load_model(run.last, device)
    summary = measure_faithfulness(model, data.clouds, num_clouds, recipe.num_points).summary()
    write_json(file, {"data": fingerprint(data), "clouds": num_clouds, "found": summary})
    return summary


def faithfulness_text(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Write a Markdown table with a row for each attention, by its label.

    The area of a curve is given as how much better it is than that of another order: deletion by
    that of random regions, since deleting regions harms more than deleting random points, whatever
    they are; insertion by that of random points.
    """
    lines = [TITLES, ["---", "---", *["---:"] * (len(TITLES) - 2)]]
    lines += [[label, *_cells(each)] for label, each in found.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(found: Mapping[str, Any]) -> list[str]:
    name = {"slots": "slots", "points": "received"}.get(found["kind"] or "", NOTHING)
    game = found["pointing"].get(name, {})
    correlation = found["correlation"].get(name)
    return [
        name,
        _gain(found["deletion"].get(name), "regions"),
        _gain(found["deletion"].get("saliency"), "regions"),
        _gain(found["insertion"].get(name), "random"),
        *(_percent(game.get(key)) for key in ("hits", "shuffled_weights", "chance")),
        f"{correlation[-1]:.2f}" if correlation else NOTHING,
    ]


def _gain(curve: Mapping[str, Any] | None, order: str) -> str:
    over = (curve or {"over": {}})["over"].get(order)
    return NOTHING if over is None else f"{over['mean']:+.3f} ± {over['margin']:.3f}"


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.0f}"
