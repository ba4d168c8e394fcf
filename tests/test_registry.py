"""One registry for each kind of thing, filled by decorators and by installed plug-ins."""

import builtins
import sys
from abc import ABC, abstractmethod
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pcea.errors import InputError
from pcea.registry import Registry

MODULE = """
import builtins
class Own: ...
builtins.registry_of_shapes.register("own")(Own)
class Unnamed: ...
"""
BROKEN = """
import builtins
builtins.registry_of_shapes.register("broken")(int)
raise RuntimeError("no such card\\nsorry")
"""
LEAVING = """
import sys
sys.exit("wrong machine")
"""


@pytest.fixture
def shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[object]:
    """A registry with entry points into a module that lies in a folder."""
    (tmp_path / "stranger_of_pcea.py").write_text(MODULE)
    (tmp_path / "broken_of_pcea.py").write_text(BROKEN)
    (tmp_path / "leaving_of_pcea.py").write_text(LEAVING)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("stranger_of_pcea", "broken_of_pcea"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    points = [
        EntryPoint("own", "stranger_of_pcea:Own", "pcea.shapes"),
        EntryPoint("gone", "stranger_of_pcea:Gone", "pcea.shapes"),
        EntryPoint("unnamed", "stranger_of_pcea:Unnamed", "pcea.shapes"),
        EntryPoint("broken", "broken_of_pcea:Own", "pcea.shapes"),
        EntryPoint("leaving", "leaving_of_pcea:Own", "pcea.shapes"),
    ]
    monkeypatch.setattr(
        "pcea.registry.entry_points", lambda group: points if group == "pcea.shapes" else []
    )
    registry: Registry[object] = Registry("shape", "pcea.shapes")
    monkeypatch.setattr(builtins, "registry_of_shapes", registry, raising=False)
    registry.register("ball")(int)
    return registry


def test_what_is_registered_is_found(shapes: Registry[object]) -> None:
    @shapes.register("box")
    class Box: ...

    assert shapes.get("box") is Box
    assert shapes.get("ball") is int
    assert "box" in shapes and "bax" not in shapes


def test_plugins_are_named_before_they_are_imported(shapes: Registry[object]) -> None:
    assert shapes.names() == ["ball", "broken", "gone", "leaving", "own", "unnamed"]
    assert "own" in shapes
    assert "stranger_of_pcea" not in sys.modules
    found = shapes.get("own")
    assert found is sys.modules["stranger_of_pcea"].Own
    assert shapes.get("own") is found


def test_all_that_can_be_imported(shapes: Registry[object]) -> None:
    with pytest.warns(UserWarning, match="left out") as warned:
        found = shapes.entries()
    assert list(found) == ["ball", "own"]
    lines = [str(each.message) for each in warned]
    assert len(lines) == 4 and not any("\n" in line for line in lines)
    assert lines[2].startswith("shape 'leaving': ")
    assert lines[2].endswith("it calls sys.exit(wrong machine); it is left out")
    assert shapes.entries() == found  # each is warned of once
    assert found["own"] is sys.modules["stranger_of_pcea"].Own


def test_a_name_is_taken_once(shapes: Registry[object]) -> None:
    with pytest.raises(ValueError, match="shape 'ball' is already"):
        shapes.register("ball")(str)


@pytest.mark.parametrize("name", ["", "a b", "../up", "a/b", "c:d", "-a", "a\n"])
def test_a_name_is_no_path_and_can_be_typed(shapes: Registry[object], name: str) -> None:
    with pytest.raises(ValueError, match="takes letters, digits, - and _"):
        shapes.register(name)(str)


def test_a_class_that_cannot_be_made_is_refused(shapes: Registry[object]) -> None:
    class Half(ABC):
        @abstractmethod
        def read(self) -> None: ...

    with pytest.raises(TypeError, match="shape 'half' lacks read"):
        shapes.register("half")(Half)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bal", r"no shape is called 'bal' \(did you mean 'ball'\?\)"),
        ("gone", "shape 'gone': its plug-in .*:Gone registers no shape of that name"),
        ("unnamed", "shape 'unnamed': its plug-in .* registers no shape of that name"),
        ("broken", "shape 'broken': .* cannot be imported: no such card$"),
        ("leaving", r"shape 'leaving': .* cannot be imported: it calls sys.exit\(wrong machine\)$"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_line(
    shapes: Registry[object], name: str, message: str
) -> None:
    for _ in range(2):  # what had been registered before the failure is forgotten
        with pytest.raises(InputError, match=message):
            shapes.get(name)


def test_the_entry_points_of_this_environment_are_asked() -> None:
    # pytest's own group is surely there where this test runs.
    assert "cov" in {name.replace("pytest_", "") for name in Registry("plugin", "pytest11").names()}
