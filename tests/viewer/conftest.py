"""Small untrained models, small shapes, and a real browser where there is one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from pcea.datasets import Taxonomy
from pcea.formats import Cloud, Mesh, write_ply
from pcea.models import PointModel, create_model

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
# Milliseconds: a busy machine without a GPU draws a page slowly.
PATIENCE = 180_000
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
TOYS = Taxonomy(("ball", "box"), ("ball/low", "ball/high", "box/low", "box/high"), ((0, 1), (2, 3)))
SMALL = {"depth": 2, "k": 4, "num": (32, 16), "fused": 16, "dims": (8, 8, 8), "hidden": (8, 8)}


def small(name: str, **options: Any) -> PointModel:
    torch.manual_seed(0)
    model = create_model(name, TOYS, num_points=64, **(SMALL | options))
    with torch.no_grad():  # what norms have seen nothing flatten all differences
        for _ in range(20):
            model(torch.randn(4, 64, 3))
        for layer in model.encoder.layers:  # and what attends to all alike makes gray pictures
            for weight in layer.attention.parameters():
                weight *= 6
    return model.eval()


@pytest.fixture(scope="session")
def segmenter() -> PointModel:
    options = {"slots": 6}
    return small("eat-seg-tiny", num=(None, None), attention_options=options)


@pytest.fixture(scope="session")
def classifier() -> PointModel:
    """Its attention is among points, and has two heads."""
    return small("eat-tiny", attention="self", attention_options={"heads": 2})


@pytest.fixture(scope="session")
def cube() -> Mesh:
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [(a, b, c) for a, b, c, _ in quads] + [(a, c, d) for a, _, c, d in quads]
    return Mesh(torch.tensor(corners).float(), torch.tensor(faces), "cube")


@pytest.fixture(scope="session")
def ball() -> Cloud:
    pos = torch.randn(200, 3, generator=torch.Generator().manual_seed(1))
    return Cloud(pos / pos.norm(dim=1, keepdim=True), name="ball")


@pytest.fixture(scope="session")
def shape_files(cube: Mesh, ball: Cloud, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("shapes")
    write_ply(folder / "cube.ply", cube.vertices, faces=cube.faces)
    write_ply(folder / "ball.ply", ball.pos)
    return [folder / "cube.ply", folder / "ball.ply"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a screen; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    sync_api.expect.set_options(timeout=PATIENCE)
    with sync_api.sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium is installed")
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except sync_api.Error as error:
            pytest.skip(f"Chromium does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A page of the browser. At its end it must have had no error and asked nobody outside."""
    page = browser.new_page(viewport={"width": 900, "height": 600})
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if _outside(request.url) else None)
    yield page
    page.close()
    assert wrong == []


@pytest.fixture
def changed() -> Callable[..., Any]:
    """Does something to a page, and waits until its left half looks different."""

    def do(page: Page, action: Callable[[], object]) -> None:
        before, until = pixels(page), time.monotonic() + PATIENCE / 1000
        action()
        while (np.abs(pixels(page) - before).max(-1) > 40).sum() <= 100:
            assert time.monotonic() < until, "the picture did not change"
            page.wait_for_timeout(50)

    return do


def pixels(page: Page) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The left part of the page, where no widget stands, (H, W, 3)."""
    import io

    from PIL import Image

    png = page.screenshot(clip={"x": 270, "y": 0, "width": 280, "height": 600})
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int64)


def _outside(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "file://", "data:", "blob:"))
