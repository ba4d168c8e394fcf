"""Curves of models of which it is known which points they read."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Taxonomy
from pcea.explanation.faithfulness.curves import (
    Labeled,
    area,
    can_be_thinned,
    counts,
    figures_of,
    order_by,
    random_points,
    random_regions,
)
from pcea.explanation.faithfulness.curves import curve as measured

NUM, READ = 100, 20


def reader(pos: Tensor, normal: Tensor | None, category: Tensor | None) -> Tensor:
    """A classifier that knows only how many of the 20 points with x > 1/2 it is given."""
    share = (pos[..., 0] > 0.5).sum(1) / READ
    return torch.stack([share.log(), (1 - share).log()], dim=1)


READER: Any = reader
GIVEN = torch.tensor(counts(NUM)) / NUM


def clouds(num: int = 2) -> Labeled:
    """The same cloud several times."""
    pos = torch.rand(NUM, 3, generator=Generator().manual_seed(0)) * 0.4
    pos[::5, 0] += 0.55
    pos = pos.expand(num, -1, -1)
    return Labeled(pos, None, torch.zeros(num, dtype=torch.long), None, False)


def curve(model: Any, clouds: Labeled, order: Tensor) -> Tensor:
    return measured(model, clouds, order, figures_of(model, clouds))


def areas(order: Tensor) -> Tensor:
    """The areas of insertion and deletion, of probability and accuracy: (2, 2)."""
    both = [curve(READER, clouds(), each)[0].T for each in (order, order.flip(-1))]
    return torch.stack([area(each, GIVEN) for each in both])


def test_how_many_points_are_given() -> None:
    assert counts(100) == [5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]
    assert counts(1024)[:2] == [51, 102] and counts(1024)[-1] == 1024
    assert counts(8) == [2, 3, 4, 5, 6, 7, 8]  # never a single one, and none twice


def test_the_points_that_are_read_have_the_known_areas(generator: Generator) -> None:
    order = order_by((clouds().pos[0, :, 0] > 0.5).float(), generator).expand(2, -1)
    insertion, deletion = areas(order)
    # The probability rises from 5 of 20 points given to all 20 of them, and is 1 from then on.
    assert float(insertion[0]) == pytest.approx((0.15 * (0.25 + 1) / 2 + 0.8) / 0.95, abs=1e-6)
    # It falls to 0 as the first fifth of all points is left out.
    assert float(deletion[0]) == pytest.approx(0.2 / 2 / 0.95, abs=1e-6)
    # It is right from 10 of them on: given first, or with the first tenth of all left out.
    assert float(insertion[1]) == pytest.approx((0.05 / 2 + 0.9) / 0.95, abs=1e-6)
    assert float(deletion[1]) == pytest.approx((0.1 / 2 + 0.1) / 0.95, abs=1e-6)


def test_random_order_is_chance(generator: Generator) -> None:
    order = torch.stack([random_points(clouds().pos[0], generator) for _ in range(200)])
    both = [curve(READER, clouds(200), each)[..., 0].mean(0) for each in (order, order.flip(-1))]
    found = area(torch.stack(both), GIVEN)
    # The share of the points read is that of the points given: the mean of 0.05 … 1.
    torch.testing.assert_close(found, torch.full((2,), 0.525), atol=0.015, rtol=0)


def test_a_better_order_has_a_smaller_deletion_and_a_larger_insertion(generator: Generator) -> None:
    # From the best order to its reverse, by moving one more block of points that are read back.
    read = (clouds().pos[0, :, 0] > 0.5).nonzero()[:, 0]
    found = []
    for moved in range(0, READ + 1, 5):
        values = torch.rand(NUM, generator=generator)
        values[read] += 1
        values[read[:moved]] -= 2
        found.append(areas(order_by(values, generator).expand(2, -1))[:, 0])
    insertion, deletion = torch.stack(found).T
    assert bool((insertion.diff() < 0).all()) and bool((deletion.diff() > 0).all())


def test_deleting_is_inserting_from_the_other_end(generator: Generator) -> None:
    order = random_points(clouds().pos[0], generator).expand(2, -1)
    found = curve(READER, clouds(), order)
    for i, count in enumerate(counts(NUM)):
        kept = clouds().pos[0, order[0, :count]]
        assert float(found[0, i, 0]) == pytest.approx(float((kept[:, 0] > 0.5).sum()) / READ)


def test_ties_are_broken_at_random() -> None:
    orders = [order_by(torch.zeros(50), Generator().manual_seed(i)) for i in range(2)]
    assert not torch.equal(*orders)
    values = torch.tensor([1.0, 3.0, 2.0])
    assert order_by(values, Generator().manual_seed(0)).tolist() == [1, 2, 0]


def test_a_region_grows_from_one_point(generator: Generator) -> None:
    pos = clouds().pos[0]
    order = random_regions(pos, generator)
    distance = (pos - pos[order[0]]).norm(dim=1)[order]
    assert distance[0] == 0 and bool((distance.diff() >= 0).all())


def test_a_segmenter_is_judged_at_all_points() -> None:
    # Two parts of the category at two places; a third one, of another category, never competes.
    taxonomy = Taxonomy(("a", "b"), ("a/0", "a/1", "b/0"), ((0, 1), (2,)))
    pos = torch.rand(1, 40, 3, generator=Generator().manual_seed(0)) * 0.1
    part = torch.arange(40)[None] % 2
    pos[0, 1::2, 0] += 1.0

    class Segmenter:
        info = SimpleNamespace(taxonomy=taxonomy)

        def __call__(self, pos: Tensor, normal: Any, category: Tensor) -> Tensor:
            high = (pos[..., 0] > 0.5).float()
            right = torch.stack([1 - high, high, torch.zeros_like(high)], dim=-1)
            return (right * torch.tensor([0.75, 0.75, 0.0]) + 1e-9).log() + torch.tensor(
                [0.0, 0.0, 9.0]
            )

    stub: Any = Segmenter()
    batch = Labeled(pos, None, torch.tensor([0]), part, True)
    order = torch.arange(40)[None]
    found = curve(stub, batch, order)[0]
    # Alternate points are of alternate parts, so every subset has some of both.
    torch.testing.assert_close(found, torch.ones_like(found), atol=1e-2, rtol=0)
    # If only one part is left, the points of the other one get it by interpolation.
    first = torch.cat([torch.arange(0, 40, 2), torch.arange(1, 40, 2)])[None]
    found = curve(stub, batch, first)[0]
    half = counts(40).index(20)
    torch.testing.assert_close(found[: half + 1], torch.full((half + 1, 2), 0.5), atol=1e-2, rtol=0)
    assert bool((found[half + 1 :] > 0.7).all())


def test_clouds_that_cannot_be_thinned(generator: Generator) -> None:
    pos = torch.randn(100, 3, generator=generator)
    assert can_be_thinned(pos)
    at_one_place = pos.clone()
    at_one_place[:5] = pos[0]
    near_center = pos.clone()
    near_center[:5] = 0.01 * pos[:5].sign()
    assert not can_be_thinned(at_one_place) and not can_be_thinned(near_center)
    for broken in at_one_place, near_center:
        broken[0] = 1.0
        assert can_be_thinned(broken)
