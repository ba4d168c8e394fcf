"""The segmenter: its head against the published form, and its answers on a user's cloud."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.formats import Cloud
from pcea.geometry import three_interpolate, unit_sphere
from pcea.models import Segmenter, create_model

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))


def build(name: str = "eat-seg-tiny", **options: Any) -> Segmenter:
    torch.manual_seed(0)
    model = create_model(name, PARTS, num_points=150, **options)
    assert isinstance(model, Segmenter)
    return model.eval()


@pytest.fixture
def pos(generator: torch.Generator) -> Tensor:
    return torch.rand(2, 300, 3, generator=generator)


@pytest.mark.parametrize("name", ["eat-seg-tiny", "eat-seg-simple"])
@torch.no_grad()
def test_the_head_is_the_published_one(name: str, pos: Tensor) -> None:
    model = build(name)
    category = torch.tensor([0, 1])
    levels = model.encoder(pos)
    fused = levels[-1].x
    context = torch.cat(
        [fused.amax(1), fused.mean(1), model.category(F.one_hot(category, 2).float())], dim=-1
    )
    finer = levels[: len(model.own) - 1]
    own = [three_interpolate(pos, level.pos, level.x) for level in (*finer, levels[-1])]
    x = torch.cat([*own, context.unsqueeze(1).expand(-1, 300, -1)], dim=-1)
    weights = [linear.weight for linear in model.own] + [model.context.linear.weight]
    x = model.context.activate(x @ torch.cat(weights, dim=1).T)
    expected = model.last(model.second(x))
    torch.testing.assert_close(model(pos, category=category), expected, rtol=1e-3, atol=1e-4)


def test_a_hidden_category_is_an_unknown_one(pos: Tensor) -> None:
    model = build(category_dropout=1.0)
    category = torch.tensor([0, 1])
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.train()
    torch.testing.assert_close(model(pos, category=category), model(pos))
    model.eval()
    assert not torch.equal(model(pos, category=category), model(pos))


def test_only_parts_of_the_category_compete(pos: Tensor) -> None:
    cloud = Cloud(pos[0])
    model = build()
    cup, chair = model.segment(cloud, "cup"), model.segment(cloud, "Chair")
    assert cup.category == "cup"
    assert set(cup.part.tolist()) <= {0, 1}
    assert cup.part.shape == cup.probability.shape == (300,)
    assert cup.probability.min() >= 0.5
    assert chair.part.tolist() == [2] * 300
    torch.testing.assert_close(chair.probability, torch.ones(300))


def test_an_unknown_category_is_found(pos: Tensor) -> None:
    model = build()
    with torch.no_grad():
        model.last.bias.copy_(torch.tensor([0.0, 0.0, 9.0]))
    assert model.segment(Cloud(pos[0])).category == "chair"
    with torch.no_grad():
        model.last.bias.copy_(torch.tensor([9.0, 0.0, 0.0]))
    assert model.segment(Cloud(pos[0])).category == "cup"


def test_every_point_is_answered(generator: torch.Generator) -> None:
    model = build()
    for count in (2, 40, 3000):
        cloud = Cloud(torch.rand(count, 3, generator=generator))
        assert len(model.segment(cloud, votes=2).part) == count


def test_refuses_unknown_categories_and_a_taxonomy_without_parts(pos: Tensor) -> None:
    with pytest.raises(InputError, match="no category 'cups'"):
        build().segment(Cloud(pos[0]), "cups")
    with pytest.raises(InputError, match="taxonomy with parts"):
        create_model("eat-seg-tiny", Taxonomy(("cup",)))


def test_samples_lie_in_the_frame_of_their_cloud(generator: torch.Generator) -> None:
    cloud = Cloud(torch.rand(900, 3, generator=generator) * 5 + 3)
    placed = unit_sphere(cloud.pos)
    for seed in range(2):
        seen = build().look_at(cloud, seed).batch.pos[0]
        distance = (seen[:, None] - placed).norm(dim=-1)  # cdist rounds away what is tested
        assert distance.min(1).values.max() == 0
