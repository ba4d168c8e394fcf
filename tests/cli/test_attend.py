"""What attention does on files and over a data set, and the files that this goes to."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import pcea as package
from pcea.evaluation import measure_slots
from pcea.models import load_model, save_model
from pcea.models.encoder import PointTransformer
from pcea.pictures import explained
from pcea.pictures.colormaps import colors_of
from pcea.pictures.explained import COLORMAP, layers, saved_names

if TYPE_CHECKING:
    from tests.cli.conftest import Command

ALWAYS = [name for name in saved_names() if name != "turntable.gif"]
QUICK = ("--slots", 2, "--votes", 2)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of few pixels, and turns of few frames."""
    monkeypatch.setattr(explained, "DPI", 24)
    monkeypatch.setattr(explained, "FRAMES", 2)


@pytest.fixture(scope="session")
def sharp(segmenter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The segmenter of toys, whose slots are flat after so little training, with sharper ones."""
    model = load_model(segmenter)
    with torch.no_grad():
        for layer in model.encoder.layers:
            layer.attention.memory.mk *= 3000
    path = tmp_path_factory.mktemp("sharp") / "sharp.safetensors"
    save_model(model, path)
    return path


@pytest.fixture(scope="session")
def selfish(segmenter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained segmenter of toys with self-attention."""
    info = load_model(segmenter).info
    torch.manual_seed(0)
    model = package.create_model(
        info.name,
        info.taxonomy,
        num_points=32,
        **{**info.options, "attention": "self", "attention_options": {"heads": 2}},
    )
    path = tmp_path_factory.mktemp("self") / "self.safetensors"
    save_model(model, path)
    return path


def vertices_of(ply: Path, values: str) -> np.ndarray:
    """The table of a PLY file whose vertices have a color and one more value."""
    content = ply.read_bytes()
    head, _, body = content.partition(b"end_header\n")
    num = int(head.partition(b"element vertex ")[2].split()[0])
    names = [line.split()[-1].decode() for line in head.splitlines() if b"property" in line]
    names = [name for name in names if name != "vertex_indices"]
    assert names[-4:] == ["red", "green", "blue", values]
    types = ["<f4"] * (len(names) - 4) + ["u1"] * 3 + ["<f4"]
    return np.frombuffer(body, list(zip(names, types, strict=True)), num)


def test_a_mesh(pcea: Command, sharp: Path, cube: Path, tmp_path: Path) -> None:
    file = tmp_path / "seen.json"
    words = ("attend", cube, "--weights", sharp, "--out", tmp_path / "out", *QUICK)
    out = pcea(*words, "--up", "z", "--json", file)
    folder = tmp_path / "out" / "cube"
    assert sorted(path.name for path in folder.iterdir()) == sorted(ALWAYS)
    (seen,) = json.loads(file.read_text())["files"]
    assert seen["unsure"] is None and seen["doubts"] == []  # it has no limits
    assert out.count("\n") == 1 and f"{cube}: {seen['category']} (" in out and "up z (given)" in out

    # The raw values are those of the same explanation in Python.
    values = np.load(folder / "attention.npz")
    mesh, model = package.read(cube), load_model(sharp)
    found = package.explain(model, mesh, votes=2, up="z", slots=2)
    assert np.array_equal(values["pos"], found.sample.pos.numpy())
    assert np.array_equal(values["layer0"], found.maps[0].values.numpy())
    assert str(values["up"]) == "z"
    assert values["critical"].sum() == pytest.approx(1)

    # The values at the vertices are those of the first slot, brought back from the sample.
    slot = int(str(values["shown"][0]).rpartition(" ")[2])
    assert seen["shown"][0] == f"layer 0 slot {slot}"
    column = found.maps[0].values[0, :, slot]
    share = column / column.mean()
    expected = mesh.carry_back(found.sample, share[:, None])[:, 0]
    torch.testing.assert_close(torch.from_numpy(values["shown_values"][:, 0]), expected)

    # Each color is that of its value, in both files, and the mesh is the user's own.
    table = vertices_of(folder / "attention.ply", "attention")
    assert np.array_equal(table["attention"], values["shown_values"][:, 0])
    rgb = np.stack([table[name] for name in ("red", "green", "blue")], axis=1)
    top = float(values["shown_high"][0])
    assert np.array_equal(rgb, colors_of(table["attention"].copy(), 0.0, top, COLORMAP).numpy())
    assert len(np.unique(rgb, axis=0)) > 1
    colored = package.read(folder / "attention.ply")
    assert torch.equal(colored.vertices, mesh.vertices) and torch.equal(colored.faces, mesh.faces)
    glb = package.read(folder / "attention.glb")
    assert torch.equal(glb.vertices, mesh.vertices) and torch.equal(glb.faces, mesh.faces)
    assert np.array_equal(glb.color.numpy(), rgb)


@pytest.mark.parametrize(("up", "batches"), [((), [6, 6, 4]), (("--up", "y"), [4])])
def test_the_encoder_takes_each_vote_and_candidate_of_up_once(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    up: tuple[str, ...], batches: list[int],
) -> None:  # fmt: skip
    sizes = []
    forward = PointTransformer.forward

    def counted(self: PointTransformer, pos: torch.Tensor, *given: object) -> object:
        sizes.append(len(pos))
        return forward(self, pos, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(PointTransformer, "forward", counted)
    words = ("attend", cube, "--weights", segmenter, "--out", tmp_path)
    pcea(*words, *up)
    # The six axes are one batch, in each of two votes; the four votes of the answer are one, too.
    assert sizes == batches


def test_a_cloud_and_one_slot_of_it(pcea: Command, sharp: Path, ball: Path, tmp_path: Path) -> None:
    words = ("attend", ball, "--weights", sharp, "--out", tmp_path / "out", *QUICK)
    out = pcea(*words, "--slot", 7, "--layer", 0, "--background", "dark")
    assert "up y (guessed, " in out or "guessed" in out
    folder = tmp_path / "out" / "ball"
    values = np.load(folder / "attention.npz")
    assert str(values["shown"][0]) == "layer 0 slot 7"
    assert values["shown_values"].shape[0] == 50
    cloud = package.read(folder / "attention.ply")
    assert torch.equal(cloud.pos, package.read(ball).pos)
    top = float(values["shown_high"][0])
    assert torch.equal(cloud.color, colors_of(values["shown_values"][:, 0], 0.0, top, COLORMAP))
    assert len(cloud.color.unique(dim=0)) > 1


def test_attention_among_points(pcea: Command, selfish: Path, cube: Path, tmp_path: Path) -> None:
    words = ("attend", cube, "--weights", selfish, "--out", tmp_path / "out", *QUICK)
    pcea(*words, "--slots", 3)
    values = np.load(tmp_path / "out" / "cube" / "attention.npz")
    names = [str(name) for name in values["shown"]]
    assert names == ["layer 0 received", "layer 0 query 0", "layer 0 query 1"]
    assert values["shown_values"].shape == (8, 3)
    assert values["layer0"].shape == (2, 64, 3) and values["query"].shape == (2, 3)


def test_a_large_mesh(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its layers are drawn on the seen points; all else is as of any mesh."""
    words = ("attend", cube, "--weights", segmenter, *QUICK)
    pcea(*words, "--out", tmp_path / "small")
    monkeypatch.setattr(layers, "HEAVY", 3)
    pcea(*words, "--out", tmp_path / "large")
    for name in ALWAYS:
        small, large = (tmp_path / each / "cube" / name for each in ("small", "large"))
        assert (small.read_bytes() == large.read_bytes()) == (name != "layers.png"), name


def test_a_classifier(pcea: Command, classifier: Path, cube: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(cube, tmp_path / "other.obj"))
    words = ("attend", cube, other, "--weights", classifier, "--out", tmp_path / "out", *QUICK)
    out = pcea(*words)
    assert out.count("\n") == 2 and "other.obj: B" in out
    values = np.load(tmp_path / "out" / "other" / "attention.npz")
    assert [str(name) for name in values["names"]] == ["Ball", "Box"]
    assert values["probability"].shape == (2,)
    assert str(values["target"]) in ("Ball", "Box")


def test_a_turntable(pcea: Command, segmenter: Path, ball: Path, tmp_path: Path) -> None:
    words = ("attend", ball, "--weights", segmenter, "--out", tmp_path, *QUICK, "--slots", 1)
    pcea(*words, "--turntable")
    assert (tmp_path / "ball" / "turntable.gif").read_bytes().startswith(b"GIF89a")


def test_never_writes_over_an_input(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "attention"
    folder.mkdir()
    file = Path(shutil.copy(cube, folder / "attention.ply"))
    before = file.read_bytes()
    words = ("attend", file, "--weights", segmenter, "--out", tmp_path)
    assert "would be overwritten" in pcea(*words, status=2)
    assert file.read_bytes() == before


def test_what_is_written_has_the_coordinates_of_the_file(
    pcea: Command, selfish: Path, tmp_path: Path
) -> None:
    ball = np.random.default_rng(0).normal(size=(50, 3))
    pos = np.round(np.array([384_512.25, 5_710_033.5, 121.75]) + ball, 4)
    file = tmp_path / "scan.xyz"
    np.savetxt(file, np.insert(pos, 20, np.nan, axis=0), fmt="%.4f")
    words = ("attend", file, "--weights", selfish, *QUICK, "--out", tmp_path / "out")
    pcea(*words, "--json", tmp_path / "seen.json")
    folder = tmp_path / "out" / "scan"
    tolerance = 1e-6 * np.linalg.norm(np.ptp(pos, axis=0))
    for ending in ("ply", "glb"):
        written = package.read(folder / f"attention.{ending}").file_pos.numpy()
        assert np.abs(written - pos).max() < tolerance, ending
    values = np.load(folder / "attention.npz")
    for name in ("pos", "query"):  # each of them is a point of the file
        distance = np.linalg.norm(values[name][:, None] - pos, axis=-1).min(1)
        assert distance.max() < tolerance, name
    assert values["row"].tolist() == [*range(20), *range(21, 51)]
    assert np.abs(values["pos"] - values["offset"]).max() < 1000
    (seen,) = json.loads((tmp_path / "seen.json").read_text())["files"]
    assert [f"{file}: {note}" for note in seen["notes"]] == pcea.notes
    assert any("1 of 51 points have no position" in note for note in seen["notes"])


def test_a_bad_file_is_named_and_the_others_are_done(
    pcea: Command, segmenter: Path, cube: Path, tmp_path: Path
) -> None:
    bad, file = tmp_path / "bad.ply", tmp_path / "seen.json"
    bad.write_bytes(b"ply\nnonsense")
    words = ("attend", bad, cube, "--weights", segmenter, *QUICK, "--out", tmp_path / "out")
    out = pcea(*words, "--json", file, status=3)
    assert f"{cube}: " in out
    (complaint,) = pcea.complaints
    assert complaint.startswith(f"pcea: {bad}: ")
    found = json.loads(file.read_text())
    assert [each["file"] for each in found["files"]] == [str(cube)]
    assert [each["file"] for each in found["left_out"]] == [str(bad)]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cube"]


def test_a_data_set(pcea: Command, toys: Path, segmenter: Path, tmp_path: Path) -> None:
    words = ("attend", "--dataset", "toys", "--data-root", toys, "--weights", segmenter)
    options = ("--repeats", 3, "--split", "test")
    file = tmp_path / "all.json"
    out = pcea(*words, *options, "--out", tmp_path / "out", "--json", file)
    assert "toys test: 6 clouds, the attention takes 8 points of each" in out
    assert "layer 0 slot" in out and "Ball/part" in out
    names = ["across.png", "parts.png", "slots.csv", "slots.json", "slots.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names

    data = package.load_dataset("toys", "test", toys)
    model = load_model(segmenter)
    found = measure_slots(model, data.clouds, data.taxonomy, repeats=3)
    written = json.loads((tmp_path / "out" / "slots.json").read_text())
    assert written["slots"] == found.rows() and written["layers"] == found.summary()["layers"]
    assert json.loads(file.read_text()) == written
    with (tmp_path / "out" / "slots.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [int(row["slot"]) for row in rows] == list(range(64))
    assert float(rows[5]["nmi"]) == found.slots[5].nmi


def test_a_data_set_without_slots_or_parts(
    pcea: Command, toys: Path, selfish: Path, tmp_path: Path
) -> None:
    words = ("attend", "--dataset", "toys", "--data-root", toys, "--weights", selfish)
    out = pcea(*words, "--repeats", 2, "--out", tmp_path / "out")
    assert "head 1 received" in out
    assert json.loads((tmp_path / "out" / "slots.json").read_text())["kind"] == "points"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--slots 0", "--slots is 0"),
        ("--layer 4", "--layer 4"),
        ("--slot 64", "pcea: --slot 64"),
        ("--dataset toys", "one of them at a time"),
        ("--map-kind points", "external attention, has no map over points"),
        ("--split test", "--split is for data sets: give --dataset, too"),
        ("--data-root data", "--data-root is for data sets"),
    ],
)
def test_wrong_options(
    pcea: Command, segmenter: Path, ball: Path, tmp_path: Path, words: str, reason: str
) -> None:
    out = tmp_path / "out"
    err = pcea("attend", ball, *words.split(), "--weights", segmenter, "--out", out, status=2)
    assert reason in err
    assert not out.exists()


def test_wrong_data_sets(pcea: Command, toys: Path, segmenter: Path, tmp_path: Path) -> None:
    words = ("attend", "--weights", segmenter, "--out", tmp_path / "out", "--data-root", toys)
    assert "toyz" in pcea(*words, "--dataset", "toyz", status=2)
    err = pcea(*words, "--dataset", "toys", "--category", "Bell", status=2)
    assert "did you mean 'Ball'" in err
    for option in ("--layer 99", "--slot 3", "--slots 4", "--votes 2", "--turntable", "--up z"):
        err = pcea(*words, "--dataset", "toys", *option.split(), status=2)
        assert f"{option.split()[0]} is for files: leave it out with --dataset" in err
    json_file = segmenter / "model.safetensors"
    err = pcea(*words, "--dataset", "toys", "--json", json_file, status=2)
    assert f"--json {json_file}: it is an input file" in err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_data_are_read(
    pcea: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pcea.datasets.load_dataset", lambda *call: 1 / 0)
    (tmp_path / "file").touch()
    err = pcea("attend", "--dataset", "toys", "--out", tmp_path / "file" / "out", status=2)
    assert "is not a folder that you may write to" in err
