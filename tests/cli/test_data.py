"""Data sets: what is there, and what comes in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]


def test_list(pcea: Run, toys: Path) -> None:
    out = pcea("data", "list", "--data-root", toys)
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "needs no files" in lines["shapes"]
    assert "not there" in lines["modelnet40"]
    assert str(toys / "toys_normal") in lines["toys"]


def test_check(pcea: Run, toys: Path) -> None:
    out = pcea("data", "check", "toys", "--data-root", toys)
    assert "40 to 43 points per cloud, 4 parts" in out
    table = [line.split() for line in out.splitlines()]
    assert ["Ball", "4", "2", "3"] in table
    assert ["all", "8", "4", "6"] in table


def test_import(pcea: Run, toys: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "toys"), "zip", toys)
    root = tmp_path / "data"
    out = pcea("data", "import", "blocks", archive, "--data-root", root)
    assert str(root / "blocks_normal") in out
    assert "blocks" in pcea("data", "list", "--data-root", root)


@pytest.mark.parametrize("words", ["list", "check toys", "import toys toys.zip"])
def test_a_root_that_is_a_file(pcea: Run, tmp_path: Path, words: str) -> None:
    root = tmp_path / "root"
    root.touch()
    err = pcea("data", *words.split(), "--data-root", root, status=2)
    assert f"data root {root}: it is not a folder" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("check toyz", "did you mean 'toys'"),
        ("check shapes", "no files"),
        ("fetch toys", "no known address"),
        ("import new no/such.zip", "no/such.zip"),
    ],
)
def test_refuses(pcea: Run, toys: Path, words: str, reason: str) -> None:
    before = sorted(toys.rglob("*"))
    assert reason in pcea("data", *words.split(), "--data-root", toys, status=2)
    assert sorted(toys.rglob("*")) == before
