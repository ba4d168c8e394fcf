"""A run as one page: ``report.html``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import torch

from pcea.datasets import Clouds, PointCloudDataset
from pcea.evaluation import ClassificationResult, PartResult, Result, evaluate
from pcea.formats.write import replacing
from pcea.models import PointModel, load_model
from pcea.recipes import RECIPES, Recipe
from pcea.training.figures import confusion_matrix, curves, spread_bars
from pcea.training.precision import autocast
from pcea.training.run_folder import RunFolder

FIGURES = {
    "overall_accuracy": "overall accuracy",
    "mean_class_accuracy": "mean-class accuracy",
    "instance_miou": "instance mIoU",
    "class_miou": "class mIoU",
}
# How many of the worst are listed.
WORST = 10


def write_report(run: RunFolder, held_out: PointCloudDataset | None, recipe: Recipe) -> None:
    """Write what a run did and how good its best weights are, as one page that needs no other file.

    Args:
        run: a run with at least one epoch done.
        held_out: the validation split; None where all was trained on.
        recipe: the run's.
    """
    if held_out is None:
        _write_page(run, recipe, [_head_of_all(run, recipe), _curves(run), _run(run, recipe)])
        return
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(run.best, device)
    # Measured as the loop measured it, so that the page repeats the loop's figures.
    with autocast(recipe, device):
        result = evaluate(
            model, held_out.clouds.to(device), recipe.num_points, batch_size=recipe.batch_size
        )
    if isinstance(result, ClassificationResult):
        details = _classes(result)
    else:
        assert isinstance(result, PartResult)
        details = _categories(result, held_out.clouds)
    head = _head(run, held_out, recipe, model, result)
    _write_page(run, recipe, [head, _curves(run, model), details, _run(run, recipe)])


def _write_page(run: RunFolder, recipe: Recipe, sections: Sequence[str]) -> None:
    template = Template(files("pcea.training").joinpath("page.html").read_text("utf-8"))
    title = escape(f"{recipe.name}: training report")
    page = template.substitute(title=title, body="\n".join(sections))
    with replacing(run.report) as file:
        file.write(page.encode())


def _head_of_all(run: RunFolder, recipe: Recipe) -> str:
    rows = run.read_metrics()
    return f"""<h1>{escape(recipe.name)}</h1>
<p class="soft">{escape(recipe.model)} on {escape(recipe.dataset)}, {recipe.num_points} points a
cloud, {len(rows)} of {recipe.epochs} epochs,
{_duration(sum(row["seconds"] for row in rows))} of training</p>
<p>All of the official training split was trained on, so nothing was held out to measure, and the
weights kept are those of the last epoch.
<code>pcea evaluate {escape(str(run.path))} --split test</code> gives the fair figure.</p>"""


def _head(
    run: RunFolder, held_out: PointCloudDataset, recipe: Recipe, model: PointModel, result: Result
) -> str:
    rows = run.read_metrics()
    best, last = model.info.training["validation"], rows[-1]
    keys = [key for key in FIGURES if f"val_{key}" in best]
    figures = "".join(
        f"<div><b>{_percent(best[f'val_{key}'])}</b><span>{FIGURES[key]}</span></div>"
        for key in keys
    )
    parameters = sum(p.numel() for p in model.parameters())
    now = result.summary()
    again = ""
    if any(abs(now[key] - best[f"val_{key}"]) > 5e-4 for key in keys):
        measured = ", ".join(f"{_percent(now[key])} {FIGURES[key]}" for key in keys)
        again = f" Measured again for this page they give {measured}."
    table = _table(
        ["weights", "epoch", *(FIGURES[key] for key in keys), "training loss"],
        [
            [
                f"<code>{file}</code>, {what}",
                str(row["epoch"]),
                *(_percent(row[f"val_{key}"]) for key in keys),
                f"{row['train_loss']:.3f}",
            ]
            for file, what, row in (
                (run.best.name, "best by validation", best),
                (run.last.name, "last epoch", last),
            )
        ],
        numbers_from=1,
    )
    what = "averaged weights" if recipe.ema > 0 else "weights"
    return f"""<h1>{escape(recipe.name)}</h1>
<p class="soft">{escape(recipe.model)}, {parameters / 1e6:.2f} M parameters, on
{escape(held_out.name)}, {recipe.num_points} points a cloud, {len(rows)} of {recipe.epochs} epochs,
{_duration(sum(row["seconds"] for row in rows))} of training</p>
<div class="figures">{figures}</div>
<p>On the validation split of {len(held_out)} clouds, by the {what} of epoch {best["epoch"]}, the
best of {len(rows)} by validation.{again} Being chosen by these very figures flatters them a little.
The test split was never touched: <code>pcea evaluate {escape(str(run.path))} --split test</code>
gives the fair figure.</p>
<div class="wide">{table}</div>"""


def _curves(run: RunFolder, model: PointModel | None = None) -> str:
    rows = run.read_metrics()
    epochs = [row["epoch"] for row in rows]
    best = None if model is None else model.info.training["validation"]["epoch"]
    validation = {
        name: [row[f"val_{key}"] for row in rows]
        for key, name in FIGURES.items()
        if f"val_{key}" in rows[0]
    }
    drawn = [
        curves("Training loss", epochs, {"loss": [row["train_loss"] for row in rows]}, best=best),
        curves("Learning rate", epochs, {"rate": [row["lr"] for row in rows]}),
    ]
    mark = ""
    if validation:
        drawn.insert(1, curves("Validation", epochs, validation, percent=True, best=best))
        mark = f"The dotted line marks epoch {best}, whose weights were kept as the best. "
    return f"""<h2>Curves</h2>
<p class="soft">{mark}The training loss is that of augmented clouds with dropout.</p>
<div class="curves">{"".join(f"<div>{svg}</div>" for svg in drawn)}</div>"""


def _classes(result: ClassificationResult) -> str:
    confusion, names = result.confusion, [_name(n) for n in result.taxonomy.categories]
    matrix = confusion_matrix(confusion, names)
    wrong = confusion.clone().fill_diagonal_(0)
    pairs = sorted(wrong.nonzero().tolist(), key=lambda at: -int(wrong[at[0], at[1]]))
    confused = _table(
        ["true", "taken for", "clouds", "of", "share"],
        [
            [
                escape(names[true]),
                escape(names[taken]),
                str(int(wrong[true, taken])),
                str(int(confusion[true].sum())),
                _percent(int(wrong[true, taken]) / int(confusion[true].sum())),
            ]
            for true, taken in pairs[:WORST]
        ],
        numbers_from=2,
    )
    total = confusion.sum(1).tolist()
    present = [i for i, clouds in enumerate(total) if clouds]
    recall = {i: int(confusion[i, i]) / total[i] for i in present}
    classes = _table(
        ["class", "clouds", "right", "accuracy", "", "most often taken for"],
        [
            [
                escape(names[i]),
                str(total[i]),
                str(int(confusion[i, i])),
                _percent(recall[i]),
                _bar(recall[i]),
                escape(names[int(wrong[i].argmax())]) if wrong[i].any() else "",
            ]
            for i in sorted(present, key=lambda i: recall[i])
        ],
        numbers_from=1,
        numbers_to=3,
    )
    absent = len(names) - len(present)
    without = f"; {absent} classes have no cloud in the split" if absent else ""
    side = 160 + (34 if len(names) <= 24 else 17) * len(names)
    width = f"min-width: {min(side, 900)}px; max-width: {side}px"
    return f"""<h2>Confusion matrix</h2>
<p class="soft">Best weights, validation split. Each row is one true class and sums to 100 %;
blank cells are 0. Point at a cell for its counts.</p>
<div class="wide"><div style="{width}">{matrix}</div></div>
<h2>Most confused</h2>
<div class="wide">{confused if pairs else "<p>Nothing was taken for anything else.</p>"}</div>
<h2>Every class</h2>
<p class="soft">The least accurate first{without}.</p>
<div class="wide">{classes}</div>"""


def _categories(result: PartResult, clouds: Clouds) -> str:
    names, category = result.taxonomy.categories, result.category
    members = {name: result.iou[category == names.index(name)].tolist() for name in names}
    means = sorted(result.per_category.items(), key=lambda item: item[1])
    bars = spread_bars({_name(name): members[name] for name, _ in reversed(means)})
    table = _table(
        ["category", "clouds", "parts", "mIoU", "lowest", "highest"],
        [
            [
                escape(_name(name)),
                str(len(members[name])),
                str(len(result.taxonomy.parts_of[names.index(name)])),
                _percent(mean),
                _percent(min(members[name])),
                _percent(max(members[name])),
            ]
            for name, mean in means
        ],
        numbers_from=1,
    )
    worst = _table(
        ["cloud", "category", "IoU"],
        [
            [
                f"<code>{escape(clouds.names[i])}</code>",
                escape(_name(names[int(category[i])])),
                _percent(float(result.iou[i])),
            ]
            for i in result.iou.argsort()[:WORST].tolist()
        ],
        numbers_from=2,
    )
    return f"""<h2>Categories</h2>
<p class="soft">Best weights, validation split: the mean intersection over union of each category as
a bar, each cloud as a dot. Only the parts of a cloud's own category compete; a part absent in both
prediction and truth counts 1.</p>
<div class="wide"><div style="min-width: 420px">{bars}</div></div>
<h2>Every category</h2>
<p class="soft">The lowest first.</p>
<div class="wide">{table}</div>
<h2>Hardest clouds</h2>
<div class="wide">{worst}</div>"""


def _run(run: RunFolder, recipe: Recipe) -> str:
    origin = run.read_origin()
    facts = _table(
        ["", ""], [[escape(key), f"<code>{escape(str(v))}</code>"] for key, v in origin.items()]
    )
    known = RECIPES.get(recipe.name)
    before = asdict(known) if known else {}
    rows = []
    for key, value in asdict(recipe).items():
        changed = key in before and before[key] != value
        shown = f"<code>{escape(_value(value))}</code>"
        if changed:
            was = escape(_value(before[key]))
            shown = f'<span class="changed">{shown}</span> instead of <code>{was}</code>'
        rows.append([escape(key), shown])
    return f"""<h2>What was run</h2>
<div class="wide">{facts}</div>
<details open><summary>Recipe</summary>
<div class="columns">{_table(["", ""], rows)}</div></details>"""


def _table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers_from: int = 99,
    numbers_to: int = 99,
) -> str:
    """A table; its cells are HTML, the first of each row names it."""

    def cell(tag: str, column: int, text: str) -> str:
        kind = ""
        if text.startswith("<i "):
            kind = ' class="bar"'
        elif numbers_from <= column <= numbers_to:
            kind = ' class="number"'
        return f"<{tag}{kind}>{text}</{tag}>"

    head = "".join(cell("th", i, escape(text)) for i, text in enumerate(header))
    body = "\n".join(
        "<tr>" + "".join(cell("th" if i == 0 else "td", i, t) for i, t in enumerate(row)) + "</tr>"
        for row in rows
    )
    named = f"<thead><tr>{head}</tr></thead>\n" if any(header) else ""
    return f"<table>\n{named}<tbody>\n{body}\n</tbody></table>"


def _bar(share: float) -> str:
    return f'<i style="width: {100 * share:.1f}%"></i>'


def _percent(share: Any) -> str:
    return f"{100 * share:.1f} %"


def _name(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "none"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "the model's own" if value is None else str(value)


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 2:
        return f"{seconds:.0f} seconds"
    return f"{minutes:.0f} minutes" if hours < 2 else f"{hours:.1f} hours"
