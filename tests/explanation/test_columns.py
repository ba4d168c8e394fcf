"""Columns for pictures: the telling ones, by hand-made maps."""

import pytest
import torch

from pcea.explanation.explain import choose_columns, choose_slots
from pcea.models import AttentionMap


def test_choosing_the_peaked_and_the_different() -> None:
    values = torch.full((100, 5), 0.01)
    values[:4, 0] = 1.0  # the most peaked
    values[:5, 1] = 1.0  # nearly as much, at the same place
    values[50:80, 2] = 1.0  # wide, elsewhere
    values[90:96, 3] = 1.0  # peaked, elsewhere; the last slot is flat
    assert choose_slots(values, 3) == [0, 3, 2]
    assert choose_slots(values, 9) == [0, 3, 2, 1, 4]
    # Values count as shares of the slot's own total.
    assert choose_slots(values * torch.tensor([1.0, 9.0, 0.1, 1.0, 50.0]), 3) == [0, 3, 2]


def test_choosing_what_is_visible() -> None:
    values = torch.full((100, 3), 1e-4)
    values[:3, 0], values[50:56, 1], values[60:80, 2] = 1.0, 1.0, 1.0
    assert choose_slots(values, 3) == [0, 1, 2]
    assert choose_slots(values, 3, torch.arange(100) >= 50) == [1, 2, 0]


def test_choosing_among_flat_slots() -> None:
    assert sorted(choose_slots(torch.ones(10, 3), 3)) == [0, 1, 2]
    assert sorted(choose_slots(torch.zeros(10, 3), 2)) == [0, 1]


def test_slots_as_the_map_has_them() -> None:
    values = torch.full((2, 50, 4), 0.1)
    values[:, :2, 1] = 0.9
    values[0, 10:30, 3] = 0.5
    each = AttentionMap(1, "slots", values, ("slot 0", "slot 1", "slot 2", "slot 3"))
    shares = each.shares
    torch.testing.assert_close(shares.mean(0), torch.ones(4))
    chosen = choose_columns(each, 2)
    assert [(c.index, c.name) for c in chosen] == [(1, "layer 1 slot 1"), (3, "layer 1 slot 3")]
    assert chosen[1].high == pytest.approx(float(shares[:, 3].quantile(0.99)))
    assert [c.index for c in choose_columns(each, 3, first=2)] == [2, 1, 3]
