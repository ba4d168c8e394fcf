import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from pcea.datasets import Clouds, load_dataset
from pcea.datasets.modelnet40 import CATEGORIES
from pcea.errors import InputError

Writer = Callable[..., Path]
NAME = "modelnet40_ply_hdf5_2048"


def by_name(clouds: Clouds) -> dict[str, list[float]]:
    """Each cloud's coordinates under its name."""
    pos = clouds.pos.split(clouds.counts.tolist())
    return {name: p.flatten().tolist() for name, p in zip(clouds.names, pos, strict=True)}


def test_splits_share_out_the_training_files(tmp_path: Path, modelnet: Writer) -> None:
    modelnet(tmp_path / NAME)
    train, val, both = (
        load_dataset("modelnet40", split, tmp_path).clouds for split in ("train", "val", "trainval")
    )
    assert (len(train), len(val), len(both)) == (108, 12, 120)
    assert val.category.bincount().tolist() == [4, 4, 4]
    assert {**by_name(train), **by_name(val)} == by_name(both)
    assert not set(train.names) & set(val.names)


def test_clouds_are_centered_and_scaled(tmp_path: Path, modelnet: Writer) -> None:
    folder = modelnet(tmp_path / NAME, "test", files=1)
    clouds = load_dataset("modelnet40", "test", tmp_path).clouds
    with h5py.File(folder / "ply_data_test0.h5") as file:
        raw = np.asarray(file["data"])
    pos = clouds.pos.view(60, 16, 3).numpy()
    np.testing.assert_allclose(pos.mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(pos, axis=2).max(1), 1, rtol=1e-5)
    centered = raw[7] - raw[7].mean(0)
    expected = centered / np.linalg.norm(centered, axis=1).max()
    np.testing.assert_allclose(pos[7], expected, atol=1e-6)


def test_validation_shapes_do_not_depend_on_file_order_or_place(
    tmp_path: Path, modelnet: Writer
) -> None:
    first = modelnet(tmp_path / "one" / NAME)
    val = load_dataset("modelnet40", "val", tmp_path / "one").clouds
    moved = first.rename(tmp_path / "another")
    lines = (moved / "train_files.txt").read_text().splitlines()
    (moved / "train_files.txt").write_text("\n".join(reversed(lines)))
    again = load_dataset("modelnet40", "val", moved).clouds
    assert by_name(val) == by_name(again)
    assert val.names != again.names


def test_sidecars_are_optional(tmp_path: Path, modelnet: Writer) -> None:
    modelnet(tmp_path / NAME, ids=False)
    val = load_dataset("modelnet40", "val", tmp_path)
    assert len(val) == 12
    assert val.clouds.names[0].startswith("ply_data_train")


@pytest.mark.parametrize(("there", "absent"), [("test", "train"), ("train", "test")])
def test_a_split_needs_only_its_own_files(
    tmp_path: Path, modelnet: Writer, there: str, absent: str
) -> None:
    modelnet(tmp_path / NAME, there)
    assert len(load_dataset("modelnet40", there, tmp_path)) > 0
    with pytest.raises(InputError, match=f"no split {absent!r} .there: {there}"):
        load_dataset("modelnet40", absent, tmp_path)


def test_category_names(tmp_path: Path, modelnet: Writer) -> None:
    folder = modelnet(tmp_path / NAME)
    assert load_dataset("modelnet40", "val", folder).taxonomy.categories == CATEGORIES
    (folder / "shape_names.txt").write_text("ball\ncup\nhat\n")
    assert load_dataset("modelnet40", "val", folder).taxonomy.categories == ("ball", "cup", "hat")
    (folder / "shape_names.txt").write_text("ball\ncup\n")
    with pytest.raises(InputError, match=r"cloud 2 has label 2, out of range: .* 0 to 1"):
        load_dataset("modelnet40", "val", folder)


def damage_truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def damage_nan(file: Path) -> None:
    with h5py.File(file, "r+") as archive:
        archive["data"][5, 3, 1] = np.nan


def damage_huge(file: Path) -> None:
    with h5py.File(file, "r+") as archive:
        archive["data"][5, 3, 1] = 1e30


def damage_label(file: Path) -> None:
    with h5py.File(file, "r+") as archive:
        archive["label"][4] = 40


def damage_shape(file: Path) -> None:
    with h5py.File(file, "r+") as archive:
        del archive["data"]
        archive["data"] = np.zeros((60, 16), np.float32)


def damage_count(file: Path) -> None:
    with h5py.File(file, "r+") as archive:
        del archive["label"]
        archive["label"] = np.zeros((59, 1), np.uint8)


def damage_missing(file: Path) -> None:
    file.unlink()


def damage_key(file: Path) -> None:
    with h5py.File(file, "r+") as archive:
        del archive["label"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_truncate, "truncated"),
        (damage_nan, "cloud 5 has a coordinate that is not finite"),
        (damage_huge, "cloud 5 has a coordinate that is not finite, or beyond"),
        (damage_label, "cloud 4 has label 40, out of range"),
        (damage_shape, r"data is float32 \(60, 16\), expected floats \(M, N, 3\)"),
        (damage_count, "expected 60 integers"),
        (damage_missing, "missing, but train_files.txt lists it"),
        (damage_key, "'data' and 'label'"),
    ],
)
def test_damage_is_one_line_that_names_the_file(
    tmp_path: Path, modelnet: Writer, damage: Callable[[Path], None], message: str
) -> None:
    file = modelnet(tmp_path / NAME) / "ply_data_train1.h5"
    damage(file)
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("modelnet40", "train", tmp_path)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_splits_are_refused(tmp_path: Path, modelnet: Writer) -> None:
    folder = modelnet(tmp_path / NAME)
    (folder / "test_files.txt").write_text("\n")
    with pytest.raises(InputError, match=r"test_files\.txt: lists no file, so the split is empty"):
        load_dataset("modelnet40", "test", tmp_path)
    with h5py.File(folder / "ply_data_test0.h5", "w") as file:
        file["data"] = np.zeros((0, 16, 3), np.float32)
        file["label"] = np.zeros((0, 1), np.uint8)
    (folder / "test_files.txt").write_text("ply_data_test0.h5\n")
    with pytest.raises(InputError, match="the test split is empty"):
        load_dataset("modelnet40", "test", tmp_path)


def test_a_sidecar_of_another_length_is_refused(tmp_path: Path, modelnet: Writer) -> None:
    folder = modelnet(tmp_path / NAME)
    (folder / "ply_data_train_0_id2file.json").write_text(json.dumps(["a.ply"]))
    with pytest.raises(InputError, match="expected a list of 60 names"):
        load_dataset("modelnet40", "train", tmp_path)
    (folder / "ply_data_train_0_id2file.json").write_text("[")
    with pytest.raises(InputError, match="not readable as JSON"):
        load_dataset("modelnet40", "train", tmp_path)


def test_the_real_training_split(real_data: Path) -> None:
    train = load_dataset("modelnet40", "train", real_data)
    val = load_dataset("modelnet40", "val", real_data / NAME)
    assert (len(train), len(val)) == (8856, 984)
    assert train.clouds.uniform and train.clouds.longest == 1024
    assert train.taxonomy.categories == CATEGORIES
    # A shape's file name states its category: the labels agree with it.
    for clouds in (train.clouds, val.clouds):
        stated = [name.split("/")[0] for name in clouds.names]
        assert stated == [CATEGORIES[c] for c in clouds.category.tolist()]
    everything = torch.cat([train.clouds.category, val.clouds.category]).bincount()
    assert ((val.clouds.category.bincount() - everything / 10).abs() < 0.501).all()
    assert len(load_dataset("modelnet40", "test", real_data)) == 120


def test_float64_in_map_coordinates_keeps_its_form(tmp_path: Path, modelnet: Writer) -> None:
    folder = modelnet(tmp_path / "modelnet40", "test", files=1)
    near = load_dataset("modelnet40", "test", tmp_path).clouds
    with h5py.File(folder / "ply_data_test0.h5", "a") as file:
        data = file["data"][:].astype(np.float64) + [431234.0, 5403279.0, 312.0]
        del file["data"]
        file["data"] = data
    far = load_dataset("modelnet40", "test", tmp_path).clouds
    assert far.pos.dtype == torch.float32
    torch.testing.assert_close(far.pos, near.pos, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lists_of_any_machine(tmp_path: Path, modelnet: Writer, ends: str) -> None:
    folder = modelnet(tmp_path / "modelnet40", "test")
    plain = load_dataset("modelnet40", "test", tmp_path)
    names = ["C:\\their data\\ply_data_test0.h5", "/their data/ply_data_test1.h5", ""]
    (folder / "test_files.txt").write_bytes(("\ufeff" + ends.join(names)).encode())
    shapes = ["airplane", "flower pot", "椅子"]
    (folder / "shape_names.txt").write_bytes(("\ufeff" + ends.join(shapes)).encode())
    sidecar = folder / "ply_data_test_0_id2file.json"
    sidecar.write_text("\ufeff" + sidecar.read_text().replace("/", "\\\\"), encoding="utf-8")
    other = load_dataset("modelnet40", "test", tmp_path)
    assert torch.equal(other.clouds.pos, plain.clouds.pos)
    assert other.clouds.names == plain.clouds.names
    assert other.taxonomy.categories == ("airplane", "flower pot", "椅子")
