from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Subset

from pcea.datasets import Clouds, PointCloudDataset, Taxonomy, load_dataset
from pcea.errors import InputError

# torch-geometric says so of itself when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


@pytest.fixture
def labeled() -> Clouds:
    pos = torch.arange(24.0).view(2, 4, 3)
    part = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 0]])
    return Clouds.from_dense(pos, torch.tensor([1, 0]), -pos, part, ["one", "two"])


TAXONOMY = Taxonomy(("cup", "hat"), ("body", "rim"), ((0, 1), (0, 1)))


def test_items_for_both_tasks(labeled: Clouds) -> None:
    seg = PointCloudDataset(labeled, TAXONOMY, "things", "train")
    assert len(seg) == 2
    item = seg[0]
    assert item.pos.tolist() == torch.arange(12.0).view(4, 3).tolist()
    assert torch.equal(item.normal, -item.pos)
    assert item.y.tolist() == [0, 0, 1, 1]
    assert item.category.tolist() == [1]
    assert item.name == "one"
    cls = PointCloudDataset(labeled, TAXONOMY, "things", "train", "classification")
    assert cls[-1].y.tolist() == [0]
    assert cls[-1].part.tolist() == [1, 1, 1, 0]
    fields = "clouds=Clouds(2 of 4 points, normal, part), taxonomy=Taxonomy(2 categories, 2 parts)"
    assert repr(cls).startswith(f"PointCloudDataset({fields}, name='things', split='train', task=")


def test_only_what_is_there_is_in_an_item() -> None:
    clouds = Clouds.from_dense(torch.zeros(1, 3, 3), torch.tensor([0]))
    dataset = PointCloudDataset(clouds, Taxonomy(("cup",)), "things", "train")
    assert set(dataset[0].keys()) == {"pos", "y", "category", "name"}
    with pytest.raises(InputError, match="no part labels"):
        PointCloudDataset(clouds, Taxonomy(("cup",)), "things", "train", "segmentation")


def test_faults(labeled: Clouds) -> None:
    dataset = PointCloudDataset(labeled, TAXONOMY, "things", "train")
    with pytest.raises(IndexError, match="has 2 clouds, not 2"):
        dataset[2]
    with pytest.raises(InputError, match="task is 'both'"):
        PointCloudDataset(labeled, TAXONOMY, "things", "train", "both")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("index", "names"),
    [
        (slice(1, None), ("two",)),
        ([1, 0], ("two", "one")),
        (torch.tensor([False, True]), ("two",)),
    ],
)
def test_several_at_once_are_a_data_set_of_their_own(
    labeled: Clouds, index: Any, names: tuple[str, ...]
) -> None:
    data = PointCloudDataset(labeled, TAXONOMY, "things", "train", "classification", len)
    some = data[index]
    assert isinstance(some, PointCloudDataset)
    assert some.clouds.names == names
    assert (some.task, some.transform, some.split) == ("classification", len, "train")
    with pytest.raises(InputError, match="no cloud 2"):
        data[[2]]


def test_subsets_and_numpy_numbers_give_named_items(labeled: Clouds) -> None:
    dataset = PointCloudDataset(labeled, TAXONOMY, "things", "train")
    assert Subset(dataset, [1])[0].name == "two"
    assert dataset[np.int64(1)].name == dataset[torch.tensor(1)].name == "two"
    assert [item.name for item in dataset] == ["one", "two"]


def test_labels_without_a_name_are_refused(labeled: Clouds) -> None:
    with pytest.raises(InputError, match="things: category 1 has no name: there are 1"):
        PointCloudDataset(labeled, Taxonomy(("cup",)), "things", "train")
    few = Taxonomy(("cup", "hat"), ("body",), ((0,), (0,)))
    with pytest.raises(InputError, match="things: part 1 has no name"):
        PointCloudDataset(labeled, few, "things", "train")


def test_torch_geometric_transforms_and_loaders_apply(
    tmp_path: Path, parts: Callable[..., Path]
) -> None:
    from torch_geometric.loader import DataLoader
    from torch_geometric.transforms import Compose, FixedPoints, RandomScale

    parts(tmp_path / "things_normal")
    transform = Compose([RandomScale((2.0, 2.0)), FixedPoints(6, replace=False)])
    plain = load_dataset("things", "train", tmp_path)
    before = plain.clouds.pos.clone()
    dataset = load_dataset("things", "train", tmp_path, transform=transform)
    item = dataset[0]
    assert item.pos.shape == (6, 3)
    assert item.y.shape == (6,)
    assert item.category.shape == (1,)
    assert item.pos.norm(dim=1).max() > 1
    assert torch.equal(dataset.clouds.pos, before)
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    assert batch.pos.shape == (24, 3)
    assert batch.category.tolist() == [0, 0, 0, 1]
    assert batch.batch.bincount().tolist() == [6] * 4
