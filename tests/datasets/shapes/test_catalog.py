from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh

from pcea.datasets.shapes import CATEGORIES, PARTS, PARTS_OF, build
from pcea.datasets.shapes.catalog import KINDS
from pcea.errors import InputError

NUM = 12


def test_lists_fit_together() -> None:
    assert len(CATEGORIES) >= 12
    assert list(CATEGORIES) == sorted(set(CATEGORIES))
    assert [part for row in PARTS_OF for part in row] == list(range(len(PARTS)))
    assert all(len(row) >= 2 for row in PARTS_OF)
    for category, row in zip(CATEGORIES, PARTS_OF, strict=True):
        assert all(PARTS[part].startswith(f"{category}/") for part in row)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_component_is_closed_and_faces_outward(category: str) -> None:
    for index in range(NUM):
        mesh = build(category, 0, index)
        whole = trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False)
        components = whole.split(only_watertight=False)
        assert len(components) >= 2
        for component in components:
            assert component.is_watertight
            assert component.is_winding_consistent
            assert component.volume > 0


@pytest.mark.parametrize("category", CATEGORIES)
def test_objects_have_their_parts_and_vary(category: str) -> None:
    meshes = [build(category, 1, index) for index in range(40)]
    number, kind = CATEGORIES.index(category), KINDS[category]
    present = [{PARTS[part].split("/")[1] for part in mesh.part.unique()} for mesh in meshes]
    for mesh, names in zip(meshes, present, strict=True):
        assert mesh.category == number
        assert mesh.vertices.dtype == torch.float32
        assert mesh.vertices.isfinite().all()
        assert mesh.faces.dtype == mesh.part.dtype == torch.int64
        assert len(mesh.part) == len(mesh.faces)
        assert set(mesh.part.tolist()) <= set(PARTS_OF[number])
        assert set(kind.required) <= names
    for part in kind.optional:
        assert 0 < sum(part in names for names in present) < len(present)
    shape = np.array([np.ptp(mesh.vertices.numpy(), axis=0) for mesh in meshes])
    proportions = shape / np.linalg.norm(shape, axis=1, keepdims=True)
    assert proportions.std(0).max() > 0.03


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_object_depends_on_its_arguments_alone(category: str) -> None:
    one, again = build(category, 5, 2), build(CATEGORIES.index(category), 5, 2)
    assert one.vertices.equal(again.vertices)
    assert one.faces.equal(again.faces)
    assert one.part.equal(again.part)
    for seed, index in ((6, 2), (5, 3), (2, 5)):
        other = build(category, seed, index)
        assert one.vertices.shape != other.vertices.shape or not one.vertices.equal(other.vertices)


@pytest.mark.parametrize(
    ("category", "low", "high"), [("chair", "leg", "back"), ("table", "leg", "top")]
)
def test_up_is_y(category: str, low: str, high: str) -> None:
    for index in range(NUM):
        centres = _centres(category, index)
        assert 0 < centres[low][1] < centres[high][1]


@pytest.mark.parametrize(
    ("category", "front", "behind"),
    [("chair", "seat", "back"), ("animal", "head", "torso"), ("airplane", "fuselage", "tail")],
)
def test_objects_face_z(category: str, front: str, behind: str) -> None:
    for index in range(NUM):
        centres = _centres(category, index)
        assert centres[front][2] > centres[behind][2]


def _centres(category: str, index: int) -> dict[str, np.ndarray]:
    """The middle of each part's faces."""
    mesh = build(category, 0, index)
    middle = mesh.vertices[mesh.faces].mean(1)
    return {
        PARTS[part].split("/")[1]: middle[mesh.part == part].mean(0).numpy()
        for part in mesh.part.unique().tolist()
    }


@pytest.mark.parametrize("category", ["chiar", 99, -1])
def test_unknown_category_is_refused(category: int | str) -> None:
    hint = "did you mean 'chair'" if isinstance(category, str) else "categories 0 to"
    with pytest.raises(InputError, match=hint):
        build(category, 0)


def test_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="at least 0"):
        build("chair", -1)
