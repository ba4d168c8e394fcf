"""The script that measures labeled meshes, on one whose answer is known."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.models import Segmenter, create_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_faces.py"
PARTS = Taxonomy(("Ball", "Cup"), ("Ball/all", "Cup/left", "Cup/right"), ((0,), (1, 2)))


class BySide(Segmenter):
    """Cup/right where x is above 0."""

    def forward(self, pos: Tensor, *_: object, **__: object) -> Tensor:
        x = pos[..., 0]
        return torch.stack([torch.full_like(x, -9.0), -50 * x, 50 * x], dim=-1)


class WithoutLeft(Segmenter):
    """The right part of something, wherever."""

    def forward(self, pos: Tensor, *_: object, **__: object) -> Tensor:
        return torch.tensor([-9.0, 0.0, -9.0, 1.0]).expand(*pos.shape[:2], 4)


@pytest.fixture
def mesh(tmp_path: Path) -> Path:
    """Two squares of two triangles, the right one three times as wide."""
    folder = tmp_path / "cup"
    folder.mkdir()
    path = folder / "7.off"
    corners = [(x, y, 0) for x in (-1.0, -0.1) for y in (0, 1)]
    corners += [(x, y, 0) for x in (0.1, 2.8) for y in (0, 1)]
    faces = [(0, 2, 3), (0, 3, 1), (4, 6, 7), (4, 7, 5)]
    lines = ["OFF", "8 4 0", *(" ".join(map(str, each)) for each in corners)]
    lines += [f"3 {a} {b} {c}" for a, b, c in faces]
    path.write_text("\n".join(lines) + "\n")
    return path


def build() -> Segmenter:
    torch.manual_seed(0)
    model = create_model("eat-seg-tiny", PARTS, num_points=400)
    model.__class__ = BySide
    assert isinstance(model, Segmenter)
    return model


def test_faces_count_by_their_area(script: ModuleType, mesh: Path) -> None:
    labels = mesh.with_name("7_labels.txt")
    labels.write_text("left\n1 2 \nRIGHT\n3 4 \n")
    # The cloud's middle is near x = 1: the model, which splits there, is wrong on the right's left.
    found = script.measure(build(), mesh, True, 2, 0)
    assert found.file == "cup/7.off"
    assert found.right
    assert found.at_points < 1.0
    wrong = {0: 0.45 / 3.6, 2: 1.35 / 3.6, 3: 1.35 / 3.6}
    possible = [1.0, 1 - wrong[2], 1 - wrong[2] - wrong[3], 1 - wrong[3]]
    assert min(abs(found.at_faces - each) for each in possible) < 1e-6
    assert list(script.labeled(mesh.parents[1])) == [mesh]


def test_faces_without_a_label_do_not_count(script: ModuleType, mesh: Path) -> None:
    mesh.with_name("7_labels.txt").write_text("left\n1 2\nlid\n3 4\n")
    truth = script.read_labels(mesh, 4, PARTS)
    assert truth.tolist() == [1, 1, -1, -1]
    found = script.measure(build(), mesh, False, 1, 0)
    assert found.at_points == found.at_faces == 1.0


@pytest.mark.parametrize("category", ["cup", "ball"])
def test_parts_of_an_unsure_category_are_compared_by_name(
    script: ModuleType, mesh: Path, category: str
) -> None:
    parts = ("Ball/all", "Ball/right", "Cup/left", "Cup/right")
    torch.manual_seed(0)
    model = create_model("eat-seg-tiny", Taxonomy(("Ball", "Cup"), parts), num_points=400)
    model.__class__ = WithoutLeft
    model.info = replace(model.info, limits={"probability": 1.01})
    folder = mesh.parent.rename(mesh.parents[1] / category)
    labels = {"cup": "left\n1 2\nright\n3\n", "ball": "all\n1 2\nright\n3\n"}
    (folder / "7_labels.txt").write_text(labels[category])
    found = script.measure(model, folder / "7.off", False, 1, 0)
    # All is "right" to the model: face 3 is, faces 1 and 2 are not, and face 4 has no label.
    assert found.at_faces == pytest.approx(1.35 / (2 * 0.45 + 1.35))
    assert 0 < found.at_points < 1


@pytest.mark.parametrize("text", ["left\n1 5\n", "left\n0 1\n", "left\n1 two\n"])
def test_refuses_labels_that_do_not_fit(script: ModuleType, mesh: Path, text: str) -> None:
    mesh.with_name("7_labels.txt").write_text(text)
    with pytest.raises(InputError, match="7_labels"):
        script.read_labels(mesh, 4, PARTS)
