"""Quantiles: torch's own where it can, exact where it cannot."""

import pytest
import torch

from pcea.errors import InputError
from pcea.geometry.quantile import quantile


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.985, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_quantile_is_that_of_torch(
    generator: torch.Generator, share: float, dtype: torch.dtype
) -> None:
    values = torch.randn(7, 31, generator=generator).to(dtype)
    torch.testing.assert_close(quantile(values, share), values.quantile(share))
    torch.testing.assert_close(quantile(values, share, dim=0), values.quantile(share, dim=0))


def test_several_quantiles_come_in_their_order(generator: torch.Generator) -> None:
    values = torch.randn(100, generator=generator)
    torch.testing.assert_close(
        quantile(values, (0.9, 0.1)), values.quantile(torch.tensor([0.9, 0.1]))
    )


def test_more_values_than_torch_takes() -> None:
    """Every whole number up to 17 million once: the place among them is the value."""
    values = torch.arange(17_000_001).double()
    with pytest.raises(RuntimeError, match="too large"):
        values.quantile(0.5)
    assert quantile(values, (0.5, 0.98)).tolist() == [8_500_000, 16_660_000]


def test_the_place_is_exact_among_many_float32_values() -> None:
    """A step at the very place: an index rounded to float32 would land on its other side."""
    num, step = 17_000_001, 16_777_217
    values = torch.zeros(num)
    values[step:] = 1.0
    below, above = quantile(values, ((step - 1) / (num - 1), step / (num - 1))).tolist()
    assert (below, above) == pytest.approx((0, 1), abs=1e-6)


def test_half_precision_and_gradients_do_no_harm() -> None:
    assert quantile(torch.tensor([1.0, 2.0, 3.0]).bfloat16(), 0.5).item() == 2.0
    assert quantile(torch.tensor([1.0, 2.0, 3.0], requires_grad=True), 0.5).item() == 2.0


def test_nothing_and_shares_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="no values"):
        quantile(torch.empty(0), 0.5)
    with pytest.raises(InputError, match="from 0 to 1, not 2"):
        quantile(torch.ones(3), 2)
