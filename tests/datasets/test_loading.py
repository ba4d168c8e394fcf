from collections.abc import Callable
from pathlib import Path

import pytest

from pcea.datasets import list_datasets, load_dataset
from pcea.datasets.loading import data_root
from pcea.errors import InputError

Writer = Callable[..., Path]


def test_the_root_may_be_the_parent_or_the_folder(
    tmp_path: Path, modelnet: Writer, parts: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = modelnet(tmp_path / "modelnet40_ply_hdf5_2048", "test", files=1)
    things = parts(tmp_path / "things_normal")
    for root in (tmp_path, str(folder), folder):
        assert len(load_dataset("modelnet40", "test", root)) == 60
    for root in (tmp_path, things):
        assert len(load_dataset("things", "test", root)) == 4
    monkeypatch.setenv("PCEA_DATA", str(tmp_path))
    assert len(load_dataset("modelnet40", "test")) == 60
    folder.rename(tmp_path / "modelnet40")
    assert len(load_dataset("modelnet40", "test")) == 60


def test_the_default_root_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_root() == Path("data")
    monkeypatch.setenv("PCEA_DATA", "/elsewhere")
    assert data_root() == Path("/elsewhere")


def test_a_part_folder_is_not_taken_for_another(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    for name in ("shapenetpart", "other"):
        with pytest.raises(InputError, match="no data set"):
            load_dataset(name, "test", folder)


def test_what_is_not_there(tmp_path: Path, parts: Writer) -> None:
    parts(tmp_path / "things_normal")
    with pytest.raises(InputError, match=r"no data set 'modelnet40': looked in .*pcea data import"):
        load_dataset("modelnet40", "test", tmp_path)
    with pytest.raises(InputError, match="did you mean 'things'"):
        load_dataset("thing", "test", tmp_path)
    with pytest.raises(InputError, match=r"no data set 'modelnet'.*did you mean 'modelnet40'"):
        load_dataset("modelnet", "test", tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no split 'tests' .did you mean 'test'"):
        load_dataset("things", "tests", tmp_path)
    with pytest.raises(InputError, match="no option 'seed'; it takes none"):
        load_dataset("things", "test", tmp_path, seed=1)
    with pytest.raises(InputError, match="there is no such folder of a data set"):
        load_dataset("../things", "test", tmp_path)
    with pytest.raises(InputError, match="is not the name of a data set"):
        load_dataset("thi ngs", "test", tmp_path)


def test_listing(tmp_path: Path, modelnet: Writer, parts: Writer) -> None:
    folder = modelnet(tmp_path / "modelnet40", "test")
    things = parts(tmp_path / "things_normal")
    (things / "train_test_split" / "shuffled_val_file_list.json").unlink()
    (tmp_path / "unrelated").mkdir()
    listed = {item.name: (item.folder, item.splits) for item in list_datasets(tmp_path)}
    assert listed == {
        "gear": (None, ("train", "val", "trainval", "test")),
        "shapes": (None, ("train", "val", "trainval", "test")),
        "modelnet40": (folder, ("test",)),
        "shapenetpart": (None, ()),
        "everyday": (None, ()),
        "modelnet40-plus": (tmp_path, ("test",)),
        "upright": (None, ()),
        "things": (things, ("train", "test")),
    }
    assert [item.name for item in list_datasets(tmp_path / "nowhere")] == [
        "gear",
        "shapes",
        "everyday",
        "modelnet40",
        "modelnet40-plus",
        "shapenetpart",
        "upright",
    ]
    assert [item.name for item in list_datasets(things)][-1] == "things"
