"""A folder with one folder of shapes per class is a data set as it lies."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from pcea.datasets import check, list_datasets, load_dataset
from pcea.errors import InputError
from pcea.testing import check_dataset


def write_cloud(path: Path, seed: int = 0, columns: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.random.default_rng(seed).normal(size=(20, columns))
    np.savetxt(path, rows)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten balls, five rods."""
    for i in range(10):
        write_cloud(tmp_path / "my shapes" / "ball" / f"{i}.xyz", i)
    for i in range(5):
        write_cloud(tmp_path / "my shapes" / "rod" / f"{i}.xyz", i)
    return tmp_path / "my shapes"


def names(place: Path, split: str) -> set[str]:
    return set(load_dataset(str(place), split).clouds.names)


def test_classes_and_splits(folder: Path) -> None:
    data = {split: load_dataset(str(folder), split) for split in ("train", "val", "trainval")}
    train, val, both = data.values()
    assert train.taxonomy.categories == ("ball", "rod")
    assert (train.name, train.split, train.task) == ("my shapes", "train", "classification")
    assert not names(folder, "train") & names(folder, "val")
    assert names(folder, "train") | names(folder, "val") == names(folder, "trainval")
    assert len(both) == 15 and "ball/3.xyz" in both.clouds.names
    for each in (train, val):
        categories = [each.taxonomy.categories[i] for i in each.clouds.category]
        assert categories == [name.split("/")[0] for name in each.clouds.names]
        assert set(categories) == {"ball", "rod"}
    norms = train.clouds.pos.view(len(train), 20, 3).norm(dim=-1).amax(1)
    torch.testing.assert_close(norms, torch.ones(len(train)))
    with pytest.raises(InputError, match="no split 'test'"):
        load_dataset(str(folder), "test")


def test_about_a_fifth_is_held_out_and_files_stay_where_they_are(tmp_path: Path) -> None:
    for i in range(60):
        write_cloud(tmp_path / "set" / "a" / f"{i}.xyz", i)
        write_cloud(tmp_path / "set" / "b" / f"{i}.xyz", i)
    before = names(tmp_path / "set", "val")
    for label in "ab":
        assert 5 <= sum(name.startswith(label) for name in before) <= 20
    for i in range(60, 80):
        write_cloud(tmp_path / "set" / "a" / f"{i}.xyz", i)
    after = names(tmp_path / "set", "val")
    assert before <= after
    assert all(int(name[2:-4]) >= 60 for name in after - before)


def test_split_folders_are_honored(folder: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("ball", "rod"):
            for i in range(4):
                write_cloud(tmp_path / "split" / split / label / f"{i}.xyz", i)
    place = tmp_path / "split"
    test = {f"test/{label}/{i}.xyz" for label in ("ball", "rod") for i in range(4)}
    assert names(place, "test") == test
    assert len(names(place, "train")) + len(names(place, "val")) == 8
    write_cloud(place / "val" / "ball" / "0.xyz")
    assert names(place, "val") == {"val/ball/0.xyz"}
    assert len(names(place, "train")) == 8
    assert load_dataset(str(place), "val").taxonomy.categories == ("ball", "rod")
    assert check(str(place)).totals == {"train": 8, "val": 1, "test": 8}


def test_a_test_folder_alone_can_be_measured(tmp_path: Path) -> None:
    write_cloud(tmp_path / "only" / "test" / "a" / "1.xyz")
    write_cloud(tmp_path / "only" / "test" / "b" / "1.xyz")
    assert len(load_dataset(str(tmp_path / "only"), "test")) == 2
    with pytest.raises(InputError, match="no split 'train'"):
        load_dataset(str(tmp_path / "only"), "train")


def test_it_is_found_by_name_under_the_data_root(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder.rename(tmp_path / "toys")
    assert len(load_dataset("toys", "trainval", tmp_path)) == 15
    assert len(load_dataset("toys", "trainval", place)) == 15
    monkeypatch.chdir(tmp_path)
    assert len(load_dataset("toys", "trainval")) == 15
    assert ("toys", place, ("train", "val", "trainval")) in [
        (each.name, each.folder, each.splits) for each in list_datasets(tmp_path)
    ]
    check_dataset("toys", tmp_path)


def test_a_folder_called_like_a_data_set_is_still_that_folder(folder: Path, tmp_path: Path) -> None:
    place = folder.rename(tmp_path / "shapes")
    assert load_dataset(str(place), "train").taxonomy.categories == ("ball", "rod")


def test_meshes_are_sampled_evenly_and_clouds_are_kept(tmp_path: Path) -> None:
    place = tmp_path / "mixed"
    box = trimesh.creation.box((2.0, 1.0, 1.0))
    for label in ("a", "b"):
        (place / label).mkdir(parents=True)
        box.export(place / label / "box.obj")
    (place / "a" / "box.mtl").touch()
    (place / "a" / ".DS_Store").touch()
    cloud = write_cloud(place / "a" / "cloud.xyz")
    packed = place / "b" / "deep" / "cloud.xyz.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(cloud.read_bytes()))
    data = load_dataset(str(place), "trainval", num_points=4000)
    clouds = dict(zip(data.clouds.names, data.clouds, strict=True))
    assert set(clouds) == {"a/box.obj", "a/cloud.xyz", "b/box.obj", "b/deep/cloud.xyz.gz"}
    normal = clouds["a/box.obj"].normal
    # Of the box's area of 10, the two square ends have 2.
    share = (normal[:, 0].abs() > 0.9).float().mean()
    assert len(normal) == 4000 and abs(float(share) - 0.2) < 0.02
    assert len(clouds["a/cloud.xyz"].pos) == 20 and not clouds["a/cloud.xyz"].normal.any()
    assert load_dataset(str(place), "trainval", num_points=10).clouds.longest == 10


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("rod/broken.off", "OFF\n1 1 1\n", "broken.off"),
        ("rod/model.fbx", "?", "model.fbx: a file of this kind cannot be read"),
        ("rod/dot.xyz", "1 2 3\n1 2 3\n", "dot.xyz: all of its 2 points are equal"),
        ("empty/notes.md", "nothing", "empty: nothing in this folder can be read as a shape"),
        ("train/ball/1.xyz", "1 2 3\n4 5 6\n", "'ball' lies beside the split 'train'"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(
    folder: Path, path: str, text: str, words: str
) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    for each in (file, file.with_name(f"another-{file.name}")):  # one alone is not held out
        each.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_dataset(str(folder), "trainval")
    assert "\n" not in str(caught.value)


def test_a_class_without_a_shape_to_train_on(tmp_path: Path) -> None:
    for place in ("train/a", "train/b", "val/a", "val/B"):
        write_cloud(tmp_path / "set" / place / "1.xyz")
    with pytest.raises(InputError, match="class 'B' has no shape to train on"):
        load_dataset(str(tmp_path / "set"), "train")


def test_of_one_file_in_each_class_none_is_held_out(tmp_path: Path) -> None:
    for label in "ab":
        write_cloud(tmp_path / "set" / label / "1.xyz")
    assert names(tmp_path / "set", "train") == {"a/1.xyz", "b/1.xyz"}
    assert check(str(tmp_path / "set")).totals == {"train": 2}
    with pytest.raises(InputError, match=r"no split 'val' \(there: train\)"):
        load_dataset(str(tmp_path / "set"), "val")


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_dataset(str(tmp_path / "nowhere"), "train")
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="one folder of shapes per class"):
        load_dataset(str(tmp_path / "bare"), "train")
    with pytest.raises(InputError, match="num_points is 0"):
        load_dataset(str(tmp_path / "bare"), "train", num_points=0)
