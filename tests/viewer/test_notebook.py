"""A shape in a notebook."""

import base64
import gzip
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import pcea
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.models import PointModel
from pcea.pictures.palette import palette

if TYPE_CHECKING:
    from playwright.sync_api import Page


def modes_of(shown: Any, tmp_path: Path) -> list[dict[str, Any]]:
    import json

    shown.save(tmp_path / "shown.html")
    text = (tmp_path / "shown.html").read_text()
    found = re.search(r'id="content">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1])["shapes"][0]["studies"][0]["modes"]


def test_values(ball: Cloud, tmp_path: Path) -> None:
    (mode,) = modes_of(pcea.show(ball, ball.pos[:, 1]), tmp_path)
    assert mode["stacks"][0]["columns"] == ["value"]
    low, high = mode["stacks"][0]["ranges"][0][0]
    assert -1 < low < -0.9 and 0.9 < high < 1


def test_many_columns(ball: Cloud, tmp_path: Path) -> None:
    (mode,) = modes_of(pcea.show(ball, ball.pos.numpy(), names=list("xyz")), tmp_path)
    assert mode["stacks"][0]["columns"] == ["x", "y", "z"]


def test_parts(cube: Mesh, tmp_path: Path) -> None:
    part = (cube.vertices[:, 1] > 0.5).int() * 2
    (mode,) = modes_of(pcea.show(cube, part, names=["low", "none", "high"]), tmp_path)
    (stack,) = mode["stacks"]
    assert [(name, share) for name, _, share in stack["legend"]] == [("low", 0.5), ("high", 0.5)]
    assert stack["colors"][1] == stack["legend"][1][1] == palette(3)[2].tolist()


def test_parts_of_large_numbers(cube: Mesh, tmp_path: Path) -> None:
    part = (cube.vertices[:, 1] > 0.5).long() * (1 << 16)  # in 16 bits, all would be 0
    (mode,) = modes_of(pcea.show(cube, part), tmp_path)
    (stack,) = mode["stacks"]
    assert [name for name, _, _ in stack["legend"]] == ["0", "65536"]
    assert (
        np.unique(np.frombuffer(gzip.decompress(base64.b64decode(stack["ids"])), "<u2")).size == 2
    )


def test_more_parts_than_a_page_can_number() -> None:
    num = (1 << 16) + 1
    with pytest.raises(InputError, match="at most 65536 different parts, not 65537"):
        pcea.show(Cloud(torch.rand(num, 3)), np.arange(num))


def test_a_model(ball: Cloud, segmenter: PointModel, tmp_path: Path) -> None:
    model = torch.compile(segmenter, backend="eager")
    modes = modes_of(pcea.show(ball, model=model), tmp_path)
    assert [mode["name"] for mode in modes] == ["parts", "attention", "importance"]


def test_a_model_by_its_name_or_file(ball: Cloud, segmenter: PointModel, tmp_path: Path) -> None:
    pcea.save_model(segmenter, tmp_path / "mine.safetensors")
    modes = modes_of(pcea.show(ball, model=tmp_path / "mine.safetensors"), tmp_path)
    assert [mode["name"] for mode in modes] == ["parts", "attention", "importance"]
    with pytest.raises(InputError, match=r"no weights at eat-small: .*the name of a model that"):
        pcea.show(ball, model="eat-small")


def test_nothing_but_the_shape(cube: Mesh, tmp_path: Path) -> None:
    assert modes_of(pcea.show(cube), tmp_path) == []


@pytest.mark.parametrize(
    ("values", "names", "reason"),
    [
        (np.zeros(3), None, r"values must have shape \(200,\) or \(200, K\), not \(3,\)"),
        (np.zeros((200, 2, 2)), None, "values must have shape"),
        (np.zeros((200, 2)), ["a"], "1 names do not fit 2 columns"),
        (np.full(200, 3), ["a"], "1 names do not fit 4 parts"),
        (np.full(200, -1), None, "parts must be numbers from 0"),
        (["a"] * 200, None, "show: values must be"),
        ([], None, r"values must have shape .*, not \(0,\)"),
    ],
)
def test_what_does_not_fit(ball: Cloud, values: Any, names: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        pcea.show(ball, values, names=names)


def test_values_or_a_model(ball: Cloud, segmenter: PointModel) -> None:
    with pytest.raises(InputError, match="not both"):
        pcea.show(ball, torch.zeros(200), model=segmenter)


def test_in_a_cell(ball: Cloud, tab: "Page", changed: Callable[..., None], tmp_path: Path) -> None:
    shown = pcea.show(ball, ball.pos[:, 1], height=321)
    cell = shown._repr_html_()
    assert "height: 321px" in cell
    shown.save(tmp_path / "page.html")
    source = re.search(r'srcdoc="([^"]*)"', cell)
    assert source and html.unescape(source[1]) == (tmp_path / "page.html").read_text()
    changed(tab, lambda: tab.set_content(f"<body>{cell}</body>"))
