"""No two results in one place, and none over an input."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcea.cli.targets import check_out, name_targets, refuse_inputs
from pcea.errors import InputError


def test_names_never_meet() -> None:
    files = [Path(name) for name in ("a/x.off", "b/x.off", "x-2.off", "X.obj", "c/x.off", "y.off")]
    targets = name_targets(files, Path("out"))
    assert {target.parent for target in targets} == {Path("out")}
    names = [target.name for target in targets]
    assert len({name.casefold() for name in names}) == len(files)
    assert (names[0], names[2], names[5]) == ("x", "x-2", "y")


def test_files_that_differ_by_ending_only_are_told_apart() -> None:
    files = [Path(name) for name in ("box.ply", "box.ply.gz", "BOX.obj", "box.PLY.GZ")]
    names = [target.name for target in name_targets(files, Path("out"))]
    assert names == ["box", "box-2", "BOX-3", "box-4"]


def test_two_spellings_of_one_letter_are_one_name() -> None:
    names = [
        target.name for target in name_targets([Path("\u00e9.off"), Path("e\u0301.off")], Path())
    ]
    assert names == ["\u00e9", "e\u0301-2"]


@pytest.mark.parametrize("name", ["..ply", "...ply", " .ply", "a/..\\...ply", "..", "\n.ply"])
def test_no_name_leaves_the_folder(name: str) -> None:
    (target,) = name_targets([Path(name)], Path("out"))
    assert target.parent == Path("out") and target.name in ("shape", "_")


def test_a_place_that_is_no_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_out(tmp_path)
    check_out(tmp_path / "new" / "folder")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="file is not a folder"):
            check_out(out)


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "x.ply"
    (tmp_path / "link").symlink_to(tmp_path / "in")
    refuse_inputs([file], [tmp_path / "in" / "x.glb", tmp_path / "x.ply"])
    with pytest.raises(InputError, match="give --out another folder"):
        refuse_inputs([file], [tmp_path / "link" / "x.ply"])
