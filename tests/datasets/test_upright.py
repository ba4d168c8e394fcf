"""The data set of clouds that lie in six ways."""

from pathlib import Path

import pytest
import torch

from pcea.datasets import list_datasets, load_dataset
from pcea.errors import InputError
from pcea.geometry import UP_AXES, upright


def test_each_cloud_lies_as_its_category_says(root: Path) -> None:
    for split in ("train", "val"):
        found = load_dataset("upright", split, root, procedural=2)
        assert found.taxonomy.categories == UP_AXES and not found.taxonomy.parts
        clouds = found.clouds
        assert clouds.part is None and clouds.normal is None
        standing = {
            f"{source}/{cloud.names[0]}": cloud.pos
            for source in ("modelnet40", "meshparts23", "shapenetpart")
            for cloud in load_dataset(source, split, root).clouds
        }
        cups = "meshparts23/01/"  # not all cups of that data set stand
        standing = {name: pos for name, pos in standing.items() if not name.startswith(cups)}
        standing |= {
            f"{source}/{cloud.names[0]}": cloud.pos
            for source in ("shapes", "gear")
            for cloud in load_dataset(source, split, root, num_per_category=2).clouds
        }
        assert sorted(clouds.names) == sorted(standing)
        for cloud in clouds:
            again = upright(cloud.pos, UP_AXES[int(cloud.category)])
            torch.testing.assert_close(again, standing[cloud.names[0]])
        assert set(clouds.category.tolist()) == set(range(6))


def test_a_split_is_always_the_same(root: Path) -> None:
    once, again = (load_dataset("upright", "val", root, procedural=1).clouds for _ in range(2))
    assert torch.equal(once.pos, again.pos) and torch.equal(once.category, again.category)
    test = load_dataset("upright", "test", root, procedural=1).clouds
    count = min(len(test), len(once))
    assert not torch.equal(test.category[:count], once.category[:count])


def test_only_splits_that_all_data_sets_have_are_there(root: Path) -> None:
    (root / "modelnet40_ply_hdf5_2048" / "train_files.txt").unlink()
    listed = {each.name: each.splits for each in list_datasets(root)}
    assert listed["upright"] == listed["everyday"] == ("test",)
    with pytest.raises(InputError, match=r"no split 'train' \(there: test\)$"):
        load_dataset("upright", "train", root)


def test_a_missing_data_set_is_named(root: Path) -> None:
    assert "upright" in {each.name for each in list_datasets(root) if each.folder is not None}
    (root / "modelnet40_ply_hdf5_2048").rename(root / "elsewhere")
    with pytest.raises(InputError, match=r"'upright': it is made of .* lacks modelnet40: get"):
        load_dataset("upright", "train", root)
