"""A run as one page: ``report.html``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from markupsafe import Markup
from torch import nn

from pcea.datasets import Clouds, PointCloudDataset
from pcea.evaluation import ClassificationResult, PartResult, evaluate
from pcea.evaluation.metrics import STANDARD, format_figure
from pcea.formats.write import replacing
from pcea.models import WrappedModel, load_model
from pcea.recipes import RECIPES, Recipe
from pcea.training.callbacks import Callback
from pcea.training.figures import category_bars, confusion_matrix, curves
from pcea.training.precision import autocast
from pcea.training.run_folder import RunFolder
from pcea.training.state import TrainingState

# How many of the worst are listed.
WORST = 10


class Report(Callback):
    """Writes the page when a run is complete."""

    def __init__(self, held_out: PointCloudDataset | None) -> None:
        self.held_out = held_out

    def on_end(self, state: TrainingState) -> None:
        """Write it."""
        if state.completed:
            module = state.model.module if isinstance(state.model, WrappedModel) else None
            write_report(state.run, self.held_out, state.recipe, module)


def write_report(
    run: RunFolder,
    held_out: PointCloudDataset | None,
    recipe: Recipe,
    module: nn.Module | None = None,
) -> None:
    """Write what a run did and how good its best weights are, as one page that needs no other file.

    ``module`` is the one that was trained, where an object was given.
    """
    from jinja2 import Environment

    rows = run.read_metrics()
    page: dict[str, Any] = {
        "run": run,
        "recipe": recipe,
        "dataset": _text(recipe.dataset),
        "rows": rows,
        "origin": run.read_origin(),
        "values": _values(recipe),
        "figures": [key.removeprefix("val_") for key in rows[0] if key.startswith("val_")],
    }
    best = None
    if held_out is not None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        given = {} if module is None else {"model": copy.deepcopy(module)}
        model = load_model(run.best, device, **given)
        # Measured as the loop measured it, so that the page repeats the loop's figures.
        with autocast(recipe, device):
            result = evaluate(
                model, held_out.clouds.to(device), recipe.num_points, batch_size=recipe.batch_size
            )
        best = model.info.training["validation"]
        page |= {"result": result, "best": best, "clouds": held_out.clouds}
        page["parameters"] = sum(p.numel() for p in model.parameters())
        again = result.figures(recipe.metric)
        if any(abs(again[key] - best[f"val_{key}"]) > 5e-4 for key in page["figures"]):
            page["again"] = again
        if isinstance(result, ClassificationResult):
            page |= _classes(result)
        else:
            assert isinstance(result, PartResult)
            page |= _categories(result, held_out.clouds)
    page["curves"] = _curves(rows, page["figures"], best)
    known = {"figure": format_figure, "percent": _percent, "label": _label, "duration": _duration}
    environment = Environment(autoescape=True)
    environment.filters |= {"name": _name, "label": _label}
    template = environment.from_string(Path(__file__).with_name("report.html").read_text("utf-8"))
    with replacing(run.report) as file:
        file.write(template.render(**page, **known).encode())


def _curves(
    rows: list[dict[str, Any]], figures: list[str], best: Mapping[str, Any] | None
) -> list[Markup]:
    epochs, marked = [row["epoch"] for row in rows], None if best is None else best["epoch"]
    lines = {name: [row[f"val_{name}"] for row in rows] for name in figures}
    shares = {_label(n): values for n, values in lines.items() if n in sum(STANDARD.values(), ())}
    loss = {"loss": [row["train_loss"] for row in rows]}
    drawn = [curves("Training loss", epochs, loss, best=marked)]
    if shares:
        drawn.append(curves("Validation", epochs, shares, percent=True, best=marked))
    for name in figures:
        if _label(name) not in shares:
            drawn.append(curves(_label(name), epochs, {name: lines[name]}, best=marked))
    drawn.append(curves("Learning rate", epochs, {"rate": [row["lr"] for row in rows]}))
    return [Markup(svg) for svg in drawn]


def _classes(result: ClassificationResult) -> dict[str, Any]:
    confusion, names = result.confusion, [_name(n) for n in result.taxonomy.categories]
    wrong = confusion.clone().fill_diagonal_(0)
    total = confusion.sum(1).tolist()
    pairs = sorted(wrong.nonzero().tolist(), key=lambda at: -int(wrong[at[0], at[1]]))
    present = [i for i, clouds in enumerate(total) if clouds]
    recall = {i: int(confusion[i, i]) / total[i] for i in present}
    classes = [
        (names[i], total[i], int(confusion[i, i]), recall[i], "")
        if not wrong[i].any()
        else (names[i], total[i], int(confusion[i, i]), recall[i], names[int(wrong[i].argmax())])
        for i in sorted(present, key=lambda i: recall[i])
    ]
    return {
        "matrix": Markup(confusion_matrix(confusion, names)),
        "width": 160 + (34 if len(names) <= 24 else 17) * len(names),
        "confused": [(names[i], names[j], int(wrong[i, j]), total[i]) for i, j in pairs[:WORST]],
        "classes": classes,
        "absent": len(names) - len(present),
    }


def _categories(result: PartResult, clouds: Clouds) -> dict[str, Any]:
    names, category = result.taxonomy.categories, result.category
    members = {name: result.iou[category == names.index(name)].tolist() for name in names}
    means = sorted(result.per_category.items(), key=lambda item: item[1])
    parts = {name: len(result.taxonomy.parts_of[i]) for i, name in enumerate(names)}
    return {
        "bars": Markup(category_bars({_name(n): members[n] for n, _ in reversed(means)})),
        "categories": [(name, members[name], parts[name], mean) for name, mean in means],
        "hardest": [
            (clouds.names[i], names[int(category[i])], float(result.iou[i]))
            for i in result.iou.argsort()[:WORST].tolist()
        ],
    }


def _values(recipe: Recipe) -> list[tuple[str, str, str | None]]:
    """Name, value, and what the recipe of that name has in its place where it differs."""
    before = asdict(RECIPES.get(recipe.name, recipe))
    return [
        (key, _text(value), None if before[key] == value else _text(before[key]))
        for key, value in asdict(recipe).items()
    ]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "none"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name  # a page for others need not say where files lie
    return "none" if value is None else str(value)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _label(figure: str) -> str:
    known = {"mean_class_accuracy": "mean-class accuracy"}
    return known.get(figure, figure.replace("_", " ").replace("miou", "mIoU"))


def _name(name: str) -> str:
    return name.replace("_", " ")


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 2:
        return f"{seconds:.0f} seconds"
    return f"{minutes:.0f} minutes" if hours < 2 else f"{hours:.1f} hours"
