from __future__ import annotations

from typing import Any

import pytest
import torch

from pcea.datasets import load_dataset
from pcea.errors import InputError

# torch-geometric says so of itself when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def test_splits_are_fixed_and_disjoint() -> None:
    sets = {
        split: load_dataset("shapes", split, num_per_category=2, num_points=64).clouds
        for split in ("train", "val", "test", "trainval")
    }
    again = load_dataset("shapes", "val", num_per_category=2, num_points=64).clouds
    assert torch.equal(sets["val"].pos, again.pos)
    assert not torch.equal(sets["train"].pos, sets["val"].pos)
    assert not torch.equal(sets["val"].pos, sets["test"].pos)
    assert torch.equal(sets["trainval"].pos, torch.cat([sets["train"].pos, sets["val"].pos]))
    other = load_dataset("shapes", "val", num_per_category=2, num_points=64, seed=1).clouds
    assert not torch.equal(sets["val"].pos, other.pos)
    assert len({*sets["train"].names, *sets["val"].names, *sets["test"].names}) == 3 * len(again)


def test_both_labels_fit_the_taxonomy() -> None:
    dataset = load_dataset("shapes", "val", num_points=128)
    clouds, taxonomy = dataset.clouds, dataset.taxonomy
    assert len(taxonomy.categories) >= 12
    assert clouds.category.bincount().tolist() == [16] * len(taxonomy.categories)
    assert clouds.uniform and clouds.longest == 128
    assert clouds.part is not None
    owner = clouds.category.repeat_interleave(clouds.counts)
    assert taxonomy.part_mask()[owner, clouds.part].all()
    assert load_dataset("shapes", "val", task="classification", num_points=8)[20].y.tolist() == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_point": 8}, "no option 'num_point' .did you mean 'num_points'"),
        ({"num_points": 0}, "0"),
        ({"num_per_category": 0}, "0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_dataset("shapes", "val", **options)
