"""How faithful the maps of each attention of a comparison are, by the weights of its first seed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

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
    "deletion by it",
    "deletion by saliency",
    "insertion by it",
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

    The areas of the curves are given as how much better they are than those of random points.
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
        _gain(found["deletion"].get(name)),
        _gain(found["deletion"].get("saliency")),
        _gain(found["insertion"].get(name)),
        *(_percent(game.get(key)) for key in ("hits", "shuffled_weights", "chance")),
        f"{correlation[-1]:.2f}" if correlation else NOTHING,
    ]


def _gain(curve: Mapping[str, Any] | None) -> str:
    over = (curve or {"over": {}})["over"].get("random")
    return NOTHING if over is None else f"{over['mean']:+.3f} ± {over['margin']:.3f}"


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.0f}"
