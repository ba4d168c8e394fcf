"""Shapes, their parts, and the files these go to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import pcea as package
from pcea.cli.segment import FEWEST_ON_MESH, name_outputs
from pcea.pictures.palette import part_colors

Run = Callable[..., str]


def test_a_cloud(pcea: Run, segmenter: Path, ball: Path, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    words = ("segment", ball, "--weights", segmenter, "--category", "ball", "--json", file)
    out = pcea(*words, "--out", tmp_path / "parts")
    labels = np.load(tmp_path / "parts" / "ball.npz")
    cloud = package.read(ball)
    assert np.array_equal(labels["pos"], cloud.pos.numpy())
    assert str(labels["category"]) == "Ball"
    assert set(labels["part"].tolist()) <= {0, 1}
    assert labels["probability"].min() >= 0.5  # the better of two
    assert [str(name) for name in labels["part_names"][:2]] == ["Ball/part0", "Ball/part1"]

    colored = package.read(tmp_path / "parts" / "ball.ply")
    assert torch.equal(colored.pos, cloud.pos)
    colors = part_colors(4, [[0, 1], [2, 3]])
    assert torch.equal(colored.color, colors[torch.from_numpy(labels["part"])])

    found = json.loads(file.read_text())["files"][0]
    assert found["points"] == 50
    assert found["parts"]["Ball/part0"] == pytest.approx((labels["part"] == 0).mean())
    assert f"{100 * found['parts']['Ball/part1']:.1f} %" in out


def test_a_mesh(pcea: Run, segmenter: Path, cube: Path, tmp_path: Path) -> None:
    pcea("segment", "--out", tmp_path / "parts", cube, "--weights", segmenter)
    labels = np.load(tmp_path / "parts" / "cube.npz")
    assert labels["pos"].shape == (FEWEST_ON_MESH, 3)
    mesh, colored = package.read(cube), package.read(tmp_path / "parts" / "cube.ply")
    assert torch.equal(colored.vertices, mesh.vertices)
    assert torch.equal(colored.faces, mesh.faces)
    # A corner has the part of the nearest point on the surface.
    ply = (tmp_path / "parts" / "cube.ply").read_bytes()
    names = "x y z red green blue part".split()
    types = ["<f4"] * 3 + ["u1"] * 3 + ["<i4"]
    start = ply.index(b"end_header\n") + len(b"end_header\n")
    vertices = np.frombuffer(ply, list(zip(names, types, strict=True)), 8, start)
    distance = np.linalg.norm(labels["pos"][None] - mesh.vertices.numpy()[:, None], axis=-1)
    assert np.array_equal(vertices["part"], labels["part"][distance.argmin(1)])


def test_one_stem_twice(pcea: Run, segmenter: Path, ball: Path, tmp_path: Path) -> None:
    other = shutil.copy(ball, tmp_path / "ball.txt")
    out = tmp_path / "parts"
    pcea("segment", ball, other, "--out", out, "--weights", segmenter)
    names = ["ball-2.npz", "ball-2.ply", "ball.npz", "ball.ply"]
    assert sorted(path.name for path in out.iterdir()) == names


def test_names_never_meet() -> None:
    files = [Path(name) for name in ("a/x.off", "b/x.off", "x-2.off", "X.obj", "c/x.off", "y.off")]
    targets = [path.name for path in name_outputs(files, Path("out"))]
    assert len({name.casefold() for name in targets}) == len(files)
    assert targets[0] == "x"
    assert targets[2] == "x-2"
    assert targets[5] == "y"


def test_never_writes_over_an_input(pcea: Run, segmenter: Path, cube: Path) -> None:
    mesh = cube.with_name("cube.ply")
    package.read(cube)
    pcea("segment", cube, "--out", cube.parent, "--weights", segmenter)
    before = mesh.read_bytes()
    err = pcea("segment", mesh, "--out", cube.parent, "--weights", segmenter, status=2)
    assert "would be overwritten" in err
    assert mesh.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--category Bell", "did you mean 'Ball'"),
        ("--votes 0", "--votes is 0"),
        ("no/such/file.obj", "no/such/file.obj"),
        ("no/such/*.obj", "no/such/*.obj"),
    ],
)
def test_wrong_options(
    pcea: Run, segmenter: Path, ball: Path, tmp_path: Path, words: str, reason: str
) -> None:
    out = tmp_path / "parts"
    options = [ball, *words.split()]
    err = pcea("segment", *options, "--out", out, "--weights", segmenter, status=2)
    assert reason in err
    assert not out.exists()


def test_weights_of_the_other_task(pcea: Run, classifier: Path, ball: Path, tmp_path: Path) -> None:
    words = ("segment", ball, "--out", tmp_path / "parts", "--weights", classifier)
    assert "use it with pcea classify" in pcea(*words, status=2)
    assert not (tmp_path / "parts").exists()


def test_out_cannot_be_a_folder(pcea: Run, segmenter: Path, ball: Path) -> None:
    words = ("segment", ball, "--weights", segmenter, "--out", ball)
    assert "cannot be written" in pcea(*words, status=2)


def test_a_million_points(pcea: Run, segmenter: Path, tmp_path: Path) -> None:
    file = tmp_path / "million.npy"
    np.save(file, np.random.default_rng(0).normal(size=(1_000_000, 3)).astype(np.float32))
    out = tmp_path / "parts"
    pcea("segment", file, "--out", out, "--weights", segmenter)
    assert np.load(out / "million.npz")["part"].shape == (1_000_000,)
