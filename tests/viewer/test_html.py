"""The page that opens from disk, in a browser and out of one."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.models import PointModel
from pcea.viewer import document
from pcea.viewer.document import export_html, of_study, page
from pcea.viewer.panels import Columns, Parts
from pcea.viewer.study import Study

if TYPE_CHECKING:
    from playwright.sync_api import Page

Changed = Callable[..., None]


def content_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1])


def unpacked(text: str, kind: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(gzip.decompress(base64.b64decode(text)), kind)


@pytest.fixture(scope="module")
def file(
    segmenter: PointModel,
    classifier: PointModel,
    cube: Mesh,
    ball: Cloud,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    models = (segmenter, classifier)
    export_html(path, [[Study(model, shape) for model in models] for shape in (cube, ball)])
    return path


def test_it_holds_what_the_studies_say(file: Path, segmenter: PointModel, cube: Mesh) -> None:
    first, second = content_of(file.read_text())["shapes"]
    assert (first["name"], second["name"], second["face"]) == ("cube", "ball", None)
    study = Study(segmenter, cube)
    pos = unpacked(first["pos"], "<i2").reshape(-1, 3)
    faces = unpacked(first["face"], "<u4").reshape(-1, 3)
    assert isinstance(study.drawn, Mesh)
    assert np.array_equal(faces, study.drawn.faces.numpy())
    assert len(pos) == first["count"] == len(study.drawn.vertices)
    described = first["studies"][0]
    assert described["title"] == "eat-seg-tiny, external attention"
    assert [name for name, _ in described["prediction"]] == [name for name, _ in study.prediction]
    parts, attention, importance = described["modes"]
    found = study.values("parts")
    assert isinstance(found, Parts)
    assert np.array_equal(unpacked(parts["ids"], "<u2"), study.part(found).numpy())
    assert importance["stacks"][0]["columns"] == ["critical", "nearby", "saliency"]
    stack = attention["stacks"][1]
    steps = unpacked(stack["values"], "u1").reshape(6, -1)
    layer = study.values("attention", 1)
    assert isinstance(layer, Columns)
    (low, high), values = stack["ranges"][0][4], study.column(layer, None, 4).numpy()
    assert np.abs(low + steps[4] / 255 * (high - low) - values.clip(low, high)).max() < (
        (high - low) / 500
    )


def test_heads_are_in_it_with_their_mean(file: Path) -> None:
    stack = content_of(file.read_text())["shapes"][0]["studies"][1]["modes"][0]["stacks"][0]
    assert stack["heads"] == ["mean of heads", "head 0", "head 1"]
    assert stack["columns"][0] == "received"


def test_it_needs_no_other_file(file: Path) -> None:
    text = file.read_text()
    assert not re.findall(r"""(?:src|href)=|url\(|import\(|https?://""", text)


def test_large_shapes_keep_the_columns_that_vary_most(
    segmenter: PointModel, classifier: PointModel, ball: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "MOST_VALUES", 200 * 2 * 3)  # places, layers, columns a layer
    attention = of_study(Study(segmenter, ball))["modes"][1]
    study = Study(segmenter, ball)
    for stack, described in zip(study.explanation.maps, attention["stacks"], strict=True):
        mean = stack.values.mean(0)
        varies = (mean.std(0) / mean.mean(0)).argsort(descending=True)[:3].sort().values
        assert described["columns"] == [f"slot {i}" for i in varies]
        assert described["note"].startswith("3 of 6")
    heads = of_study(Study(classifier, ball))["modes"][0]["stacks"][0]["heads"]
    assert heads == [""] or heads == ["mean of heads"]


def test_a_hostile_name_is_text(segmenter: PointModel, ball: Cloud) -> None:
    name = "</script><script>alert(1)</script>"
    shape = document.of_shape(replace(ball, name=name), "y", [])
    text = page([shape])
    assert "<script>alert" not in text
    assert content_of(text)["shapes"][0]["name"] == name


def test_it_is_written_whole_or_not_at_all(ball: Cloud, segmenter: PointModel, file: Path) -> None:
    (file.parent / "folder").mkdir()
    with pytest.raises(InputError, match="folder"):
        export_html(file.parent / "folder", [[Study(segmenter, ball)]])
    assert {each.name for each in file.parent.iterdir()} == {"folder", "page.html"}


def test_in_a_browser(file: Path, tab: Page, changed: Changed) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    changed(tab, lambda: tab.goto(file.as_uri()))
    changed(tab, lambda: tab.select_option("#mode", "attention"))
    changed(tab, lambda: tab.fill("#column", "3"))
    changed(tab, lambda: tab.fill("#stack", "1"))
    assert tab.locator("#stack + output").text_content() == "layer 1"
    assert tab.locator("#column + output").text_content() == "slot 3"
    changed(tab, lambda: tab.select_option("#mode", "importance"))
    changed(tab, lambda: tab.check("#dark"))
    changed(tab, lambda: tab.select_option("#shape", "1"))
    tab.select_option("#study", "1")
    tab.select_option("#mode", "attention")
    changed(tab, lambda: tab.fill("#head", "2"))
    changed(tab, lambda: tab.mouse.wheel(0, -400) if tab.mouse.move(300, 300) is None else None)
    assert asked == [file.as_uri()]


def test_turning_it(file: Path, tab: Page, changed: Changed) -> None:
    changed(tab, lambda: tab.goto(file.as_uri()))

    def turn() -> None:
        tab.mouse.move(300, 300)
        tab.mouse.down()
        tab.mouse.move(380, 330)
        tab.mouse.up()

    changed(tab, turn)
