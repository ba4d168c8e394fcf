"""Halo attention against its equation, in float64 and edge by edge."""

import math

import pytest
import torch

from pcea.attention import create_attention, halo
from pcea.attention.halo import HaloAttention
from pcea.errors import InputError
from pcea.geometry import hilbert_order


@pytest.mark.parametrize(
    ("heads", "block", "halo", "turn", "real"),
    [(2, 4, 2, 0, 11), (1, 4, 2, 1, 9), (4, 3, 5, 2, 10), (2, 5, 0, 0, 11), (2, 64, 32, 0, 7)],
)
def test_equation(heads: int, block: int, halo: int, turn: int, real: int) -> None:
    torch.manual_seed(0)
    dim, width = 8, 8 // heads
    attention = HaloAttention(dim, heads, block, halo, turn).double()
    x, pos = (torch.randn(1, 11, size, dtype=torch.float64) for size in (dim, 3))
    mask = torch.arange(11)[None] < real
    out, weights = attention.attend(x, pos, mask)
    forward = attention(x, pos, mask)

    order = hilbert_order(pos[:, :real].roll(turn, -1))[0].tolist()
    q, k, v = attention.qkv(x[0, :real]).detach().split(dim, dim=-1)
    points, relative = pos[0].tolist(), attention.relative.weight.detach()
    expected_map = torch.zeros(heads, 11, 11, dtype=torch.float64)
    read = torch.zeros(real, dim, dtype=torch.float64)
    for rank, n in enumerate(order):
        first = rank // block * block
        window = order[max(first - halo, 0) : first + block + halo]
        for head in range(heads):
            own = slice(head * width, (head + 1) * width)
            scores = []
            for m in window:
                delta = [a - b for a, b in zip(points[m], points[n], strict=True)]
                offset = torch.tensor([*delta, sum(d * d for d in delta)], dtype=torch.float64)
                key = k[m, own] + relative[own] @ offset
                scores.append(float(q[n, own] @ key) / math.sqrt(width))
            total = sum(math.exp(score) for score in scores)
            for m, score in zip(window, scores, strict=True):
                expected_map[head, n, m] = math.exp(score) / total
                read[n, own] += math.exp(score) / total * v[m, own]
    expected = attention.project(read)
    torch.testing.assert_close(weights[0], expected_map, rtol=0, atol=1e-12)
    for found in (out, forward):
        torch.testing.assert_close(found[0, :real], expected, rtol=0, atol=1e-12)


def test_a_point_reads_its_window_alone(generator: torch.Generator) -> None:
    """Its 31 others are nearer than 31 random points would be, not only next on the curve."""
    x, pos = (torch.randn(1, 1000, size, generator=generator) for size in (16, 3))
    pos = torch.nn.functional.normalize(pos, dim=-1)  # on a surface
    weights = HaloAttention(16, block=16, halo=8).attend(x, pos)[1]
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 4, 1000))
    read = (weights > 0)[:, 0]
    assert read.sum(-1).max() == 32
    distance = torch.cdist(pos, pos)
    assert distance[read].mean() < 0.3 * distance.mean()


def test_parts_of_the_curve_are_computed_apart(
    monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
) -> None:
    x, pos = (torch.randn(2, 90, size, generator=generator) for size in (16, 3))
    mask = torch.arange(90) < torch.tensor([[90], [20]])
    attention = HaloAttention(16, block=8, halo=12)
    monkeypatch.setattr(halo, "_POINTS_AT_ONCE", 50)  # three blocks of each cloud
    torch.testing.assert_close(attention(x, pos, mask), attention.attend(x, pos, mask)[0])


@pytest.mark.parametrize("turn", [1, 2])
def test_another_curve_has_other_windows(generator: torch.Generator, turn: int) -> None:
    x, pos = (torch.randn(1, 200, size, generator=generator) for size in (16, 3))
    plain, turned = (HaloAttention(16, block=16, halo=8, turn=each) for each in (0, turn))
    windows = turned.attend(x, pos)[1] > 0
    assert not torch.equal(windows, plain.attend(x, pos)[1] > 0)
    assert torch.equal(windows, plain.attend(x, pos.roll(turn, -1))[1] > 0)


def test_the_place_of_the_cloud_does_not_matter(generator: torch.Generator) -> None:
    x, pos = (torch.randn(1, 100, size, generator=generator) for size in (16, 3))
    attention = HaloAttention(16, block=16, halo=8)
    torch.testing.assert_close(
        attention(x, pos + 64), attention(x, (pos + 64) - 64), rtol=1e-5, atol=1e-5
    )


def test_gradients_reach_the_coordinates(generator: torch.Generator) -> None:
    attention = HaloAttention(8, heads=2, block=4, halo=2).double()
    x, pos = (torch.randn(1, 9, size, generator=generator, dtype=torch.float64) for size in (8, 3))
    assert torch.autograd.gradcheck(
        lambda pos: attention(x, pos), pos.requires_grad_(), fast_mode=True
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 5}, "5 heads do not divide 16 channels"),
        ({"block": 0}, "block is 0; it must be"),
        ({"halo": -1}, "halo is -1; it must be"),
        ({"turn": 3}, "turn is 3; it must be"),
    ],
)
def test_bad_options(options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_attention("halo", 16, **options)


def test_it_needs_coordinates() -> None:
    with pytest.raises(InputError, match="needs the coordinates"):
        HaloAttention(8)(torch.randn(1, 4, 8))
