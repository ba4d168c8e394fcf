from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from pcea.datasets import Taxonomy
from pcea.evaluation import SlotFigures, SlotStatistics
from pcea.pictures import Style
from pcea.pictures.slots import SLOT_PICTURES, DrawnSlots
from pcea.pictures.slots.heat_map import heat_map
from pcea.pictures.slots.scatter import scatter

PARTS = Taxonomy(("bar", "slab"), ("bar/low", "bar/high", "slab/all"), ((0, 1), (2,)))


def statistics(with_parts: bool = True) -> SlotStatistics:
    """Four slots of two layers: a detector of each part of the bar, one at chance, one unknown."""
    slots = []
    for i, nmi in enumerate((0.8, 0.6, 0.1, 0.3)):
        told: dict[str, Any] = {
            "nmi": nmi,
            "shuffled_mean": 0.05,
            "shuffled_95": 0.08,
            "slabs_mean": 0.1,
            "slabs_95": 0.2,
            "part": PARTS.parts[i % 2],
            "auc": nmi,
        }
        slots.append(
            SlotFigures(i // 2, 0, i % 2, 0.2 * (i + 1), 0.5, None if i == 3 else 0.1 * i,
                        **(told if with_parts else {}))
        )  # fmt: skip
    nan = torch.nan
    auc = torch.tensor([[0.1, 0.9, nan], [0.95, 0.2, nan], [0.5, 0.5, nan], [0.6, 0.4, nan]])
    auc = auc if with_parts else torch.full((4, 3), nan)
    return SlotStatistics("slots", 10, 64, 5, 0, tuple(slots), (), PARTS, auc)


def drawn(with_parts: bool = True, categories: tuple[int, ...] = (0, 1)) -> DrawnSlots:
    """The statistics of a model and a data set of which only the names matter."""
    model = cast(Any, SimpleNamespace(info=SimpleNamespace(name="eat-seg")))
    data = cast(Any, SimpleNamespace(name="solids", split="val"))
    return DrawnSlots(statistics(with_parts), model, data, categories, Style())


def test_each_picture_is_registered() -> None:
    assert SLOT_PICTURES.names() == ["across", "parts", "slots"]


def test_a_dot_for_each_slot() -> None:
    axes = scatter(drawn()).axes[0]
    assert axes.get_title(loc="left") == "eat-seg on solids val, 10 clouds"
    dots = torch.cat([torch.as_tensor(each.get_offsets().data) for each in axes.collections])
    expected = torch.tensor([[0.2, 0.7], [0.4, 0.5], [0.6, 0.0], [0.8, 0.2]])
    torch.testing.assert_close(dots.float(), expected)
    # The one at chance is not filled.
    filled = [color[3] > 0 for each in axes.collections for color in each.get_facecolors()]
    assert filled == [True, True, False, True]
    assert [each.get_text() for each in axes.texts] == ["slot 0: bar/low", "slot 1: bar/high"]


def test_without_parts_agreement_counts() -> None:
    axes = scatter(drawn(with_parts=False)).axes[0]
    heights = [y for each in axes.collections for _, y in each.get_offsets()]
    assert heights == pytest.approx([0.5, 0.4, 0.3])  # the fourth has none
    assert "agreement" in axes.get_ylabel()


def test_the_best_slot_of_each_part() -> None:
    figure = heat_map(drawn())
    assert figure is not None
    axes = figure.axes[0]
    assert [each.get_text() for each in axes.get_xticklabels()] == ["bar/low", "bar/high"]
    assert [each.get_text() for each in axes.get_yticklabels()] == [
        "layer 0 slot 1",
        "layer 0 slot 0",
    ]
    shown = torch.as_tensor(axes.images[0].get_array().data)
    torch.testing.assert_close(shown, torch.tensor([[0.95, 0.2], [0.1, 0.9]]))


def test_no_labels_no_map() -> None:
    assert heat_map(drawn(categories=(1,))) is None
