"""The Hilbert curve against a walk through its cells, one bit at a time, and its properties."""

import pytest
import torch

from pcea.geometry import hilbert_order
from pcea.geometry.hilbert import hilbert_index

LEVELS = 21


def place(cell: list[int]) -> int:
    """Hamilton's algorithm for one cell, with its formulas in place of tables."""

    def rotate(bits: int, by: int) -> int:
        return (bits << by % 3 | bits >> -by % 3) & 7 if by % 3 else bits

    def gray(i: int) -> int:
        return i ^ i >> 1

    def trailing_ones(i: int) -> int:
        return 1 + trailing_ones(i >> 1) if i & 1 else 0

    found, corner, axis = 0, 0, 2
    for level in reversed(range(LEVELS)):
        octant = sum((coordinate >> level & 1) << i for i, coordinate in enumerate(cell))
        w = [gray(i) for i in range(8)].index(rotate(octant ^ corner, -(axis + 1)))
        found = 8 * found + w
        corner ^= rotate(gray(2 * ((w - 1) // 2)) if w else 0, axis + 1)
        step = trailing_ones(w - 1 if w % 2 == 0 else w) if w else 0
        axis = (axis + step + 1) % 3
    return found


def test_places_are_those_of_the_slow_walk(generator: torch.Generator) -> None:
    cells = torch.randint(2**LEVELS, (200, 3), generator=generator)
    ends = torch.tensor([[0, 0, 0], [2**LEVELS - 1] * 3, [0, 0, 2**LEVELS - 1]])
    cells = torch.cat([cells, ends])
    assert hilbert_index(cells).tolist() == [place(cell) for cell in cells.tolist()]


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_the_curve_passes_every_cell_once_and_moves_by_one_face(levels: int) -> None:
    """The first cells of the curve are one small cube, which it leaves only when it is full."""
    cells = torch.cartesian_prod(*[torch.arange(2**levels)] * 3)
    places = hilbert_index(cells)
    order = places.argsort()
    assert torch.equal(places[order], torch.arange(8**levels))
    assert (cells[order].diff(dim=0).abs().sum(1) == 1).all()


def test_neighbors_on_the_curve_are_near(generator: torch.Generator) -> None:
    pos = torch.rand(1, 4096, 3, generator=generator)
    steps = pos[0, hilbert_order(pos)[0]].diff(dim=0).norm(dim=1)
    assert steps.mean() < 1.5 / 16  # 16 points along each axis
    assert steps.max() < 0.4


def test_the_order_does_not_depend_on_that_of_the_input(generator: torch.Generator) -> None:
    pos = torch.randn(2, 500, 3, generator=generator)
    shuffled = pos[:, torch.randperm(500, generator=generator)]
    first, second = (p.take_along_dim(hilbert_order(p)[..., None], 1) for p in (pos, shuffled))
    assert torch.equal(first, second)


def test_padding_comes_last(generator: torch.Generator) -> None:
    pos = torch.rand(3, 50, 3, generator=generator)
    pos[0, 0] = torch.tensor([0.0, 0.0, 2.0])  # at the end of the curve, with z as the longest side
    mask = torch.rand(3, 50, generator=generator) < 0.5
    mask[0, 0], mask[2] = True, False
    order = hilbert_order(pos.masked_fill(~mask.unsqueeze(-1), 1e9), mask)
    for cloud, real, found in zip(pos[:2], mask[:2], order[:2], strict=True):
        alone = real.nonzero()[hilbert_order(cloud[real][None])[0], 0]
        assert torch.equal(found[: len(alone)], alone)
    assert torch.equal(order.sort().values, torch.arange(50).expand(3, 50))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_size_and_place(generator: torch.Generator, dtype: torch.dtype) -> None:
    pos = torch.randint(64, (1, 30, 3), generator=generator).to(dtype)
    expected = hilbert_order(pos)
    assert torch.equal(hilbert_order(pos.float() / 1024 - 3), expected)
    assert torch.equal(hilbert_order(torch.ones(1, 4, 3, dtype=dtype)), torch.arange(4)[None])
