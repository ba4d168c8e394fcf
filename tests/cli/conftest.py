"""The command in this process, a tiny data set, and models that learned a little from it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from pcea.cli import main

TINY = "--model-options depth=1 k=4 num=16,8 fused=16 dims=8,8,8 hidden=8,8".split()
QUICK = "--epochs 1 --batch-size 4 --num-points 32".split()


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PCEA_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("PCEA_DATA", raising=False)
        yield


@contextmanager
def reports_without_drawings() -> Iterator[None]:
    """Drawing a report takes longer than a training of this size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pcea.training.report.as_svg", lambda figure, label: "<svg></svg>")
        yield


@pytest.fixture(autouse=True)
def _reports_without_drawings() -> Iterator[None]:
    with reports_without_drawings():
        yield


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with the part-labeled data set `toys`: spheres and cubes, cut at half height."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "toys_normal"
    (folder / "train_test_split").mkdir(parents=True)
    (folder / "synsetoffset2category.txt").write_text("Ball\t01\nBox\t02\n")
    generator = torch.Generator().manual_seed(0)
    for split, num in {"train": 4, "val": 2, "test": 3}.items():
        listed = []
        for category, synset in enumerate(("01", "02")):
            (folder / synset).mkdir(exist_ok=True)
            for i in range(num):
                pos = torch.randn(40 + i, 3, generator=generator)
                order = 2 if category == 0 else torch.inf
                pos = pos / pos.norm(order, dim=1, keepdim=True)
                part = 2 * category + (pos[:, 1] > 0).long()
                rows = torch.cat([pos, pos, part[:, None]], dim=1).tolist()
                text = "".join(" ".join(map(str, row)) + "\n" for row in rows)
                (folder / synset / f"{split}{i}.txt").write_text(text)
                listed.append(f"shape_data/{synset}/{split}{i}")
        listing = folder / "train_test_split" / f"shuffled_{split}_file_list.json"
        listing.write_text(json.dumps(listed))
    return root


@pytest.fixture(scope="session")
def classifier(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a classifier of toys."""
    return trained("shapes-cls", toys, tmp_path_factory.mktemp("runs") / "cls")


@pytest.fixture(scope="session")
def segmenter(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a part segmenter of toys."""
    return trained("shapes-seg", toys, tmp_path_factory.mktemp("runs") / "seg")


def trained(recipe: str, toys: Path, out: Path) -> Path:
    data = ["--dataset", "toys", "--data-root", str(toys), "--out", str(out)]
    with reports_without_drawings():
        assert main(["train", recipe, *data, *QUICK, *TINY]) == 0
    return out


class Command:
    """The command, held to its contract.

    Done, it says nothing on stderr but notes on files, and the caller gets stdout. Where files were
    left out, it says one line there for each, and the caller gets stdout. Else it says one line
    there, which the caller gets.
    """

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.complaints: list[str] = []
        """What the last call said is wrong, a line each."""
        self.notes: list[str] = []
        """What else the last call said on stderr, a line each."""

    def __call__(self, *words: object, status: int = 0) -> str:
        self._capsys.readouterr()
        found = main([str(word) for word in words])
        out, err = self._capsys.readouterr()
        assert found == status, err
        assert not err or err.endswith("\n"), err
        lines = err.split("\n")[:-1]
        self.complaints = [line for line in lines if line.startswith("pcea: ")]
        self.notes = [line for line in lines if not line.startswith("pcea: ")]
        if status in (0, 3):
            assert bool(self.complaints) == (status == 3), err
            return out
        assert len(lines) == 1 and self.complaints, err
        return err


@pytest.fixture
def pcea(capsys: pytest.CaptureFixture[str]) -> Command:
    """Calls the command."""
    return Command(capsys)


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    """A mesh file."""
    path = tmp_path / "cube.obj"
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    faces = ("1 2 4 3", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "2 6 8 4")
    lines = [f"v {x} {y} {z}" for x, y, z in corners] + [f"f {face}" for face in faces]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    """A cloud file of 50 points."""
    pos = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    path = tmp_path / "ball.xyz"
    rows = (pos / pos.norm(dim=1, keepdim=True)).tolist()
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))
    return path
