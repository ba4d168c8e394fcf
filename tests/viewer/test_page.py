"""The page in a real browser: from disk, and served."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from pcea.formats import Cloud, Mesh
from pcea.models import PointModel
from pcea.viewer.collection import Collection
from pcea.viewer.document import export_html, stand
from pcea.viewer.panels import Columns
from pcea.viewer.server import serving
from pcea.viewer.study import Study

if TYPE_CHECKING:
    from playwright.sync_api import Page

Changed = Callable[..., None]
ROWS = b"0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 1 1\n"
DROP = """([name, text]) => { const transfer = new DataTransfer();
transfer.items.add(new File([text], name));
document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, dataTransfer: transfer })); }"""


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


@pytest.fixture(scope="module")
def address(
    segmenter: PointModel, classifier: PointModel, shape_files: list[Path]
) -> Iterator[str]:
    collection = Collection(shape_files, [segmenter, classifier])
    with serving(collection, max_upload=5000) as address:
        yield address


def visit(tab: Page, address: str, changed: Changed) -> None:
    """Go through what there is to choose; each choice is another picture."""
    changed(tab, lambda: tab.goto(address))
    tab.locator("#legend", has_text="parts of").wait_for()
    tab.locator("#model-name", has_text="eat-seg-tiny, external attention").wait_for()
    changed(tab, lambda: tab.select_option("#mode", "attention"))
    changed(tab, lambda: tab.fill("#column", "3"))
    assert tab.locator("#key-name").text_content() == "layer 0, slot 3"
    changed(tab, lambda: tab.select_option("#choice", label="layer 1"))
    assert tab.locator("#key-name").text_content() == "layer 1, slot 3"
    changed(tab, lambda: tab.select_option("#mode", "importance"))
    changed(tab, lambda: tab.select_option("#which", label="saliency"))
    key = tab.locator("#key-name").text_content() or ""
    assert key.startswith("importance for ") and key.endswith(", saliency")
    changed(tab, lambda: tab.select_option("#draw", "sampled points"))
    changed(tab, lambda: tab.fill("#size", "3"))
    changed(tab, lambda: tab.check("#dark"))
    changed(tab, lambda: tab.select_option("#shape", "1"))
    tab.select_option("#study", "1")
    tab.select_option("#mode", "attention")
    tab.locator("#key-name", has_text="layer 0, mean of heads, query 2").wait_for()
    changed(tab, lambda: tab.select_option("#head", label="head 1"))
    assert tab.locator("#key-name").text_content() == "layer 0, head 1, query 2"
    changed(tab, lambda: tab.mouse.wheel(0, -400) if tab.mouse.move(300, 300) is None else None)


def test_from_disk(file: Path, tab: Page, changed: Changed) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    visit(tab, file.as_uri(), changed)
    assert tab.locator("#add-row").is_hidden()
    assert asked == [file.as_uri()]


def test_served(address: str, tab: Page, changed: Changed) -> None:
    visit(tab, address, changed)


def test_turning_it(file: Path, tab: Page, changed: Changed) -> None:
    changed(tab, lambda: tab.goto(file.as_uri()))

    def turn() -> None:
        tab.mouse.move(300, 300)
        tab.mouse.down()
        tab.mouse.move(380, 330)
        tab.mouse.up()

    changed(tab, turn)


def test_a_click_chooses_the_slot_that_takes_most_there(
    file: Path, tab: Page, changed: Changed, segmenter: PointModel, cube: Mesh
) -> None:
    changed(tab, lambda: tab.goto(file.as_uri()))
    tab.select_option("#mode", "attention")
    tab.locator("#key-name", has_text="layer 0").wait_for()
    study = Study(segmenter, cube)
    values, sample = study.values("attention"), stand(study.drawn, study.sample.pos, "y")
    assert isinstance(values, Columns)
    half = float(stand(study.drawn, cube.vertices, "y").max())  # of the cube's edge
    # The first view of the page, whose panel shifts the middle from 450 to 300 pixels.
    yaw, pitch, distance, zoom = 0.6, 0.35, 3.1, 2.6
    for x, y in ((0.0, 0.0), (-0.7, 0.5), (0.6, -0.6)):
        place = torch.tensor([x * half, y * half, half])
        a = place[0] * math.cos(yaw) + place[2] * math.sin(yaw)
        back = place[2] * math.cos(yaw) - place[0] * math.sin(yaw)
        b = place[1] * math.cos(pitch) - back * math.sin(pitch)
        depth = distance - (place[1] * math.sin(pitch) + back * math.cos(pitch))
        tab.mouse.click(300 + float(a / depth) * 300 * zoom, 300 - float(b / depth) * 300 * zoom)
        nearest = (sample - place).norm(dim=1).argmin()
        expected = values.names[int(values.values[0, nearest].argmax())]
        tab.locator("#key-name", has_text=expected).wait_for()
    tab.mouse.click(20, 20)  # beside the shape: nothing
    assert tab.locator("#key-name").text_content() == f"layer 0, {expected}"


def test_files_from_outside(tab: Page, address: str) -> None:
    from playwright.sync_api import expect

    tab.goto(address)
    chosen = tab.locator("#shape option:checked")
    expect(chosen).to_have_text("cube.ply")
    tab.set_input_files("#add", {"name": "../../mine.xyz", "mimeType": "", "buffer": ROWS})
    expect(chosen).to_have_text("mine.xyz")
    broken = {"name": "broken.ply", "mimeType": "", "buffer": b"ply\nnonsense"}
    tab.set_input_files("#add", broken)
    tab.get_by_text("broken.ply: ").wait_for()
    large = {"name": "large.xyz", "mimeType": "", "buffer": b"0 0 0\n" * 1000}
    tab.set_input_files("#add", large)
    tab.get_by_text("large.xyz: it has 0 MiB").wait_for()
    expect(chosen).to_have_text("mine.xyz")  # what was wrong broke nothing
    tab.evaluate(DROP, ["dropped.xyz", ROWS.decode()])
    expect(chosen).to_have_text("dropped.xyz")


def test_a_file_that_cannot_be_read(
    tab: Page, segmenter: PointModel, shape_files: list[Path], tmp_path: Path, changed: Changed
) -> None:
    broken = tmp_path / "broken.ply"
    broken.write_bytes(b"ply\nnonsense")
    with serving(Collection([shape_files[0], broken], [segmenter])) as address:
        changed(tab, lambda: tab.goto(address))
        changed(tab, lambda: tab.select_option("#shape", label="broken.ply"))
        tab.get_by_text("broken.ply: ").wait_for()
        assert tab.locator("#legend").is_hidden()  # nor does the other shape's prediction stay
        changed(tab, lambda: tab.select_option("#shape", label="cube.ply"))
        tab.locator("#legend", has_text="parts of").wait_for()
        tab.locator("#status").wait_for(state="hidden")


def test_an_empty_page(tab: Page, segmenter: PointModel) -> None:
    with serving(Collection([], [segmenter])) as address:
        tab.goto(address)
        tab.get_by_text("add a mesh or cloud").wait_for()
        broken = {"name": "broken.ply", "mimeType": "", "buffer": b"ply\nnonsense"}
        tab.set_input_files("#add", broken)
        tab.get_by_text("broken.ply: ").wait_for()
        tab.set_input_files("#add", {"name": "mine.xyz", "mimeType": "", "buffer": ROWS})
        tab.locator("#legend", has_text="parts of").wait_for()
