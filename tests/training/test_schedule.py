import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from pcea.models import create_model
from pcea.recipes import Recipe
from pcea.training.schedule import build_optimizer, learning_rate

RECIPE = Recipe(
    "r", "shapes", "eat", epochs=4, lr=0.1, final_lr=0.01, warmup_epochs=1.0, weight_decay=0.3
)


def test_hand_computed_rates() -> None:
    rates = [learning_rate(step, 4, RECIPE) for step in range(17)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert rates[10] == pytest.approx(0.055)  # halfway down
    assert rates[7] == pytest.approx(0.01 + 0.045 * (1 + math.cos(math.pi / 4)))
    assert rates[16] == pytest.approx(0.01)


def test_without_warm_up_it_is_torchs_cosine() -> None:
    recipe = replace(RECIPE, warmup_epochs=0.0)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=recipe.lr)
    scheduler = CosineAnnealingLR(optimizer, T_max=20, eta_min=recipe.final_lr)
    for step in range(20):
        rate = learning_rate(step, 5, recipe)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6)
        optimizer.step()
        scheduler.step()


def test_after_a_restart_it_is_the_schedule_of_a_run_of_the_epochs_until_the_next_one() -> None:
    recipe = replace(RECIPE, epochs=9, restarts=(4, 6))
    rates = [learning_rate(step, 5, recipe) for step in range(45)]
    for first, last in pairwise((0, 4, 6, 9)):
        alone = replace(RECIPE, epochs=last - first)
        expected = [learning_rate(step, 5, alone) for step in range(5 * (last - first))]
        assert rates[5 * first : 5 * last] == expected
    assert rates[20] < rates[24] and rates[19] < rates[24]  # it warms up again


@pytest.mark.parametrize("warmup", [0.0, 0.5, 2.5, 4.0, 50.0])
def test_rates_rise_and_then_fall(warmup: float) -> None:
    recipe = replace(RECIPE, warmup_epochs=warmup)
    rates = [learning_rate(step, 3, recipe) for step in range(12)]
    top = rates.index(max(rates))
    assert all(a < b for a, b in pairwise(rates[: top + 1]))
    assert all(a > b for a, b in pairwise(rates[top:]))
    assert all(0 < rate <= recipe.lr for rate in rates)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_only_matrices_decay(name: str) -> None:
    model = create_model("eat-tiny")
    optimizer = build_optimizer(model, replace(RECIPE, optimizer=name))
    decay = {
        id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]
    }
    assert len(decay) == sum(1 for _ in model.parameters())
    for module in model.modules():
        own = dict(module.named_parameters(recurse=False))
        if isinstance(module, nn.BatchNorm1d):
            assert {decay[id(p)] for p in own.values()} == {0.0}
        if isinstance(module, nn.Linear):
            assert decay[id(own["weight"])] == 0.3
            assert decay.get(id(own.get("bias")), 0.0) == 0.0
    assert {group["lr"] for group in optimizer.param_groups} == {0.1}


def test_frozen_parameters_are_left_out() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    model[0].requires_grad_(False)
    groups = build_optimizer(model, RECIPE).param_groups
    assert [len(group["params"]) for group in groups] == [1, 1]


def test_sgd_is_the_papers() -> None:
    optimizer = build_optimizer(nn.Linear(2, 2), replace(RECIPE, optimizer="sgd"))
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.param_groups[0]["momentum"] == 0.9
