"""A data set is one registered class: what the rest of the package makes of a stranger's."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch

from pcea.datasets import (
    Clouds,
    Layout,
    Taxonomy,
    check,
    fetch,
    import_archive,
    list_datasets,
    load_dataset,
    register_dataset,
)
from pcea.datasets.layout import DATASETS
from pcea.errors import InputError


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))

    @register_dataset("lines")
    class Lines(Layout):
        content = "lines.txt"

        def recognizes(self, folder: Path) -> bool:
            return (folder / "lines.txt").is_file()

        def splits(self, folder: Path) -> tuple[str, ...]:
            return ("train", "test")

        def read(self, folder: Path, split: str, count: int = 5) -> tuple[Clouds, Taxonomy]:
            assert int((folder / "lines.txt").read_text()) == 5
            pos = torch.linspace(-1, 1, 9)[:, None].expand(count, 9, 3)
            return Clouds.from_dense(pos, torch.zeros(count)), Taxonomy(("line",))


def lay(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "lines.txt").write_text("5")


def test_it_is_loaded_listed_and_checked_by_its_name(tmp_path: Path) -> None:
    lay(tmp_path / "lines")
    data = load_dataset("lines", "test", tmp_path)
    assert (data.name, data.split, len(data)) == ("lines", "test", 5)
    assert len(load_dataset("lines", "test", tmp_path, count=2)) == 2
    assert len(load_dataset("lines", "test", tmp_path / "lines")) == 5
    (listed,) = [each for each in list_datasets(tmp_path) if each.name == "lines"]
    assert listed.folder == tmp_path / "lines" and listed.splits == ("train", "test")
    report = check("lines", tmp_path)
    assert report.totals == {"train": 5, "test": 5} and report.complete is None


def test_it_is_imported_into_its_place(tmp_path: Path) -> None:
    lay(tmp_path / "far" / "away")
    import_archive("lines", tmp_path / "far", tmp_path / "root")
    assert (tmp_path / "root" / "lines" / "lines.txt").is_file()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no lines\.txt in it"):
        import_archive("lines", tmp_path / "empty", tmp_path / "other")


def test_what_it_does_not_know_is_refused(tmp_path: Path) -> None:
    lay(tmp_path / "lines")
    with pytest.raises(InputError, match=r"lines: no option 'cout' \(did you mean 'count'"):
        load_dataset("lines", "test", tmp_path, cout=2)
    with pytest.raises(InputError, match="no data set 'lines': looked in"):
        load_dataset("lines", "test", tmp_path / "elsewhere")
    with pytest.raises(InputError, match="no known address for 'lines'"):
        fetch("lines", tmp_path)


def test_what_it_should_hold_is_said_of_a_folder_that_does_not_hold_it(tmp_path: Path) -> None:
    (tmp_path / "lines").mkdir()
    with pytest.raises(InputError, match=r"no data set 'lines': looked in .* for lines\.txt;"):
        load_dataset("lines", "test", tmp_path)


def test_only_its_splits_are_read(tmp_path: Path) -> None:
    lay(tmp_path / "lines")
    with pytest.raises(InputError, match=r"lines: no split 'val' \(there: train, test\)"):
        load_dataset("lines", "val", tmp_path)


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"content": "a.txt"}, TypeError, "both `content` and `recognizes`"),
        ({"recognizes": lambda self, folder: True}, TypeError, "both `content` and `recognizes`"),
        ({"folders": "place"}, TypeError, "`folders` must be a tuple"),
        ({"folders": property(lambda self: self.name)}, TypeError, "`folders` must be a tuple"),
        ({"read": Layout.read}, TypeError, "lacks read"),
    ],
)
def test_a_layout_that_cannot_work_is_not_registered(
    attributes: dict[str, Any], error: type[Exception], message: str
) -> None:
    kind = type("Faulty", (Layout,), {"read": lambda self, folder, split: None, **attributes})
    with pytest.raises(error, match=message):
        register_dataset("faulty")(kind)
    assert "faulty" not in DATASETS
    with pytest.raises(TypeError, match="is no class of Layout"):
        register_dataset("faulty")(int)  # type: ignore[type-var]


def test_a_folder_is_listed_once_as_the_one_it_is_called_after(tmp_path: Path) -> None:
    lay(tmp_path / "lines")

    @register_dataset("curves")
    class Curves(DATASETS.get("lines")):  # type: ignore[misc]
        pass

    listed = {each.name: each.folder for each in list_datasets(tmp_path / "lines")}
    assert listed["lines"] == tmp_path / "lines" and listed["curves"] is None
    assert repr(Curves("curves")) == "Curves('curves': lines.txt)"


def test_those_that_need_no_files_come_first() -> None:
    listed = [each.name for each in list_datasets("/nonexistent")]
    others = ["everyday", "lines", "modelnet40", "modelnet40-plus", "shapenetpart", "upright"]
    assert listed == ["gear", "shapes", *others]


def test_a_broken_plugin_spoils_nothing_but_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"broken": EntryPoint("broken", "no_such_module_of_pcea:Broken", DATASETS.group)}
    monkeypatch.setitem(DATASETS.__dict__, "_plugins", broken)
    with pytest.warns(UserWarning, match="no_such_module_of_pcea.*; it is left out"):
        assert "lines" in [each.name for each in list_datasets(tmp_path)]
    with pytest.raises(InputError, match="known: modelnet40, shapenetpart"):
        fetch("lines", tmp_path)
    with pytest.raises(InputError, match=r"data set 'broken': its plug-in .* cannot be imported"):
        load_dataset("broken", "train", tmp_path)
