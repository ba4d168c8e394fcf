"""Spacings as compiled and as Python runs them, against plain torch in float64."""

import pytest
import torch
from torch import Tensor

from pcea.geometry import knn
from pcea.geometry.kernels import strays_cpu
from pcea.geometry.strays import spacings_by_gather


@pytest.fixture
def clouds() -> tuple[Tensor, Tensor]:
    """Two clouds of 40 points, and the eight nearest points of each."""
    pos = torch.rand(2, 40, 3, generator=torch.Generator().manual_seed(0))
    return pos, knn(pos, pos, 9)[..., 1:].contiguous()


@pytest.mark.parametrize("k", [1, 5, 8])
def test_spacings_are_those_of_plain_torch(clouds: tuple[Tensor, Tensor], k: int) -> None:
    pos, near = clouds
    assert strays_cpu.takes(pos, near, k) and not strays_cpu.takes(pos.double(), near, k)
    wanted = spacings_by_gather(pos.double(), near, k)
    for ours, theirs in zip(strays_cpu.spacings(pos, near, k), wanted, strict=True):
        torch.testing.assert_close(ours, theirs.float())


def test_python_computes_the_same(clouds: tuple[Tensor, Tensor]) -> None:
    pos, near = clouds
    wanted = strays_cpu.spacings(pos, near, 5)
    found = [torch.zeros_like(each) for each in wanted]
    arrays = [each.numpy() for each in (pos, near, *found)]
    strays_cpu._spacings.py_func(*arrays, 5, 1, 2)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours[1], theirs[1])
        assert not ours[0].any()
