"""Turning clouds so that another axis is up."""

import pytest
import torch
from torch import Generator

from pcea.datasets import Batch
from pcea.errors import InputError
from pcea.geometry import UP_AXES, upright
from pcea.transforms.mixing import RSMix
from pcea.transforms.upright import AnyUp


def lying(count: int, generator: Generator) -> Batch:
    pos = torch.rand(count, 20, 3, generator=generator) - 0.5
    category = torch.arange(count) % len(UP_AXES)
    return Batch(pos, category, torch.nn.functional.normalize(pos, dim=-1))


def standing(batch: Batch) -> torch.Tensor:
    pairs = zip(batch.pos, batch.category.tolist(), strict=True)
    return torch.stack([upright(pos, UP_AXES[up]) for pos, up in pairs])


@pytest.mark.parametrize("around", [0.0, 0.5, 1.0])
def test_heights_stay_and_the_category_follows(around: float, generator: Generator) -> None:
    batch = lying(1200, generator)
    done = AnyUp(around)(batch, generator)
    before, after = standing(batch), standing(done)
    torch.testing.assert_close(after[..., 1], before[..., 1])
    radius = before[..., ::2].norm(dim=-1)
    torch.testing.assert_close(after[..., ::2].norm(dim=-1), radius)
    still = (after - before).abs().amax((1, 2)) < 1e-5
    assert still.double().mean().item() == pytest.approx(1 - around, abs=0.05)
    counts = torch.bincount(done.category, minlength=6)
    assert len(counts) == 6 and counts.min() > 150
    # What was up says nothing about what is.
    pairs = torch.bincount(6 * batch.category + done.category, minlength=36)
    assert pairs.min() > 10


def test_normals_turn_with_the_points(generator: Generator) -> None:
    done = AnyUp()(lying(30, generator), generator)
    assert done.normal is not None
    torch.testing.assert_close(done.normal, torch.nn.functional.normalize(done.pos, dim=-1))


def test_mixed_clouds_are_refused(generator: Generator) -> None:
    mixed = RSMix(probability=1)(lying(8, generator), generator)
    with pytest.raises(InputError, match=r"any-up.*: mixed clouds have no up axis"):
        AnyUp()(mixed, generator)
