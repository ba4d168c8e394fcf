"""Points that belong to no surface: how many, where, and what they take the place of."""

import pytest
import torch
from torch import Generator

from pcea.datasets import Batch
from pcea.transforms.noise import StrayPoints


@pytest.fixture
def batch(generator: Generator) -> Batch:
    pos = torch.nn.functional.normalize(torch.randn(300, 60, 3, generator=generator), dim=-1) / 2
    return Batch(pos, torch.zeros(300), 2 * pos, torch.arange(60).expand(300, 60))


@pytest.mark.parametrize("clusters", [0, 3, (1, 7)])
@pytest.mark.parametrize("most", [40, 100])
def test_strays_of_a_drawn_number_take_the_places_of_others(
    batch: Batch, generator: Generator, clusters: int | tuple[int, int], most: int
) -> None:
    out = StrayPoints((5, most), clusters=clusters)(batch, generator)
    assert out.pos.shape == batch.pos.shape
    assert out.normal is not None and batch.normal is not None
    stray = (out.pos != batch.pos).any(-1)  # (B, N)
    count = stray.sum(1)
    assert 5 <= count.min() <= 8 and min(most, 60) - 4 <= count.max() <= min(most, 60)
    assert not out.normal[stray].any()
    assert torch.equal(out.normal[~stray], batch.normal[~stray])
    # Every place is as likely as every other.
    times = stray.float().mean(0)
    assert (times - times.mean()).abs().max() < 0.15


def test_a_fixed_number_is_added(batch: Batch, generator: Generator) -> None:
    out = StrayPoints(7, clusters=2, std=0.01)(batch, generator)
    assert out.pos.shape == (300, 67, 3)
    assert out.part is not None
    center = batch.pos.gather(1, out.part[:, 60:, None].expand(-1, -1, 3))
    assert (out.pos[:, 60:] - center).abs().max() < 0.06
    assert max(len(part.unique()) for part in out.part[:, 60:]) == 2
    assert StrayPoints(0)(batch, generator).pos.shape == (300, 60, 3)
