"""The Triton kernel against the plain loop: in Triton's interpreter where there is no GPU."""

import os

import pytest
import torch

from pcea.geometry import kernels
from pcea.geometry.sampling import farthest_points_by_steps

pytest.importorskip("triton", reason="Triton is not installed")

farthest_points_on_gpu = kernels.by_kernel(
    "farthest_gpu", "farthest_points", farthest_points_by_steps
)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
interpreted = os.environ.get("TRITON_INTERPRET") == "1"
kernel = pytest.mark.skipif(
    DEVICE == "cpu" and not interpreted, reason="test_gpu.py runs it, interpreted"
)


@kernel
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("total", [1, 2, 37, 64])
def test_is_the_plain_loop(generator: torch.Generator, total: int, padded: bool) -> None:
    pos = torch.rand(3, total, 3, generator=generator).to(DEVICE)
    mask = (torch.rand(3, total, generator=generator) < 0.6).to(DEVICE) if padded else None
    first = torch.full((3, 1), total // 2, device=DEVICE)
    expected = farthest_points_by_steps(pos, total, first, mask)
    assert torch.equal(farthest_points_on_gpu(pos, total, first, mask), expected)


@kernel
def test_ties_go_to_the_lowest_index(generator: torch.Generator) -> None:
    grid = torch.cartesian_prod(*[torch.arange(3.0)] * 3).repeat(2, 1)  # (54, 3)
    pos = grid[torch.randperm(54, generator=generator)][None].to(DEVICE)
    first = torch.zeros(1, 1, dtype=torch.long, device=DEVICE)
    expected = farthest_points_by_steps(pos, 40, first, None)
    assert torch.equal(farthest_points_on_gpu(pos, 40, first, None), expected)


@kernel
@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, 1e30])
def test_what_is_not_finite_changes_nothing(generator: torch.Generator, wrong: float) -> None:
    pos = torch.rand(1, 20, 3, generator=generator)
    pos[0, [7, 9], 1] = wrong
    pos = pos.to(DEVICE)
    first = torch.zeros(1, 1, dtype=torch.long, device=DEVICE)
    for mask in (None, torch.arange(20, device=DEVICE)[None] % 4 != 1):
        expected = farthest_points_by_steps(pos, 6, first, mask)
        assert torch.equal(farthest_points_on_gpu(pos, 6, first, mask), expected)


@kernel
def test_no_clouds_are_no_choice() -> None:
    first = torch.zeros(0, 1, dtype=torch.long, device=DEVICE)
    pos = torch.rand(0, 9, 3, device=DEVICE)
    assert farthest_points_on_gpu(pos, 4, first, None).shape == (0, 4)


@kernel
def test_what_the_kernel_does_not_take_goes_the_plain_way(generator: torch.Generator) -> None:
    from pcea.geometry.kernels import farthest_gpu

    first = torch.zeros(1, 1, dtype=torch.long, device=DEVICE)
    pos = torch.rand(1, farthest_gpu.MOST_POINTS + 1, 3, generator=generator).to(DEVICE)
    for case in (pos, pos[:, :30].double()):
        assert not farthest_gpu.takes(case, 3, first, None)
        expected = farthest_points_by_steps(case, 3, first, None)
        assert torch.equal(farthest_points_on_gpu(case, 3, first, None), expected)


def test_goes_the_plain_way_without_triton(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "has_triton", lambda: False)
    pos, first = torch.rand(1, 30, 3, generator=generator), torch.zeros(1, 1, dtype=torch.long)
    expected = farthest_points_by_steps(pos, 6, first, None)
    assert torch.equal(farthest_points_on_gpu(pos, 6, first, None), expected)
