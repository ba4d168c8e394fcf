"""The form that the field writes is the same function as the model here."""

from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.benchmarks.conv1d_pct import Conv1dPCT, carry_weights, pairs, square_distance
from pcea.models import Classifier, create_model

NUM, K = (24, 12), 6


@pytest.fixture
def twins() -> tuple[Classifier, Conv1dPCT]:
    torch.manual_seed(0)
    model = cast(Classifier, create_model("pct", num=NUM, k=K, dropout=0.0))
    model.clean = False
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.weight, 1.0, 0.2)
            torch.nn.init.normal_(module.bias, 0.0, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    other = Conv1dPCT(num=NUM, k=K)
    other.dropout.p = 0.0
    return model, carry_weights(model, other)


@pytest.fixture
def pos(generator: torch.Generator) -> Tensor:
    return torch.randn(4, 40, 3, generator=generator)


def test_every_weight_is_carried_once(twins: tuple[Classifier, Conv1dPCT]) -> None:
    model, other = twins
    found = pairs(model, other)
    assert len({here for (here, _), _ in found}) == len(model.state_dict())
    assert len({there for _, (there, _) in found}) == len(other.state_dict())


def test_the_same_logits(twins: tuple[Classifier, Conv1dPCT], pos: Tensor) -> None:
    model, other = (each.double().eval() for each in twins)
    expected = model(pos.double())
    assert expected.std() > 0.01
    torch.testing.assert_close(other(pos.double()), expected)


def test_the_same_step(twins: tuple[Classifier, Conv1dPCT], pos: Tensor) -> None:
    model, other = (each.double().train() for each in twins)
    target = torch.tensor([3, 0, 7, 3])
    for each in (model, other):
        F.cross_entropy(each(pos.double()), target).backward()
    for (name, own), (_, theirs) in pairs(model, other):
        # Gradients of parameters, and the statistics after one step.
        torch.testing.assert_close(theirs.view_as(own), own, msg=name)
        if own.grad is not None:
            assert theirs.grad is not None
            torch.testing.assert_close(
                theirs.grad.view_as(own), own.grad, atol=1e-9, rtol=1e-6, msg=name
            )
    assert all(each.grad is not None for each in other.parameters())


def test_square_distance(generator: torch.Generator) -> None:
    a, b = (torch.randn(2, n, 3, generator=generator).double() for n in (5, 7))
    torch.testing.assert_close(square_distance(a, b), torch.cdist(a, b).square())
