import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import pytest
import torch

from pcea.datasets import PointCloudDataset
from pcea.evaluation import evaluate
from pcea.models import load_model, save_model
from pcea.recipes import Recipe
from pcea.training import RunFolder, build_model, setup
from pcea.training.report import SHARES, curves, write_report

VOID = {"meta", "br", "img", "path", "use", "rect", "stop"}


class Page(HTMLParser):
    """What a browser would make of a page: its text, its tags and what they point at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for key, value in attrs if key.split(":")[-1] in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def make_run(recipe: Recipe, path: Path, epochs: int) -> tuple[RunFolder, PointCloudDataset]:
    """A run as the loop leaves it, without the time that training takes."""
    run, held_out = RunFolder(path), setup.load_dataset(recipe.dataset, "val")
    run.create(recipe, "/somewhere/private", {})
    model = build_model(recipe, held_out).eval()
    with torch.autocast("cpu", torch.bfloat16, recipe.precision == "bf16"):
        result = evaluate(model, held_out.clouds, recipe.num_points, batch_size=recipe.batch_size)
    figures = {f"val_{k}": v for k, v in result.summary().items() if isinstance(v, float)}
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch, "train_loss": 2 / epoch, "lr": 0.1, **figures, "seconds": 61.0}
        run.append_metrics(row)
        model.info = replace(model.info, training={"validation": row})
        save_model(model, run.best if epoch == 1 else run.last)
    save_model(model, run.last)
    return run, held_out


@pytest.mark.parametrize("epochs", [1, 3])
def test_one_page_that_needs_no_other_file(recipe: Recipe, tmp_path: Path, epochs: int) -> None:
    recipe = replace(recipe, epochs=5)
    run, held_out = make_run(recipe, tmp_path / "run", epochs)
    write_report(run, held_out, recipe)
    text = run.report.read_text()
    page = Page(text)
    assert all(link.startswith(("#", "data:image/png;")) for link in page.links)
    assert not re.search(r"https?://|url\((?!#)|@import|<script|<link", text)
    assert page.tags.count("svg") == 3
    assert "/somewhere/private" not in text
    assert f"{epochs} of 5 epochs" in page.text
    assert f"the weights of epoch 1, the best of {epochs}" in page.text.replace(
        "averaged ", ""
    ).replace("\n", " ")
    assert "test split was not used" in page.text.replace("\n", " ")
    assert "Measured again" not in page.text
    assert not [path for path in run.path.iterdir() if path.name.startswith(".")]


def test_classes_and_what_they_are_taken_for(classification: Recipe, tmp_path: Path) -> None:
    run, held_out = make_run(classification, tmp_path / "run", 2)
    write_report(run, held_out, classification)
    text = run.report.read_text()
    for heading in ("Confusion matrix", "Most confused", "Every class", "What was run"):
        assert heading in Page(text).text
    names = held_out.taxonomy.categories
    with torch.autocast("cpu", torch.bfloat16):
        model, clouds = load_model(run.best), held_out.clouds
        result = evaluate(model, clouds, classification.num_points, batch_size=8)
    cells = []
    for true in range(3):
        own = result.prediction[result.target == true].tolist()
        for taken in sorted(set(own)):
            how = "right" if taken == true else f"taken for {names[taken]}"
            count, share = own.count(taken), 100 * own.count(taken) / len(own)
            cells.append(f"{names[true]}, {how}: {count} of {len(own)} ({share:.1f} %)")
    assert re.findall('<td style="background: #.*?" title="(.*?)">', text) == cells


def test_categories_and_their_clouds(recipe: Recipe, tmp_path: Path) -> None:
    if recipe.dataset == "classification":
        pytest.skip("it has no parts")
    run, held_out = make_run(recipe, tmp_path / "run", 1)
    write_report(run, held_out, recipe)
    text = run.report.read_text()
    assert len(re.findall('<b style="left: [0-9.]+%"></b>', text)) == len(held_out)
    assert text.count('<i style="width: ') == 3 and "Hardest clouds" in text


def test_changed_values_are_told_apart(classification: Recipe, tmp_path: Path) -> None:
    recipe = replace(classification, name="shapes-cls", clip=0.0)
    run, held_out = make_run(recipe, tmp_path / "run", 1)
    write_report(run, held_out, recipe)
    text = Page(run.report.read_text()).text
    assert "0.0 instead of 1.0" in text


def test_names_from_data_are_text_not_tags(classification: Recipe, tmp_path: Path) -> None:
    run, held_out = make_run(classification, tmp_path / "run", 1)
    taxonomy = replace(held_out.taxonomy, categories=("<b>&amp;", "x<script>", '"rod"'))
    recipe = replace(classification, name="<i>mine</i>")
    model = build_model(recipe, held_out)
    row = run.read_metrics()[0]
    model.info = replace(model.info, taxonomy=taxonomy, training={"validation": row})
    save_model(model, run.best)
    write_report(run, held_out, recipe)
    text = run.report.read_text()
    assert "<script" not in text and "<i>mine" not in text
    assert "x<script>" in Page(text).text


def test_figures_that_came_out_otherwise_are_said(classification: Recipe, tmp_path: Path) -> None:
    run, held_out = make_run(classification, tmp_path / "run", 1)
    other = held_out.clouds.select([0, 0, 1])
    write_report(run, PointCloudDataset(other, held_out.taxonomy, "made", "val"), classification)
    assert "Measured again for this page" in Page(run.report.read_text()).text
    assert "1 classes have no cloud" in Page(run.report.read_text()).text


def test_matplotlibs_settings_stay(classification: Recipe, tmp_path: Path) -> None:
    run, held_out = make_run(classification, tmp_path / "run", 1)
    before = dict(mpl.rcParams)
    write_report(run, held_out, classification)
    assert dict(mpl.rcParams) == before


def test_shares_are_perceptually_uniform() -> None:
    """Equal steps of the share are equal distances in OKLab (Ottosson 2020)."""
    rgb = torch.tensor([SHARES(i / 16)[:3] for i in range(17)], dtype=torch.float64)
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_lms = torch.tensor(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ],
        dtype=torch.float64,
    )
    to_lab = torch.tensor(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ],
        dtype=torch.float64,
    )
    lab = (linear @ to_lms.T) ** (1 / 3) @ to_lab.T
    steps = lab.diff(dim=0).norm(dim=1)
    assert float(steps.max() / steps.min()) < 1.25
    assert bool((lab[:, 0].diff() < 0).all())


def test_curves_take_one_epoch_and_many() -> None:
    for epochs in (1, 2, 300):
        values = [math.exp(-i / 50) for i in range(epochs)]
        svg = curves("Loss", range(1, epochs + 1), {"loss": values}, best=epochs)
        assert svg.startswith("<svg") and 'aria-label="Loss by epoch"' in svg
    two = curves("Rates", [1, 2], {"a": [0.1, 0.2], "b": [0.3, 0.4]}, percent=True)
    assert "#0072b2" in two.lower() and "#d55e00" in two.lower()
