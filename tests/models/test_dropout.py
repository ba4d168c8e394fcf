"""Dropout against its definition: how many values it zeroes, which ones, and what it keeps."""

import pytest
import torch

from pcea.models.dropout import Dropout


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("p", [0.1, 0.4, 0.5, 0.9])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_it_zeroes_a_share_and_keeps_the_mean(p: float, kind: torch.dtype) -> None:
    out = Dropout(p)(torch.ones(1000, 1001, dtype=kind))
    assert out.dtype == kind
    kept = out != 0
    # Five standard deviations of a binomial distribution.
    assert kept.double().mean().item() == pytest.approx(1 - p, abs=5 * (p * (1 - p) / 1e6) ** 0.5)
    assert out[kept].unique().item() == pytest.approx(1 / (1 - p), rel=1e-2)
    # Neither rows nor columns share their zeros, and neighbors are independent.
    for dim in (0, 1):
        share = kept.double().mean(dim)
        assert share.std().item() == pytest.approx((p * (1 - p) / 1000) ** 0.5, rel=0.1)
    both = (kept[:, 1:] & kept[:, :-1]).double().mean().item()
    assert both == pytest.approx((1 - p) ** 2, abs=0.003)


def test_the_gradient_passes_where_the_value_was_kept() -> None:
    x = torch.randn(50, 3, requires_grad=True)
    out = Dropout(0.5)(x)
    out.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.where(out == 0, 0.0, 2.0))
    torch.testing.assert_close(out, x.detach() * x.grad)


def test_the_seed_decides() -> None:
    drop, x = Dropout(0.5), torch.ones(99)
    state = torch.get_rng_state()
    first, second = drop(x), drop(x)
    torch.set_rng_state(state)
    assert torch.equal(drop(x), first) and not torch.equal(first, second)


def test_the_ends_of_the_range_and_evaluation() -> None:
    x = torch.randn(7, 5)
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1e-9)(x), x)
    assert not Dropout(1.0)(x).any()
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert Dropout(0.5)(torch.ones(0, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match="probability"):
        Dropout(1.5)


def test_compiled_code_draws_by_torch() -> None:
    out = torch.compile(Dropout(0.5), backend="eager", fullgraph=True)(torch.ones(1000))
    assert 400 < int((out == 0).sum()) < 600
