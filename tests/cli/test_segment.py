"""Shapes, their parts, and the files these go to."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import pcea as package
from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.formats import write_ply
from pcea.models import create_model, save_model
from pcea.pictures.palette import part_colors

if TYPE_CHECKING:
    from tests.cli.conftest import Command


def test_a_cloud(pcea: Command, segmenter: Path, ball: Path, tmp_path: Path) -> None:
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


def test_a_mesh(pcea: Command, segmenter: Path, cube: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "found.json", tmp_path / "parts"
    said = pcea("segment", "--out", out, cube, "--weights", segmenter, "--json", file)
    labels = np.load(out / "cube.npz")
    mesh = package.read(cube)
    assert np.array_equal(labels["pos"], mesh.vertices.numpy())
    assert np.array_equal(labels["faces"], mesh.faces.numpy())
    assert labels["part"].shape == labels["probability"].shape == (8,)
    assert labels["face_part"].shape == labels["face_probability"].shape == (12,)
    assert labels["face_probability"].min() >= 0.5
    # What the model saw lies where its faces are.
    seen, face = torch.from_numpy(labels["sample_pos"]), torch.from_numpy(labels["sample_face"])
    assert seen.shape == (8 * 32, 3)
    corners = mesh.vertices[mesh.faces[face]]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((seen - corners[:, 0]) * normal).sum(1).abs().max() < 1e-5
    assert labels["sample_part"].shape == (256,)

    # All faces of the cube are equally large.
    found = json.loads(file.read_text())["files"][0]
    share = np.bincount(labels["face_part"], minlength=4) / 12
    names = [str(name) for name in labels["part_names"]]
    own = {name: share[i] for i, name in enumerate(names) if name.startswith(found["category"])}
    assert found["parts"] == pytest.approx(own)
    assert (found["points"], found["faces"]) == (8, 12)
    assert all(f"{100 * each:.1f} %" in said for each in own.values())


def test_colors_are_those_of_the_parts(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path
) -> None:
    trimesh = pytest.importorskip("trimesh")
    out = tmp_path / "parts"
    pcea("segment", "--out", out, cube, "--weights", segmenter)
    part = torch.from_numpy(np.load(out / "cube.npz")["part"])
    colors = part_colors(4, [[0, 1], [2, 3]])[part]
    mesh = package.read(cube)
    for ending in ("ply", "glb"):
        written = package.read(out / f"cube.{ending}")
        assert torch.equal(written.vertices, mesh.vertices)
        assert torch.equal(written.faces, mesh.faces)
    assert torch.equal(package.read(out / "cube.glb").color, colors)
    ply = trimesh.load_mesh(out / "cube.ply", process=False)
    assert np.array_equal(ply.visual.vertex_colors[:, :3], colors.numpy())


def test_the_picture_shows_before_and_after(
    pcea: Command, segmenter: Path, cube: Path, ball: Path, tmp_path: Path
) -> None:
    image = pytest.importorskip("matplotlib.image")
    out = tmp_path / "parts"
    words = ("--background", "dark", "--weights", segmenter)
    pcea("segment", cube, ball, "--out", out, *words)
    for name in ("cube", "ball"):
        picture = image.imread(out / f"{name}.png")[..., :3]  # (H, W, 3), 0 to 1
        height, width = picture.shape[:2]
        colored = picture.max(-1) - picture.min(-1) > 0.3  # gray shapes and letters are not
        shown = picture[: 3 * height // 4]
        assert (shown[:, : width // 2].max(-1) > 0.4).mean() > 0.05  # a shape is there, too
        assert colored[: 3 * height // 4, : width // 2].mean() < 0.001
        assert colored[: 3 * height // 4, width // 2 :].mean() > 0.05
        assert np.allclose(picture[0, 0], np.array([24, 26, 30]) / 255, atol=0.02)


def test_labels_are_written_even_where_nothing_can_be_drawn(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise InputError("there is no paint")

    monkeypatch.setattr("pcea.pictures.parts.gallery", fail)
    out = tmp_path / "parts"
    said = pcea("segment", cube, "--out", out, "--weights", segmenter)
    assert "cube.png was not drawn: there is no paint" in said
    assert sorted(path.name for path in out.iterdir()) == ["cube.glb", "cube.npz", "cube.ply"]


def test_the_up_axis_is_guessed_or_given(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pcea.models import orientation
    from pcea.models.prediction import UpGuess

    file = tmp_path / "found.json"
    words = ("segment", cube, "--weights", segmenter, "--json", file, "--out")
    guess = UpGuess((0.0, 0.0, 0.04, 0.0, 0.96, 0.0))
    monkeypatch.setattr(orientation, "find_up", lambda *_: guess)
    assert "z (guessed)" in pcea(*words, tmp_path / "guessed")
    found = json.loads(file.read_text())["files"][0]
    assert (found["up"], found["up_confidence"]) == ("z", 0.96)
    said = pcea(*words, tmp_path / "given", "--up", "z")
    assert "(guessed)" not in said
    assert json.loads(file.read_text())["files"][0]["up_confidence"] is None
    one, other = (np.load(tmp_path / each / "cube.npz") for each in ("guessed", "given"))
    assert np.array_equal(one["face_part"], other["face_part"])
    assert str(one["up"]) == "z"


def test_one_stem_twice(pcea: Command, segmenter: Path, ball: Path, tmp_path: Path) -> None:
    other = shutil.copy(ball, tmp_path / "ball.txt")
    out = tmp_path / "parts"
    pcea("segment", ball, other, "--out", out, "--weights", segmenter)
    names = [stem + end for stem in ("ball-2", "ball") for end in (".glb", ".npz", ".ply", ".png")]
    assert sorted(path.name for path in out.iterdir()) == names


def test_the_summary_is_never_written_over_an_input(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, weights = cube.read_bytes(), segmenter / "model.safetensors"
    words = ("segment", cube, "--out", tmp_path, "--weights", weights, "--json", cube)
    assert f"--json {cube}: it is an input file; name another one" in pcea(*words, status=2)
    (tmp_path / "link").symlink_to(cube)
    monkeypatch.setenv("HOME", str(cube.parent))
    for name in (tmp_path / "link", f"~/{cube.name}", weights):
        assert "it is an input file" in pcea(*words[:-1], name, status=2)
    assert cube.read_bytes() == before


@pytest.mark.parametrize("ending", ["ply", "glb", "npz"])
def test_never_writes_over_an_input(
    pcea: Command, segmenter: Path, cube: Path, ending: str, tmp_path: Path
) -> None:
    pcea("segment", cube, "--out", tmp_path / "parts", "--weights", segmenter)
    shape = tmp_path / "parts" / f"cube.{ending}"
    before = shape.read_bytes()
    err = pcea("segment", shape, "--out", shape.parent, "--weights", segmenter, status=2)
    assert "would be overwritten" in err
    assert shape.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--category Bell", "did you mean 'Ball'"),
        ("--votes 0", "--votes is 0"),
        ("--smooth -1", "--smooth is -1"),
        ("--up w", "--up"),
        ("--background crayon", "--background"),
        ("--renderer crayon", "--renderer"),
    ],
)
def test_wrong_options(
    pcea: Command, segmenter: Path, ball: Path, tmp_path: Path, words: str, reason: str
) -> None:
    out = tmp_path / "parts"
    options = [ball, *words.split()]
    err = pcea("segment", *options, "--out", out, "--weights", segmenter, status=2)
    assert reason in err
    assert not out.exists()


def test_weights_of_the_other_task(
    pcea: Command, classifier: Path, ball: Path, tmp_path: Path
) -> None:
    words = ("segment", ball, "--out", tmp_path / "parts", "--weights", classifier)
    assert "use it with pcea classify" in pcea(*words, status=2)
    assert not (tmp_path / "parts").exists()


def test_out_cannot_be_a_folder(pcea: Command, segmenter: Path, ball: Path) -> None:
    words = ("segment", ball, "--weights", segmenter, "--out", ball)
    assert "is not a folder that you may write to" in pcea(*words, status=2)


def test_many_points(pcea: Command, segmenter: Path, tmp_path: Path) -> None:
    file = tmp_path / "many.npy"
    np.save(file, np.random.default_rng(0).normal(size=(200_000, 3)).astype(np.float32))
    out = tmp_path / "parts"
    pcea("segment", file, "--out", out, "--weights", segmenter, "--votes", 1)
    assert np.load(out / "many.npz")["part"].shape == (200_000,)


def test_it_says_how_sure_it_is_of_the_category(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path
) -> None:
    file = tmp_path / "found.json"
    words = ("segment", cube, "--weights", segmenter, "--up", "y", "--json", file, "--out")
    said = pcea(*words, tmp_path / "parts")
    (found,) = json.loads(file.read_text())["files"]
    model = package.load_model(segmenter)
    looks = [model.sample(package.read(cube), seed) for seed in range(8)]
    with torch.no_grad():
        share = torch.cat([model(b.pos, b.normal).softmax(-1)[0] for b in looks]).mean(0)
    by_category = dict(zip(("Ball", "Box"), (share[:2].sum(), share[2:].sum()), strict=True))
    assert found["category"] == max(by_category, key=lambda name: by_category[name])
    best = float(max(by_category.values()))
    assert found["category_probability"] == pytest.approx(best, abs=1e-5)
    assert f"{100 * best:.1f} %" in said and "unsure" not in said  # more than half, of two
    said = pcea(*words, tmp_path / "parts", "--category", "Box")
    assert " given " in said
    assert json.loads(file.read_text())["files"][0]["category_probability"] is None


@pytest.mark.parametrize(
    ("limits", "unsure"), [({}, None), ({"probability": 0.3}, False), ({"probability": 0.5}, True)]
)
def test_the_table_the_summary_and_the_labels_say_alike_whether_it_is_unsure(
    pcea: Command, cube: Path, tmp_path: Path, limits: dict[str, float], unsure: bool | None
) -> None:
    parts = Taxonomy(("cup", "chair", "desk"), ("cup/body", "chair/leg", "desk/top"))
    model, weights = create_model("eat-seg-tiny", parts, num_points=60), tmp_path / "w.safetensors"
    model.info = replace(model.info, limits=limits)
    with torch.no_grad():  # no category has half of the probability
        model.last_layer.weight.zero_()
        model.last_layer.bias.copy_(torch.tensor([0.4, 0.3, 0.3]).log())
    save_model(model, weights)
    out, file = tmp_path / "parts", tmp_path / "found.json"
    said = pcea("segment", cube, "--weights", weights, "--up", "y", "--out", out, "--json", file)
    (found,), labels = json.loads(file.read_text())["files"], np.load(out / "cube.npz")
    assert "40.0 %" in said and labels["category_probability"] == pytest.approx(0.4)
    assert found["unsure"] is unsure and ("(unsure)" in said) == bool(unsure)
    assert (labels["unsure"].tolist() if "unsure" in labels else None) is unsure
    assert labels["doubts"].dtype.kind == "U" and labels["doubts"].tolist() == found["doubts"]
    assert len(found["doubts"]) == bool(unsure)
    assert any("unsure" in note for note in pcea.notes) == bool(unsure)


def test_labels_of_a_given_category_have_no_probability_of_it(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path
) -> None:
    pcea("segment", cube, "--weights", segmenter, "--category", "Box", "--out", tmp_path / "parts")
    labels = np.load(tmp_path / "parts" / "cube.npz")
    assert labels["doubts"].tolist() == [] and str(labels["category"]) == "Box"
    assert not {"category_probability", "unsure"} & set(labels)


@pytest.fixture
def on_the_map(tmp_path: Path) -> tuple[Path, np.ndarray[Any, np.dtype[np.float64]]]:
    """A cloud of 60 points in map coordinates whose second row is no point, and its points."""
    ball = np.random.default_rng(0).normal(size=(60, 3))
    pos = np.round(np.array([384_512.25, 5_710_033.5, 121.75]) + ball, 4)
    file = tmp_path / "scan.xyz"
    rows = [" ".join(f"{value:.4f}" for value in row) for row in pos]
    file.write_text("\n".join([rows[0], "nan nan nan", *rows[1:]]) + "\n")
    return file, pos


def test_what_is_written_has_the_coordinates_of_the_file(
    pcea: Command,
    segmenter: Path,
    on_the_map: tuple[Path, np.ndarray[Any, np.dtype[np.float64]]],
    tmp_path: Path,
) -> None:
    file, pos = on_the_map
    out = tmp_path / "parts"
    pcea("segment", file, "--weights", segmenter, "--out", out)
    assert any("1 of 61 points have no position" in note for note in pcea.notes)
    labels = np.load(out / "scan.npz")
    tolerance = 1e-6 * np.linalg.norm(np.ptp(pos, axis=0))
    assert labels["pos"].dtype == np.float64
    assert np.abs(labels["pos"] - pos).max() < tolerance
    assert labels["row"].tolist() == [0, *range(2, 61)]
    for ending in ("ply", "glb"):
        written = package.read(out / f"scan.{ending}").file_pos.numpy()
        assert np.abs(written - pos).max() < tolerance, ending
    assert np.abs(labels["pos"] - labels["offset"]).max() < 1000


def test_a_mesh_on_the_map_keeps_its_place(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path
) -> None:
    far = np.array([384_512.25, 5_710_033.5, 121.75])
    mesh = package.read(cube)
    file, out = tmp_path / "house.ply", tmp_path / "parts"
    write_ply(file, mesh.vertices.double().numpy() + far, faces=mesh.faces)
    pcea("segment", file, "--weights", segmenter, "--out", out)
    labels = np.load(out / "house.npz")
    for pos in (
        labels["pos"],
        package.read(out / "house.ply").file_pos.numpy(),
        package.read(out / "house.glb").file_pos.numpy(),
    ):
        assert np.abs(pos - far - mesh.vertices.numpy()).max() < 1e-6
    assert "row" not in labels
    seen = labels["sample_pos"] - far  # on the unit cube: a coordinate of each is 0 or 1
    assert np.minimum(np.abs(seen), np.abs(seen - 1)).min(1).max() < 1e-5


@pytest.mark.parametrize("what", ["a folder in its place", "no room for this one"])
def test_what_cannot_be_written_is_left_out(
    pcea: Command,
    segmenter: Path,
    cube: Path,
    ball: Path,
    tmp_path: Path,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, file = tmp_path / "parts", tmp_path / "found.json"
    if what == "a folder in its place":
        (out / "ball.npz").mkdir(parents=True)
    else:
        fail_for(monkeypatch, "ball.ply", errno.EFBIG)
    words = ("segment", ball, cube, "--weights", segmenter, "--out", out, "--json", file)
    pcea(*words, status=3)
    (complaint,) = pcea.complaints
    assert complaint.startswith(f"pcea: {ball}: {out}") and "cannot be written" in complaint
    found = json.loads(file.read_text())
    assert [each["file"] for each in found["files"]] == [str(cube)]
    assert [each["file"] for each in found["left_out"]] == [str(ball)]


def test_a_full_disk_ends_the_batch(
    pcea: Command,
    segmenter: Path,
    cube: Path,
    ball: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail_for(monkeypatch, "ball.npz", errno.ENOSPC)
    out = tmp_path / "parts"
    err = pcea("segment", ball, cube, "--weights", segmenter, "--out", out, status=2)
    assert err.startswith(f"pcea: {out / 'ball.npz'}: ") and "No space left" in err
    assert not (out / "cube.npz").exists()


def fail_for(monkeypatch: pytest.MonkeyPatch, name: str, reason: int) -> None:
    """Let the file of a name not be written."""
    replace_file = os.replace

    def fail(source: Any, target: Any) -> None:
        if Path(target).name == name:
            raise OSError(reason, os.strerror(reason))
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", fail)


def test_names_of_any_script(pcea: Command, segmenter: Path, ball: Path, tmp_path: Path) -> None:
    names = ["椅子.xyz", "a\nb.xyz", "...xyz", "C:\\scans\\stuhl.xyz"]
    files = [Path(shutil.copy(ball, tmp_path / name)) for name in names]
    out = tmp_path / "parts"
    said = pcea("segment", *files, "--weights", segmenter, "--out", out, "--votes", 1)
    assert all(f"{file}".replace("\n", "\\n") in said for file in files)
    assert {path.stem for path in out.iterdir()} == {"椅子", "a_b", "shape", "stuhl"}
    assert {path.name for path in tmp_path.iterdir()} == {*names, "ball.xyz", "parts"}
