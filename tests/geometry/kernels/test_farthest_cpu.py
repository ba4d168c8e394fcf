"""The compiled loops against the plain one: the same indices, whatever the clouds look like."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pcea.geometry import farthest_point_sample
from pcea.geometry.kernels import farthest_cpu
from pcea.geometry.sampling import farthest_points_by_steps


def clouds(generator: torch.Generator) -> dict[str, Tensor]:
    """Clouds that end in the middle of a bucket, that are full of ties, or have no extent."""
    grid = torch.cartesian_prod(*[torch.arange(6.0)] * 3)  # (216, 3)
    blobs = torch.randn(2, 1000, 3, generator=generator) * 1e-3
    blobs[:, ::3] += torch.randn(2, 334, 3, generator=generator).round()
    return {
        "few": torch.rand(3, 5, 3, generator=generator),
        "one bucket": torch.rand(2, 64, 3, generator=generator),
        "one more": torch.rand(2, 65, 3, generator=generator),
        "blobs": blobs,
        "grid": grid[torch.randperm(216, generator=generator)][None],
        "twice": torch.rand(1, 80, 3, generator=generator).repeat(1, 2, 1),
        "flat": torch.rand(2, 200, 3, generator=generator) * torch.tensor([1.0, 0.0, 1.0]),
        "equal": torch.ones(1, 130, 3),
        "huge": (torch.rand(2, 150, 3, generator=generator) - 0.5) * 1e38,
        "tiny": torch.rand(1, 150, 3, generator=generator) * 1e-22,
    }


@pytest.fixture(params=["points", "buckets"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farthest_cpu, "LARGE", 1 if request.param == "buckets" else 1 << 40)


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", clouds(torch.Generator()))
def test_is_the_plain_loop(generator: torch.Generator, name: str, padded: bool) -> None:
    pos = clouds(generator)[name]
    mask = torch.rand(pos.shape[:2], generator=generator) < 0.6 if padded else None
    first = torch.full((len(pos), 1), 3)
    for num in (1, 2, pos.shape[1]):
        expected = farthest_points_by_steps(pos, num, first, mask)
        assert torch.equal(farthest_cpu.farthest_points(pos, num, first, mask), expected)


@pytest.mark.usefixtures("loop")
def test_a_cloud_of_padding_is_harmless(generator: torch.Generator) -> None:
    pos, mask = torch.rand(2, 70, 3, generator=generator), torch.zeros(2, 70, dtype=torch.bool)
    mask[1, 5] = True
    first = torch.tensor([[0], [5]])
    expected = farthest_points_by_steps(pos, 4, first, mask)
    assert torch.equal(farthest_cpu.farthest_points(pos, 4, first, mask), expected)


@pytest.mark.usefixtures("loop")
def test_clouds_are_shared_out(
    generator: torch.Generator, use_threads: Callable[[int], None]
) -> None:
    pos = torch.rand(7, 90, 3, generator=generator)
    expected = farthest_point_sample(pos, 30)
    use_threads(3)
    assert torch.equal(farthest_point_sample(pos, 30), expected)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_what_is_not_finite_goes_the_plain_way(generator: torch.Generator, wrong: float) -> None:
    pos = torch.rand(1, 20, 3, generator=generator)
    pos[0, 7, 1] = wrong
    first = torch.zeros(1, 1, dtype=torch.long)
    assert not farthest_cpu.takes(pos, 6, first, None)
    expected = farthest_points_by_steps(pos, 6, first, None)
    assert torch.equal(farthest_point_sample(pos, 6), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_precisions_go_the_plain_way(generator: torch.Generator, dtype: torch.dtype) -> None:
    pos = torch.rand(1, 20, 3, generator=generator).to(dtype)
    first = torch.zeros(1, 1, dtype=torch.long)
    assert not farthest_cpu.takes(pos, 6, first, None)
    assert torch.equal(farthest_point_sample(pos, 6), farthest_points_by_steps(pos, 6, first, None))


@pytest.mark.usefixtures("loop")
def test_takes_any_strides_and_gradients(generator: torch.Generator) -> None:
    pos = torch.rand(3, 2, 70, generator=generator).permute(1, 2, 0).requires_grad_()
    expected = farthest_point_sample(pos.detach().contiguous(), 9)
    assert torch.equal(farthest_point_sample(pos, 9), expected)


def test_the_loops_hold_uncompiled(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    pos = torch.rand(1, 70, 3, generator=generator)
    first, mask = torch.zeros(1, 1, dtype=torch.long), torch.arange(70)[None] % 5 < 4
    expected = farthest_points_by_steps(pos, 4, first, mask)
    from pcea.geometry.kernels import buckets_cpu

    for module, name in (
        (farthest_cpu, "_choose"),
        (buckets_cpu, "_divide"),
        (buckets_cpu, "_halve"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name).py_func)
    for large in (1, 100):
        monkeypatch.setattr(farthest_cpu, "LARGE", large)
        assert torch.equal(farthest_cpu.farthest_points(pos, 4, first, mask), expected)


def test_no_clouds_are_no_choice() -> None:
    assert farthest_point_sample(torch.rand(0, 9, 3), 4).shape == (0, 4)


def test_is_an_operator_that_torch_accepts(generator: torch.Generator) -> None:
    pos, first = torch.rand(2, 30, 3, generator=generator), torch.zeros(2, 1, dtype=torch.long)
    mask = torch.rand(2, 30, generator=generator) < 0.8
    for own in (None, mask):
        torch.library.opcheck(torch.ops.pcea.farthest_points.default, (pos, 5, first, own))


def test_agrees_with_another_library(generator: torch.Generator) -> None:
    fpsample = pytest.importorskip("fpsample", reason="the extra `bench` is not installed")
    pos = torch.rand(1, 5000, 3, generator=generator)
    expected = fpsample.fps_sampling(pos[0].numpy(), 700, start_idx=0)
    assert np.array_equal(farthest_point_sample(pos, 700)[0].numpy(), expected)
