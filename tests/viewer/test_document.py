"""What a page holds is what the studies say, and it is written a shape at a time."""

import base64
import gzip
import json
import re
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.geometry import UP_AXES, quantile
from pcea.models import PointModel
from pcea.viewer import document
from pcea.viewer.document import (
    Content,
    NothingToShow,
    export_html,
    of_shape,
    of_studies,
    of_study,
    of_values,
    page,
    stand,
    write_page,
)
from pcea.viewer.panels import Columns, Parts
from pcea.viewer.study import Study


def content_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1])


def unpacked(text: str, kind: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(gzip.decompress(base64.b64decode(text)), kind)


@pytest.fixture(scope="module")
def parts(segmenter: PointModel, cube: Mesh) -> Study:
    return Study(segmenter, cube)


@pytest.fixture(scope="module")
def among(classifier: PointModel, ball: Cloud) -> Study:
    return Study(classifier, ball)


@pytest.fixture(scope="module")
def described(parts: Study) -> Content:
    """The cube with its parts, as a page that was written has it."""
    return content_of("".join(page([of_studies([parts])])))["shapes"][0]


def layer_of(study: Study, choice: int = 0) -> Columns:
    found = study.values("attention", choice)
    assert isinstance(found, Columns)
    return found


def close_to(steps: np.ndarray[Any, Any], ends: list[float], values: np.ndarray[Any, Any]) -> bool:
    """Whether steps from 0 to 254 between the ends mean the values, as near as steps can."""
    low, high = ends
    off = np.abs(low + steps / 254 * (high - low) - values.clip(low, high))
    return bool(off.max() < (high - low) / 500)


class _Tracked(dict):  # type: ignore[type-arg]
    """A dict that can be watched."""


def _content(name: str) -> Content:
    return of_shape(Cloud(torch.rand(20, 3), name=name), "y", [])


def test_the_file_is_the_page(tmp_path: Path) -> None:
    shapes = [_content(name) for name in ("a", "</script> & b", "椅子")]
    write_page(tmp_path / "page.html", iter(shapes), dark=True)
    assert (tmp_path / "page.html").read_text("utf-8") == "".join(page(shapes, dark=True))


def test_each_shape_is_gone_before_the_next_is_made(tmp_path: Path) -> None:
    alive: list[weakref.ref[_Tracked]] = []

    def shapes() -> Iterator[Content]:
        for i in range(4):
            assert not any(each() for each in alive)
            content = _Tracked(_content(str(i)))
            alive.append(weakref.ref(content))
            yield content
            del content

    write_page(tmp_path / "page.html", shapes())
    assert len(alive) == 4


def test_no_shape_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(NothingToShow, match="there is no shape to show"):
        write_page(tmp_path / "page.html", [])
    assert not list(tmp_path.iterdir())


def test_a_fault_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def shapes() -> Iterator[Content]:
        yield _content("a")
        raise RuntimeError("in the middle")

    (tmp_path / "page.html").write_text("before")
    with pytest.raises(RuntimeError, match="in the middle"):
        write_page(tmp_path / "page.html", shapes())
    assert (tmp_path / "page.html").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_shape_is_the_one_that_is_drawn(described: Content, parts: Study) -> None:
    assert isinstance(parts.drawn, Mesh)
    faces = unpacked(described["face"], "<u4").reshape(-1, 3)
    assert np.array_equal(faces, parts.drawn.faces.numpy())
    pos = unpacked(described["pos"], "<i2").reshape(-1, 3) / 32767
    assert len(pos) == described["count"] == len(parts.drawn.vertices)
    assert np.allclose(pos, stand(parts.drawn, parts.drawn.vertices, "y"), atol=1e-4)
    (study,) = described["studies"]
    assert study["title"] == "eat-seg-tiny, external attention"
    assert [name for name, _ in study["prediction"]] == [name for name, _ in parts.prediction]
    assert len(unpacked(study["sample"], "<i2")) == 3 * 64


def test_parts_have_the_colors_of_their_legend(described: Content, parts: Study) -> None:
    stack, found = described["studies"][0]["modes"][0]["stacks"][0], parts.values("parts")
    assert isinstance(found, Parts)
    on_shape, given = parts.carry(found.probability).argmax(-1), found.probability.argmax(-1)
    assert np.array_equal(unpacked(stack["ids"], "<u2"), on_shape)
    assert np.array_equal(unpacked(stack["sample"], "<u2"), given)
    present = {found.names[part] for part in torch.cat([on_shape, given]).tolist()}
    assert {name for name, _, _ in stack["legend"]} == present
    for name, rgb, share in stack["legend"]:
        part = found.names.index(name)
        assert stack["colors"][part] == rgb
        assert share == pytest.approx(float((given == part).float().mean()))
    shares = [share for _, _, share in stack["legend"]]
    assert shares == sorted(shares, reverse=True)


def test_attention_is_in_steps_of_its_range(described: Content, parts: Study) -> None:
    stack, values = described["studies"][0]["modes"][1]["stacks"][1], layer_of(parts, 1)
    on_shape = unpacked(stack["blocks"]["0 0"], "u1").reshape(6, -1)
    at_sample = unpacked(stack["sample"]["0 0"], "u1").reshape(6, -1)
    carried = parts.drawn.carry_back(parts.sample, values.values[0])  # (V, K)
    for column in range(6):
        own, ends = values.values[0, :, column], stack["ranges"][0][column]
        assert ends == pytest.approx(quantile(own, (0.01, 0.99)).tolist())
        assert close_to(at_sample[column], ends, own.numpy())
        # Two ways of carrying may end in neighboring steps.
        low, high = ends
        assert close_to(on_shape[column], [low, high], carried[:, column].numpy())
    assert stack["shared"][0] == pytest.approx(quantile(values.values[0], (0.01, 0.99)).tolist())


def test_importance_has_a_middle(described: Content) -> None:
    (stack,) = described["studies"][0]["modes"][2]["stacks"]
    assert stack["columns"] == ["critical", "nearby", "saliency"]
    assert stack["maps"] == ["viridis", "viridis", "coolwarm"]
    low, high = stack["ranges"][0][2]
    assert low == -high
    assert stack["pick"] is None


def test_a_click_leads_to_the_slot_with_most_attention(described: Content, parts: Study) -> None:
    stack = described["studies"][0]["modes"][1]["stacks"][0]
    expected = layer_of(parts).values[0].argmax(1)
    assert np.array_equal(unpacked(stack["pick"], "<u2"), expected)
    assert stack["marks"] == []


def test_a_click_leads_to_the_nearest_query(among: Study) -> None:
    values, sample = layer_of(among), among.sample.pos
    assert values.query is not None
    stack = of_values(among, values)
    pick = unpacked(stack["pick"], "<u2").reshape(3, -1)  # the mean and two heads
    away = (sample[:, None] - values.query).norm(dim=2)  # (P, Q)
    for point, column in enumerate(pick[0]):  # after "received"
        assert away[point, column - 1] == pytest.approx(float(away[point].min()), abs=1e-6)
    assert (pick == pick[0]).all()
    assert stack["marks"][0] is None
    marks = torch.tensor(stack["marks"][1:])
    assert torch.allclose(marks, stand(among.drawn, values.query, "y"))


def test_heads_are_in_it_with_their_mean(among: Study) -> None:
    stack, values = of_study(among)["modes"][0]["stacks"][0], layer_of(among)
    assert stack["heads"] == ["mean of heads", "head 0", "head 1"]
    assert stack["columns"][0] == "received"
    for head, known in enumerate([values.values.mean(0), *values.values]):
        steps = unpacked(stack["sample"][f"{head} 0"], "u1").reshape(len(values.names), -1)
        assert close_to(steps[2], stack["ranges"][head][2], known[:, 2].numpy())


def test_a_live_page_is_given_the_same_in_blocks(
    among: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, values = of_study(among)["modes"][0]["stacks"][0], layer_of(among)
    monkeypatch.setattr(document, "AT_ONCE", 2 * 200 + 1)
    live = of_values(among, values)
    assert (live["width"], live["blocks"]) == (2, {})
    block = unpacked(document.block(among, values, 1, range(4, 6)), "u1")
    expected = unpacked(whole["blocks"]["1 0"], "u1").reshape(len(values.names), -1)
    assert np.array_equal(block, expected[4:6].ravel())
    same = ("heads", "columns", "maps", "ranges", "shared", "sample", "pick", "marks", "title")
    assert {key: live[key] for key in same} == {key: whole[key] for key in same}
    modes = of_study(among, live=True)["modes"]
    assert [mode["stacks"] for mode in modes] == [[], []]
    assert set(modes[1]["choices"]) == {"ball", "box"}


def test_what_is_no_number_has_a_step_of_its_own() -> None:
    values = torch.tensor([0.0, 1.0, torch.nan, torch.inf])[None, :, None]
    (packed,) = document.of_columns(Columns("", values, ("a",)))["blocks"].values()
    assert unpacked(packed, "u1").tolist() == [0, 254, 255, 254]


def test_it_needs_no_other_file(parts: Study) -> None:
    text = "".join(page([of_studies([parts])]))
    assert not re.findall(r"""(?:src|href)=|url\(|import\(|https?://""", text)


def test_large_shapes_keep_the_columns_that_vary_most(
    segmenter: PointModel, classifier: PointModel, ball: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "MOST_VALUES", 200 * 2 * 3)  # places, layers, columns a layer
    study = Study(segmenter, ball)
    attention = of_study(study)["modes"][1]
    for stack, described in zip(study.explanation.maps, attention["stacks"], strict=True):
        mean = stack.values.mean(0)
        varies = (mean.std(0) / mean.mean(0)).argsort(descending=True)[:3].sort().values
        assert described["columns"] == tuple(f"slot {i}" for i in varies)
        assert described["note"].startswith("3 of 6")
        pick = mean[:, varies].argmax(1)
        assert np.array_equal(unpacked(described["pick"], "<u2"), pick)
    stack = of_study(Study(classifier, ball))["modes"][0]["stacks"][0]
    assert len(stack["marks"]) == 3 and list(stack["blocks"]) == ["0 0"]


def test_a_hostile_name_is_text(ball: Cloud) -> None:
    name = "</script><script>alert(1)</script>"
    text = "".join(page([of_shape(replace(ball, name=name), "y", [])]))
    assert "<script>alert" not in text
    assert content_of(text)["shapes"][0]["name"] == name


def test_where_it_cannot_be_written(among: Study, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder"):
        export_html(tmp_path / "folder", [[among]])
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("up", UP_AXES)
def test_shapes_stand_in_the_middle(ball: Cloud, up: str) -> None:
    tall = replace(ball, pos=ball.pos * torch.tensor([1.0, 2.0, 3.0]) + 50)
    pos = stand(tall, tall.pos, up)
    low, high = pos.min(0).values, pos.max(0).values
    assert torch.allclose(low, -high, atol=1e-4)
    assert float((high - low).norm()) == pytest.approx(2, abs=1e-4)
    extent = {"x": 0, "y": 1, "z": 2}[up[-1]]
    raw = tall.pos[:, extent] * (-1 if up.startswith("-") else 1)
    assert torch.corrcoef(torch.stack([pos[:, 1], raw]))[0, 1] > 0.999


def test_a_stray_vertex_moves_nothing(cube: Mesh) -> None:
    stray = replace(cube, vertices=torch.cat([cube.vertices, torch.tensor([[900.0, 0, 0]])]))
    assert torch.allclose(stand(stray, cube.vertices, "y"), stand(cube, cube.vertices, "y"))
