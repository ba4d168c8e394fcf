"""A training step of every model is one graph, and compiling it changes nothing."""

import copy
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
import torch._dynamo
from torch import Tensor

from pcea.datasets import Batch
from pcea.models import create_model
from pcea.recipes import RECIPES
from pcea.training.device import autocast
from pcea.training.losses import batch_loss

SMALL: dict[str, Any] = {
    "dims": (8, 8, 16),
    "num": (12, 8),
    "k": 4,
    "depth": 2,
    "fused": 32,
    "hidden": (16, 16),
    "dropout": 0.0,
}


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("pct", "float32"),
        ("eat", "float32"),
        ("eat-tiny", "bf16"),
        ("eat-seg-tiny", "float32"),
    ],
)
def test_forward_and_loss_are_one_graph(name: str, precision: Literal["float32", "bf16"]) -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    recipe = replace(RECIPES["modelnet40-eat-tiny"], precision=precision)
    model = create_model(name, **SMALL)
    other = copy.deepcopy(model)
    batch = Batch(
        pos=torch.randn(3, 24, 3),
        category=torch.tensor([0, 2, 1]),
        normal=torch.randn(3, 24, 3),
        part=torch.randint(0, 4, (3, 24)),
    )

    def loss_of(net: torch.nn.Module) -> Tensor:
        with autocast(recipe, torch.device("cpu")):
            logits = net(batch.pos, batch.normal, batch.category)
        return batch_loss(logits.float(), batch, recipe)

    torch.manual_seed(1)
    expected = loss_of(model)
    expected.backward()
    torch.manual_seed(1)
    got = torch.compile(loss_of, backend="aot_eager", fullgraph=True)(other)
    got.backward()
    close = {"rtol": 1e-4, "atol": 1e-5} if precision == "float32" else {"rtol": 0.1, "atol": 0.02}
    assert_same(got, expected, model, other, close)


def test_the_features_of_complements_are_one_graph() -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    model = create_model("eat-tiny", attention="caam", **SMALL)
    other = copy.deepcopy(model)
    pos = torch.randn(3, 24, 3)

    def norm_of(net: Any) -> Tensor:
        return net.features(pos, complements=True).square().sum()

    expected = norm_of(model)
    expected.backward()
    got = torch.compile(norm_of, backend="aot_eager", fullgraph=True)(other)
    got.backward()
    model.last_layer.requires_grad_(False)
    assert_same(got, expected, model, other, {"rtol": 1e-4, "atol": 1e-5})


def assert_same(
    got: Tensor,
    expected: Tensor,
    model: torch.nn.Module,
    other: torch.nn.Module,
    close: dict[str, float],
) -> None:
    """The values and all gradients of two models are equal."""
    torch.testing.assert_close(got, expected, **close)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        if not one.requires_grad:
            continue
        assert one.grad is not None and two.grad is not None
        torch.testing.assert_close(two.grad, one.grad, **close)
