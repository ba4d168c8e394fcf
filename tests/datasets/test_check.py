from collections.abc import Callable
from pathlib import Path

import pytest

from pcea.datasets import check
from pcea.datasets.layout import DATASETS
from pcea.datasets.modelnet40 import ModelNet40
from pcea.errors import InputError

Writer = Callable[..., Path]


def test_counts_of_a_part_folder(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    report = check("things", tmp_path)
    assert report.folder == folder
    assert report.counts["train"] == {"Cup": 3, "Hat": 3}
    assert report.totals == {"train": 6, "val": 2, "test": 4}
    assert (report.points, report.parts, report.complete) == ((8, 10), 3, None)
    assert report.notes == ()


def test_shared_shapes_are_noted(tmp_path: Path, parts: Writer) -> None:
    lists = parts(tmp_path / "things_normal") / "train_test_split"
    train = (lists / "shuffled_train_file_list.json").read_text()
    (lists / "shuffled_val_file_list.json").write_text(train)
    assert check("things", tmp_path).notes == ("train and val share 6 shapes",)


def test_a_partial_copy_is_said_to_be_one(tmp_path: Path, modelnet: Writer) -> None:
    modelnet(tmp_path / "modelnet40", "train")
    report = check("modelnet40", tmp_path)
    assert report.complete is False
    assert report.notes == (
        "train + val has 120 of the official 9840 clouds: a partial copy",
        "test is not there (officially 2468 clouds)",
    )


def test_clouds_that_are_a_single_place_are_named(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    for name in ("01/train1", "02/train0"):
        (folder / f"{name}.txt").write_text("431234.25 5403279.5 312 0 0 1 2\n" * 9)
    (folder / "01" / "train1.txt").write_text("0.1 0.2 0.3 0 0 1 0\n")
    assert check("things", tmp_path).notes == (
        "all points lie at a single place in 2 of the 6 clouds of train: 01/train1, 02/train0",
    )


def test_a_split_of_single_places_is_refused(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    for name in ("01/val0", "02/val0"):
        (folder / f"{name}.txt").write_text("431234.25 5403279.5 312 0 0 1 2\n" * 9)
    with pytest.raises(InputError, match=r"in 2 of the 2 clouds of val: 01/val0, 02/val0; the"):
        check("things", tmp_path)


def test_map_coordinates_are_no_single_place(real_data: Path) -> None:
    report = check("utmreal", real_data / "cases" / "ds")
    assert report.totals == {"train": 4, "val": 2, "test": 2}
    assert report.notes == ()


def test_the_official_counts_agree_with_each_other() -> None:
    for source in filter(None, (layout.source for layout in DATASETS.entries().values())):
        for split, by_name in source.per_category.items():
            assert sum(by_name.values()) == source.counts[split]


def test_nothing_to_check(tmp_path: Path, parts: Writer) -> None:
    with pytest.raises(InputError, match="made on the fly"):
        check("shapes")
    folder = parts(tmp_path / "things_normal")
    for listing in (folder / "train_test_split").iterdir():
        listing.unlink()
    with pytest.raises(InputError, match="has no split"):
        check("things", tmp_path)


def test_the_real_training_split_is_whole(real_data: Path) -> None:
    report = check("modelnet40", real_data)
    assert report.totals == {"train": 8856, "val": 984, "test": 120}
    assert report.notes == ("test has 120 of the official 2468 clouds: a partial copy",)
    official = ModelNet40.source.per_category["trainval"]
    train, val = report.counts["train"], report.counts["val"]
    assert {name: train[name] + val[name] for name in train} == official
