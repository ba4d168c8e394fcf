"""Farthest point sampling against the textbook loop, and what a choice must hold."""

import numpy as np
import pytest
import torch

from pcea.geometry import farthest_point_sample


def farthest_points_by_loop(pos: np.ndarray, num: int, start: int = 0) -> list[int]:
    """One cloud, float64, one distance at a time."""
    chosen = [start]
    while len(chosen) < num:
        nearest = [min(((p - pos[c]) ** 2).sum() for c in chosen) for p in pos]
        chosen.append(int(np.argmax(nearest)))
    return chosen


@pytest.mark.parametrize("start", [0, 5])
def test_is_the_textbook_loop(generator: torch.Generator, start: int) -> None:
    pos = torch.rand(3, 60, 3, generator=generator)
    index = farthest_point_sample(pos, 20, start=start)
    for cloud, chosen in zip(pos.double().numpy(), index.tolist(), strict=True):
        assert chosen == farthest_points_by_loop(cloud, 20, start)


def test_ties_go_to_the_lowest_index() -> None:
    corners = torch.tensor([[[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]]).float()
    assert farthest_point_sample(corners, 4).tolist() == [[0, 3, 1, 2]]
    assert farthest_point_sample(torch.zeros(1, 5, 3), 3).tolist() == [[0, 0, 0]]


def test_all_points_are_chosen_once(generator: torch.Generator) -> None:
    pos = torch.rand(2, 33, 3, generator=generator)
    assert farthest_point_sample(pos, 33).sort(1).values.tolist() == [list(range(33))] * 2


def test_padding_changes_nothing(generator: torch.Generator) -> None:
    pos = torch.rand(2, 40, 3, generator=generator)
    mask = torch.ones(2, 40, dtype=torch.bool)
    mask[0, ::2] = False
    far_padding = torch.where(mask.unsqueeze(-1), pos, torch.tensor(1e6))
    index = farthest_point_sample(far_padding, 15, mask)
    real = mask[0].nonzero()[:, 0]
    assert torch.equal(index[0], real[farthest_point_sample(pos[:1, real], 15)[0]])
    assert torch.equal(index[1], farthest_point_sample(pos[1:], 15)[0])


def test_few_real_points_repeat_the_first(generator: torch.Generator) -> None:
    pos = torch.rand(1, 10, 3, generator=generator)
    mask = torch.zeros(1, 10, dtype=torch.bool)
    mask[0, [4, 7]] = True
    assert farthest_point_sample(pos, 5, mask).tolist() == [[4, 7, 4, 4, 4]]


@pytest.mark.parametrize(("num", "start"), [(0, 0), (11, 0), (3, 10), (3, -1)])
def test_refuses_what_does_not_fit(num: int, start: int) -> None:
    with pytest.raises(ValueError, match=r"cannot choose|start must lie"):
        farthest_point_sample(torch.rand(1, 10, 3), num, start=start)


def test_compiles_without_a_break(generator: torch.Generator) -> None:
    pos = torch.rand(2, 50, 3, generator=generator)
    compiled = torch.compile(farthest_point_sample, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(pos, 9), farthest_point_sample(pos, 9))
