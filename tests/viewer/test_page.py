"""The live page in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from pcea.models import PointModel
from pcea.viewer.collection import Collection
from pcea.viewer.page import Page as LivePage
from pcea.viewer.server import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

Changed = Callable[..., None]
ROWS = b"0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 1 1\n"
DROP = """([name, text]) => { const transfer = new DataTransfer();
transfer.items.add(new File([text], name));
document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, dataTransfer: transfer })); }"""


@pytest.fixture(scope="module")
def address(
    segmenter: PointModel, classifier: PointModel, shape_files: list[Path]
) -> Iterator[str]:
    with serving(shape_files, [segmenter, classifier], port=0, max_upload=5000) as address:
        yield address


def choose(tab: Page, label: str, option: str) -> None:
    tab.get_by_role("combobox", name=label).click()
    tab.get_by_role("option", name=option, exact=True).click()


def slide(tab: Page, value: int) -> None:
    """Type the number of the first slider, which chooses the column."""
    field = tab.locator("input[inputmode]").first
    field.fill(str(value))
    field.press("Enter")


def test_a_visit(tab: Page, address: str, changed: Changed) -> None:
    changed(tab, lambda: tab.goto(address))
    tab.get_by_text("parts of").wait_for()
    tab.get_by_text("eat-seg-tiny, external attention").first.wait_for()
    changed(tab, lambda: choose(tab, "colors", "attention"))
    tab.get_by_text("layer 0, slot 0").wait_for()
    changed(tab, lambda: slide(tab, 3))
    tab.get_by_text("layer 0, slot 3").wait_for()
    changed(tab, lambda: choose(tab, "layer", "layer 1"))
    tab.get_by_text("layer 1, slot 3").wait_for()
    changed(tab, lambda: choose(tab, "colors", "importance"))
    tab.get_by_text("importance for").wait_for()
    changed(tab, lambda: choose(tab, "which", "saliency"))
    changed(tab, lambda: tab.get_by_role("checkbox", name="sampled points").check())
    changed(tab, lambda: tab.get_by_role("checkbox", name="dark", exact=True).check())
    changed(tab, lambda: choose(tab, "shape", "ball.ply"))
    tab.get_by_role("checkbox", name="dark", exact=True).uncheck()
    tab.get_by_role("checkbox", name="sampled points").uncheck()
    choose(tab, "model", "eat-tiny, self attention")
    choose(tab, "colors", "attention")
    tab.get_by_text("layer 0, mean of heads").wait_for()
    changed(tab, lambda: choose(tab, "head", "1"))
    tab.get_by_text("layer 0, head 1").wait_for()


def test_files_from_outside(tab: Page, address: str) -> None:
    from playwright.sync_api import expect

    tab.goto(address)
    shape = tab.get_by_role("combobox", name="shape")
    shape.wait_for()
    give = tab.locator("input[type=file]")

    give.set_input_files({"name": "../../mine.xyz", "mimeType": "", "buffer": ROWS})
    expect(shape).to_have_value("mine.xyz")
    give.set_input_files({"name": "broken.ply", "mimeType": "", "buffer": b"ply\nnonsense"})
    tab.get_by_text("broken.ply: ").first.wait_for()
    give.set_input_files({"name": "large.xyz", "mimeType": "", "buffer": b"0 0 0\n" * 1000})
    tab.get_by_text("large.xyz: it has 0.0 MiB").first.wait_for()
    assert shape.input_value() == "mine.xyz"  # what was wrong broke nothing

    tab.evaluate(DROP, ["dropped.xyz", ROWS.decode()])
    expect(shape).to_have_value("dropped.xyz")


def test_why_the_first_file_was_refused_stays_in_view(segmenter: PointModel) -> None:
    """On an empty page, nothing else is to be said."""
    server = Server("127.0.0.1", 0, 5000)
    page = LivePage(server, Collection([], [segmenter]))
    try:
        begun, done = Event(), Event()
        page._jobs.put(begun.set)
        assert begun.wait(60)
        page._take_in(SimpleNamespace(name="broken.ply", content=b"ply\nnonsense"))
        page._jobs.put(done.set)
        assert done.wait(60)
        page.wake()
    finally:
        page.close()
        said = page._status.content
        server.stop()
    assert "broken.ply: " in said
