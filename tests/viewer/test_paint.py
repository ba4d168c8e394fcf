"""From what is chosen to colors, without a page."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pcea.formats import Cloud, Mesh
from pcea.models import PointModel
from pcea.pictures.colormaps import colors_of, limits
from pcea.viewer.paint import GRAY, Legend, Range, View, column_at, hit, paint
from pcea.viewer.panels import Columns, Parts
from pcea.viewer.study import Study


@pytest.fixture(scope="module")
def parts(segmenter: PointModel, cube: Mesh) -> Study:
    return Study(segmenter, cube)


@pytest.fixture(scope="module")
def among(classifier: PointModel, ball: Cloud) -> Study:
    return Study(classifier, ball)


def test_plain_is_one_color(parts: Study) -> None:
    painting = paint(parts, View())
    assert painting.color.shape == painting.pos.shape
    assert (painting.color == GRAY).all() and painting.key is None


def test_parts_have_the_colors_of_their_legend(parts: Study) -> None:
    painting = paint(parts, View("parts"))
    found = parts.values("parts")
    assert isinstance(painting.key, Legend) and isinstance(found, Parts)
    colors = {name: rgb for name, rgb, _ in painting.key.entries}
    wanted = [colors[found.names[i]] for i in parts.part(found)]
    assert np.array_equal(painting.color, np.array(wanted))
    shares = [share for _, _, share in painting.key.entries]
    assert shares == sorted(shares, reverse=True)


def test_a_classifier_has_no_parts(among: Study) -> None:
    assert (paint(among, View("parts")).color == GRAY).all()


def test_attention_has_the_colors_of_its_values(parts: Study) -> None:
    painting = paint(parts, View("attention", choice=1, column=3, sampled=True))
    values = parts.explanation.maps[1].values[0, :, 3]
    assert isinstance(painting.key, Range)
    assert painting.key.title == "layer 1, slot 3"
    assert painting.key.low == pytest.approx(float(values.quantile(0.01)))
    expected = colors_of(values, painting.key.low, painting.key.high)
    assert np.array_equal(painting.color, expected.numpy())
    assert len(painting.pos) == 64


def test_another_slot_is_another_picture(parts: Study) -> None:
    pictures = [paint(parts, View("attention", column=i)).color for i in range(6)]
    assert all((pictures[0] != other).any() for other in pictures[1:])


def test_one_scale_is_that_of_all_slots(parts: Study) -> None:
    keys = [paint(parts, View("attention", column=i, same_scale=True)).key for i in range(6)]
    assert len({(key.low, key.high) for key in keys if isinstance(key, Range)}) == 1
    low, high = limits(parts.explanation.maps[0].values[0], tails=0.01)
    assert isinstance(keys[0], Range) and (keys[0].low, keys[0].high) == (low, high)


@pytest.mark.parametrize("wild", [View("attention", 99, 99, 99), View("attention", -5, None, -5)])
def test_a_choice_beyond_what_there_is(among: Study, wild: View) -> None:
    assert paint(among, wild).color.shape == (200, 3)


def test_a_query_is_marked_where_it_is(among: Study) -> None:
    assert paint(among, View("attention")).mark is None  # received: asked from nowhere
    painting = paint(among, View("attention", column=1, sampled=True))
    assert painting.mark is not None
    assert float((painting.pos - painting.mark).norm(dim=1).min()) < 1e-5


def test_saliency_has_a_middle(parts: Study) -> None:
    painting = paint(parts, View("importance", column=2))
    assert isinstance(painting.key, Range) and painting.key.map == "coolwarm"
    assert painting.key.low == -painting.key.high


def test_importance_follows_its_target(parts: Study) -> None:
    targets = parts.panels["importance"][1]
    for choice, target in enumerate(targets):
        key = paint(parts, View("importance", choice)).key
        assert isinstance(key, Range) and key.title == f"importance for {target}, critical"


def test_pointing_at_a_place_finds_its_slot(parts: Study) -> None:
    view = View("attention", sampled=True)
    for index in (0, 17, 63):
        expected = int(parts.explanation.maps[0].values[0, index].argmax())
        assert column_at(parts, view, index) == expected
    assert column_at(parts, View("parts"), 0) is None


def test_pointing_at_a_query_finds_it(among: Study) -> None:
    view, stack = View("attention", sampled=True), among.values("attention")
    assert isinstance(stack, Columns) and stack.query is not None
    where = (among.sample.pos - stack.query[2]).norm(dim=1).argmin()
    assert column_at(among, view, int(where)) == 3  # after "received"


def test_a_ray_hits_the_front() -> None:
    pos = torch.tensor([[0.0, 0, 1], [0, 0, -1], [0.5, 0, 0]])
    ahead = torch.tensor([0.0, 0, -1])
    assert hit(pos, torch.tensor([0.0, 0, 5]), ahead) == 0
    assert hit(pos, torch.tensor([0.0, 0, -5]), -ahead) == 1
    assert hit(pos, torch.tensor([0.0, 0, 5]), -ahead) is None
    assert hit(pos, torch.tensor([0.0, 3, 5]), ahead) is None
