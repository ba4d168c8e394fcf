"""Names stay in their line, and results get names that any system can give a file."""

from pathlib import PurePosixPath, PureWindowsPath

import pytest

from pcea.names import numbered, printable, same_name, stem_of


@pytest.mark.parametrize(
    "text",
    [
        "chair.obj",
        "[bold]x",
        "椅子\u3000二.ply",
        "🪑 👩‍👧.off",
        "e\u0301",
        "\u05d0\u05d1",
        "a\\b",
        "$x^2$",
    ],
)
def test_letters_of_all_scripts_are_shown_as_they_are(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\t\x7f\x9b", r"a\r\t\x7f\x9b"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("a\u2028b", r"a\u2028b"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_would_move_a_terminal_is_spelled(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("scans/box.ply", "box"),
        ("box.ply.gz", "box"),
        ("box.PLY.GZ", "box"),
        ("chair.v2.obj", "chair.v2"),
        ("scan", "scan"),
        (".chair.obj", ".chair"),
        ("椅子.xyz", "椅子"),
        ("a\nb.ply", "a_b"),
        ("a .ply", "a"),
        ("..ply", "shape"),
        ("...ply", "shape"),
        (" .ply", "shape"),
        ("a/..\\...ply", "shape"),
        ("..", "shape"),
        ("\n.ply", "_"),
        ("C:\\scans\\chair.ply", "chair"),
    ],
)
def test_stems(name: str, stem: str) -> None:
    assert stem_of(PurePosixPath(name)) == stem


def test_the_stem_of_a_path_of_windows() -> None:
    assert stem_of(PureWindowsPath("C:\\scans\\chair.ply.gz")) == "chair"


def test_names_that_some_system_takes_for_one() -> None:
    assert same_name("Chair") == same_name("chair")
    assert same_name("\u00e9") == same_name("e\u0301")
    assert same_name("chair") != same_name("chair-2")


def test_numbered_names_never_meet() -> None:
    names = numbered(["x", "x", "x-2", "X", "x", "y"], "{}-{}")
    assert len({same_name(name) for name in names}) == len(names)
    assert (names[0], names[2], names[5]) == ("x", "x-2", "y")
    assert numbered(["box", "box", "BOX", "box"], "{}-{}") == ["box", "box-2", "BOX-3", "box-4"]
    assert numbered(["cube.ply", "ball.ply", "cube.ply"])[2] == "cube.ply (2)"


def test_two_spellings_of_one_letter_are_one_name() -> None:
    assert numbered(["\u00e9", "e\u0301"], "{}-{}") == ["\u00e9", "e\u0301-2"]
