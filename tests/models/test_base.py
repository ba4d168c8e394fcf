"""Modes of modules that come back, and the choice among the maps of an attention."""

import pytest
import torch
from torch import nn

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.explanation import explain
from pcea.formats import Cloud
from pcea.models import create_model
from pcea.models.base import evaluating


def test_modes_come_back() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout(), nn.Sequential(nn.BatchNorm1d(1)))
    model[2].eval()
    before = [module.training for module in model.modules()]
    assert len(set(before)) == 2
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == before
    with pytest.raises(KeyError), evaluating(model):
        raise KeyError
    assert [module.training for module in model.modules()] == before


def test_an_attention_with_two_maps_shows_the_chosen_one(generator: torch.Generator) -> None:
    options = {"attention": "catt", "attention_options": {"slots": 5}, "depth": 2}
    model = create_model("eat-tiny", Taxonomy(("cup", "chair")), num_points=64, **options)
    cloud = Cloud(torch.randn(64, 3, generator=generator))
    found = {}
    for kind in ("slots", "points", "slots"):
        model.show_maps(kind)
        found[kind] = explain(model, cloud, up="y", votes=1, importance=False, slots=4)
    assert [each.columns for each in found["slots"].maps] == [
        tuple(f"slot {i}" for i in range(5))
    ] * 2
    assert [each.kind for each in found["points"].maps] == ["points"] * 2
    assert found["points"].maps[0].columns == ("received", "query 0", "query 1", "query 2")
    torch.testing.assert_close(found["points"].maps[1].values[:, :, 0].mean(), torch.tensor(1.0))
    plain = create_model("eat-tiny", attention="self")
    plain.show_maps("points")
    with pytest.raises(InputError, match="layer 0 of 'eat-tiny', self attention, has no map over"):
        plain.show_maps("slots")
