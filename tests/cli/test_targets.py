"""No two results in one place, and none over an input."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcea.cli.targets import name_targets, refuse_inputs
from pcea.errors import InputError


def test_names_never_meet() -> None:
    files = [Path(name) for name in ("a/x.off", "b/x.off", "x-2.off", "X.obj", "c/x.off", "y.off")]
    targets = name_targets(files, Path("out"))
    assert {target.parent for target in targets} == {Path("out")}
    names = [target.name for target in targets]
    assert len({name.casefold() for name in names}) == len(files)
    assert (names[0], names[2], names[5]) == ("x", "x-2", "y")


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "x.ply"
    (tmp_path / "link").symlink_to(tmp_path / "in")
    refuse_inputs([file], [tmp_path / "in" / "x.glb", tmp_path / "x.ply"])
    with pytest.raises(InputError, match="give --out another folder"):
        refuse_inputs([file], [tmp_path / "link" / "x.ply"])
