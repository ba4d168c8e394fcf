"""Write the report of a run as one page: ``report.html``."""

import copy
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment
from markupsafe import Markup
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import nn

from pcea.datasets import Clouds, PointCloudDataset
from pcea.evaluation import ClassificationResult, PartResult, evaluate
from pcea.evaluation.metrics import STANDARD, format_figure
from pcea.formats.write import replacing
from pcea.lettering import letter
from pcea.models import WrappedModel, load_model
from pcea.recipes import RECIPES, Recipe
from pcea.training.callbacks import Callback
from pcea.training.device import autocast
from pcea.training.run_folder import RunFolder
from pcea.training.state import TrainingState

# How many of the worst pairs of classes, or clouds, are listed.
WORST = 10
# Okabe and Ito's colors, which color-blind readers can tell apart. The second line is dashed, so
# that the first one stays visible below it.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2"},
    {"color": "#D55E00", "linestyle": (0, (4, 1.5))},
)
# Pale to dark blue in equal steps of OKLab, so that equal differences look equal.
SHARES = LinearSegmentedColormap.from_list(
    "shares",
    "#d6e8f7 #afcfe9 #89b6db #619dcc #3684bd #036aa8 #085087 #093768 #08204a".split(),
)
SOFT = "#5b6570"


class Report(Callback):
    """Writes the report when a run is complete."""

    def __init__(self, held_out: PointCloudDataset | None) -> None:
        self.held_out = held_out

    def on_end(self, state: TrainingState) -> None:
        """Write the report."""
        if state.completed:
            module = state.model.module if isinstance(state.model, WrappedModel) else None
            write_report(state.run, self.held_out, state.recipe, module)


def write_report(
    run: RunFolder,
    held_out: PointCloudDataset | None,
    recipe: Recipe,
    module: nn.Module | None = None,
) -> None:
    """Write a page, without other files, about a run and the figures of its best weights.

    ``module`` is the trained module, if training was given an object instead of a name.
    """
    rows, described = run.read_metrics(), run.describe()
    figures = [key.removeprefix("val_") for key in rows[0] if key.startswith("val_")]
    before = asdict(RECIPES.get(recipe.name, recipe))
    page: dict[str, Any] = {
        "run": run,
        "recipe": recipe,
        "dataset": _text(recipe.dataset),
        "rows": rows,
        "seconds": timedelta(seconds=round(sum(row["seconds"] for row in rows))),
        "origin": described["versions"] | {"commit": described.get("commit") or "unknown"},
        # Name, value, and the value in the recipe of that name if it is another one.
        "values": [
            (key, _text(value), None if before[key] == value else _text(before[key]))
            for key, value in asdict(recipe).items()
        ],
        "figures": figures,
    }
    best = None
    if held_out is not None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        given = {} if module is None else {"model": copy.deepcopy(module)}
        model = load_model(run.best, device, **given)
        # The settings of the loop, so that the page has the same figures.
        with autocast(recipe, device):
            result = evaluate(
                model, held_out.clouds.to(device), recipe.num_points, batch_size=recipe.batch_size
            )
        best = model.info.training["validation"]
        page |= {"result": result, "best": best, "clouds": held_out.clouds}
        page["parameters"] = sum(p.numel() for p in model.parameters())
        again = result.figures(recipe.metric)
        if any(abs(again[key] - best[f"val_{key}"]) > 5e-4 for key in figures):
            page["again"] = again
        if isinstance(result, ClassificationResult):
            page |= _classes(result)
        else:
            assert isinstance(result, PartResult)
            page |= _categories(result, held_out.clouds)
    page["curves"] = _curves(rows, figures, best)
    filters = {
        "label": _label,
        "percent": lambda share: f"{100 * share:.1f} %",
        "color": lambda share: to_hex(tuple(SHARES(share))),
    }
    template = Path(__file__).with_name("report.html")
    write_page(run.report, template, filters, figure=format_figure, **page)


def write_page(
    path: Path, template: Path, filters: Mapping[str, Callable[..., Any]], **values: Any
) -> None:
    """Fill a template and write the page; pages share one style sheet, and need no other file."""
    environment = Environment(autoescape=True)
    environment.filters |= filters
    style = Markup(Path(__file__).with_name("page.css").read_text("utf-8"))
    text = environment.from_string(template.read_text("utf-8")).render(style=style, **values)
    with replacing(path) as file:
        file.write(text.encode())


def _curves(
    rows: list[dict[str, Any]], figures: list[str], best: Mapping[str, Any] | None
) -> list[Markup]:
    """Draw the curves of a run: training loss, validation figures, learning rate."""
    epochs, marked = [row["epoch"] for row in rows], None if best is None else best["epoch"]
    lines = {name: [row[f"val_{name}"] for row in rows] for name in figures}
    standard = [name for name in figures if name in sum(STANDARD.values(), ())]
    loss = {"loss": [row["train_loss"] for row in rows]}
    drawn = [curves("Training loss", epochs, loss, best=marked)]
    if standard:
        shares = {_label(name): lines[name] for name in standard}
        drawn.append(curves("Validation", epochs, shares, percent=True, best=marked))
    for name in figures:
        if name not in standard:
            drawn.append(curves(_label(name), epochs, {name: lines[name]}, best=marked))
    return [*drawn, curves("Learning rate", epochs, {"rate": [row["lr"] for row in rows]})]


def curves(
    title: str,
    epochs: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    percent: bool = False,
    best: int | None = None,
) -> Markup:
    """Draw one or two lines over epochs, counted from 1, as an SVG; ``best`` is marked."""
    figure = Figure(figsize=(4.4, 3.1), layout="constrained")
    axes = figure.add_subplot()
    marker = "o" if len(epochs) <= 15 else None
    for (name, values), style in zip(lines.items(), STYLES, strict=False):
        axes.plot(epochs, values, **style, lw=1.8, marker=marker, ms=3.5, label=name)
    if best is not None:
        axes.axvline(best, color=SOFT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=9)
    if percent:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("epoch", color=SOFT, fontsize=9)
    axes.set_title(title, loc="left", fontsize=10.5)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=9, labelcolor=SOFT)
    axes.grid(axis="y", color="#e3e6ea", linewidth=0.8)
    return as_svg(figure, f"{title} by epoch")


def as_svg(figure: Figure, label: str) -> Markup:
    """Make the SVG element of a figure, without prologue, metadata and links."""
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    letter(figure)
    figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    text = stream.getvalue()
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text[text.index("<svg") :])
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1))


def _classes(result: ClassificationResult) -> dict[str, Any]:
    confusion, names = result.confusion, result.taxonomy.categories
    total, wrong = confusion.sum(1).tolist(), confusion.clone().fill_diagonal_(0)
    pairs = sorted(wrong.nonzero().tolist(), key=lambda at: -int(wrong[at[0], at[1]]))
    classes = []
    for i in (i for i, clouds in enumerate(total) if clouds):
        mostly = names[int(wrong[i].argmax())] if wrong[i].any() else ""
        classes.append((names[i], total[i], int(confusion[i, i]), mostly))
    return {
        "matrix": list(zip(names, confusion.tolist(), total, strict=True)),
        "confused": [(names[i], names[j], int(wrong[i, j]), total[i]) for i, j in pairs[:WORST]],
        "classes": sorted(classes, key=lambda each: each[2] / each[1]),
        "absent": total.count(0),
    }


def _categories(result: PartResult, clouds: Clouds) -> dict[str, Any]:
    names, category = result.taxonomy.categories, result.category
    ids = {name: names.index(name) for name in result.per_category}
    categories = [
        (name, result.iou[category == i].tolist(), len(result.taxonomy.parts_of[i]), mean)
        for (name, i), mean in zip(ids.items(), result.per_category.values(), strict=True)
    ]
    return {
        "categories": sorted(categories, key=lambda each: each[3]),
        "hardest": [
            (clouds.names[i], names[int(category[i])], float(result.iou[i]))
            for i in result.iou.argsort()[:WORST].tolist()
        ],
    }


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        value = [f"{key}={item}" for key, item in value.items()]
    if isinstance(value, (tuple, list)):
        value = ", ".join(map(str, value)) or None
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name  # a page for other people should not have local paths
    return "none" if value is None else str(value)


def _label(name: str) -> str:
    return name.replace("_", " ").replace("mean class", "mean-class").replace("miou", "mIoU")
