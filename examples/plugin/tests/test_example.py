"""The plug-in passes the checks of every attention, data set and transform."""

import pytest
import torch

from pcea import create_attention, load_dataset
from pcea.datasets import Batch
from pcea.errors import InputError
from pcea.testing import check_attention, check_dataset, check_transform
from pcea.transforms import as_transforms


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_attention_holds_what_every_attention_must() -> None:
    check_attention("distance")


def test_the_data_set_holds_what_every_data_set_must() -> None:
    check_dataset("solids")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_transform_holds_what_every_transform_must() -> None:
    check_transform("quantize")


def test_nearer_points_count_more() -> None:
    pos = torch.tensor([[[0.0, 0, 0], [0.1, 0, 0], [1, 0, 0]]])
    _, weights = create_attention("distance", 4).attend(torch.randn(1, 3, 4), pos)
    first = weights[0, 0, 0]
    assert first[0] > first[1] > first[2]


def test_what_it_cannot_take_is_said() -> None:
    with pytest.raises(InputError, match="dim is 0; it must be a whole number of at least 1"):
        create_attention("distance", 0)
    with pytest.raises(InputError, match="needs the coordinates"):
        create_attention("distance", 4)(torch.randn(1, 3, 4))


def test_half_of_them_are_boxes() -> None:
    clouds = load_dataset("solids", "train").clouds
    assert clouds.category.bincount().tolist() == [32, 32]


def test_coordinates_lie_on_a_grid() -> None:
    pos = torch.rand(1, 5000, 3)
    (quantize,) = as_transforms("quantize(0.5)")
    values = quantize(Batch(pos, torch.zeros(1))).pos.unique()
    assert len(values) < 5000 and values.diff().max() <= 0.5
