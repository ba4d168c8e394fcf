"""ModelNet40 with shapes of the same categories from other data sets."""

from pathlib import Path

import pytest
import torch

from pcea.datasets import list_datasets, load_dataset
from pcea.datasets.modelnet40 import CATEGORIES
from pcea.errors import InputError

# What some categories of other data sets are called in ModelNet40; None: it has no such category.
SAME = {
    "meshparts23/Cup": "cup",
    "meshparts23/CosegChair": "chair",
    "shapenetpart/Mug": "cup",
    "shapes/mug": "cup",
    "shapes/chair": "chair",
    "shapes/animal": None,
    "gear/laptop": "laptop",
    "gear/knife": None,
}


def test_training_has_other_shapes_of_the_same_categories(root: Path) -> None:
    own = load_dataset("modelnet40", "train", root).clouds
    data = load_dataset("modelnet40-plus", "train", root, procedural=2)
    clouds = data.clouds
    assert data.taxonomy.categories == CATEGORIES and clouds.part is None
    count = len(own)
    assert torch.equal(clouds.pos[: len(own.pos)], own.pos)
    assert clouds.names[:count] == own.names
    assert torch.equal(clouds.category[:count], own.category)
    added = {
        name: CATEGORIES[clouds.category[count + i]] for i, name in enumerate(clouds.names[count:])
    }
    for source in ("meshparts23", "shapenetpart", "shapes", "gear"):
        options = {"num_per_category": 2} if source in ("shapes", "gear") else {}
        theirs = load_dataset(source, "train", root, **options)
        for each in theirs.clouds:
            name = f"{source}/{theirs.taxonomy.categories[int(each.category)]}"
            if name in SAME:
                assert added.get(f"{source}/{each.names[0]}") == SAME[name]
    assert "shapes/vase" not in added and set(added.values()) <= set(CATEGORIES)


def test_categories_that_modelnet40_lacks_are_left_out(root: Path) -> None:
    names = ("bed", "chair", "vase")
    (root / "modelnet40_ply_hdf5_2048" / "shape_names.txt").write_text("\n".join(names))
    own = load_dataset("modelnet40", "train", root).clouds
    found = load_dataset("modelnet40-plus", "train", root, procedural=2)
    assert found.taxonomy.categories == names
    added = found.clouds.category[len(own) :]
    assert {names[i] for i in added.tolist()} == {"chair", "vase"}
    assert len(added) == 3 + 2 * 2  # CosegChair, and the built-in chairs and vases


@pytest.mark.parametrize("split", ["val", "test"])
def test_what_measures_is_modelnet40(root: Path, split: str) -> None:
    own, found = (load_dataset(name, split, root) for name in ("modelnet40", "modelnet40-plus"))
    assert found.taxonomy == own.taxonomy and found.clouds.names == own.clouds.names
    assert torch.equal(found.clouds.pos, own.clouds.pos)


def test_only_training_needs_the_other_data_sets(root: Path) -> None:
    (root / "meshparts23_normal").rename(root / "elsewhere")
    listed = {each.name: each for each in list_datasets(root)}["modelnet40-plus"]
    assert listed.splits == ("val", "test")
    for place, lacks in (
        (root, "meshparts23"),
        (root / "modelnet40_ply_hdf5_2048", "meshparts23 and shapenetpart"),
    ):
        assert len(load_dataset("modelnet40-plus", "val", place)) > 0
        for split in ("train", "trainval"):
            line = rf"no split '{split}' \(there: val, test\); for all splits, {lacks} must be"
            with pytest.raises(InputError, match=line):
                load_dataset("modelnet40-plus", split, place)
    (root / "modelnet40_ply_hdf5_2048").rename(root / "nowhere")
    with pytest.raises(InputError, match=r"'modelnet40-plus': it is made of .* lacks modelnet40"):
        load_dataset("modelnet40-plus", "val", root)
