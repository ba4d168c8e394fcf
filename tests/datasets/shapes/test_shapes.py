from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from pcea.datasets import Taxonomy, load_dataset
from pcea.datasets.shapes import GEAR_TAXONOMY, TAXONOMY, build
from pcea.errors import InputError
from pcea.testing import check_dataset

# The parts that only some objects of a category have.
OPTIONAL = {
    *("airplane/engine", "animal/tail", "bench/back", "bench/arm", "bottle/cap", "chair/arm"),
    *("desk/panel", "rocket/engine", "rocket/booster", "table/shelf", "vase/handle"),
    *("cap/peak", "earphone/headband", "earphone/wire", "motorbike/tank"),
    *("skateboard/truck", "skateboard/wheel"),
}
BOTH = [(own, name) for own in (TAXONOMY, GEAR_TAXONOMY) for name in own.categories]


@pytest.mark.parametrize("name", ["shapes", "gear"])
def test_it_holds_what_every_data_set_must(name: str) -> None:
    check_dataset(name, num_per_category=2)


@pytest.mark.parametrize("own", [TAXONOMY, GEAR_TAXONOMY])
def test_lists_fit_together(own: Taxonomy) -> None:
    assert len(own.categories) >= 8
    assert list(own.categories) == sorted(set(own.categories))
    assert [part for ids in own.parts_of for part in ids] == list(range(len(own.parts)))
    for category, ids in zip(own.categories, own.parts_of, strict=True):
        assert len(ids) >= 2
        assert all(own.parts[part].startswith(f"{category}/") for part in ids)


def test_no_category_is_in_both() -> None:
    assert not set(TAXONOMY.categories) & set(GEAR_TAXONOMY.categories)


@pytest.mark.parametrize(("taxonomy", "category"), BOTH)
def test_objects_are_closed_solids_that_have_their_parts_and_vary(
    taxonomy: Taxonomy, category: str
) -> None:
    present, extents, parts = [], [], taxonomy.parts
    for index in range(30):
        mesh = build(category, 1, index)
        assert mesh.vertices.dtype == torch.float32 and mesh.vertices.isfinite().all()
        assert mesh.faces.dtype == mesh.part.dtype == torch.int64
        assert len(mesh.part) == len(mesh.faces)
        present.append({parts[part] for part in mesh.part.unique()})
        size = np.ptp(mesh.vertices.numpy(), axis=0)
        extents.append(size / np.linalg.norm(size))
        if index < 8:
            whole = trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False)
            components = whole.split(only_watertight=False)
            assert len(components) >= (1 if category in ("cap", "skateboard") else 2)
            for component in components:
                assert component.is_watertight and component.is_winding_consistent
                assert component.volume > 0
    own = {part for part in parts if part.startswith(f"{category}/")}
    for names in present:
        assert own - OPTIONAL <= names <= own
    for part in own & OPTIONAL:
        assert 0 < sum(part in names for names in present) < len(present)
    assert np.std(extents, axis=0).max() > 0.03


@pytest.mark.parametrize("category", [*TAXONOMY.categories, *GEAR_TAXONOMY.categories])
def test_normals_of_what_is_seen_point_outward(category: str) -> None:
    """Just outside, a point may be in other solids, but in none that is inside out."""
    for index in range(6):
        mesh = build(category, 3, index)
        corners = mesh.vertices[mesh.faces].double()  # (F, 3, 3)
        normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        size = normal.norm(dim=1, keepdim=True)
        large = size[:, 0] > size.median()
        outside = (corners.mean(1) + 1e-4 * normal / size)[large][::7]
        # The winding number by Van Oosterom and Strackee, 1983, equation 8.
        a, b, c = (corners - outside[:, None, None]).unbind(2)  # (P, F, 3) each
        la, lb, lc = (each.norm(dim=-1) for each in (a, b, c))
        triple = (a * torch.linalg.cross(b, c)).sum(-1)
        below = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
        winding = torch.atan2(triple, below).sum(1) / (2 * torch.pi)
        assert winding.min() > -0.5


@pytest.mark.parametrize("category", [*TAXONOMY.categories, *GEAR_TAXONOMY.categories])
def test_an_object_depends_on_its_arguments_alone(category: str) -> None:
    one, again = build(category, 5, 2), build(category, 5, 2)
    assert one.vertices.equal(again.vertices) and one.seed == again.seed
    assert one.faces.equal(again.faces) and one.part.equal(again.part)
    for seed, index in ((6, 2), (5, 3), (2, 5)):
        other = build(category, seed, index)
        assert one.vertices.shape != other.vertices.shape or not one.vertices.equal(other.vertices)


@pytest.mark.parametrize(
    ("category", "axis", "less", "more"),
    [
        ("chair", 1, "leg", "back"),
        ("table", 1, "leg", "top"),
        ("chair", 2, "back", "seat"),
        ("animal", 2, "torso", "head"),
        ("airplane", 2, "tail", "fuselage"),
        ("person", 1, "torso", "head"),
        ("rocket", 1, "fin", "nose"),
        ("bag", 1, "body", "handle"),
        ("laptop", 1, "keyboard", "screen"),
        ("laptop", 2, "screen", "keyboard"),
        ("motorbike", 1, "wheel", "handlebar"),
        ("motorbike", 2, "seat", "light"),
        ("glasses", 2, "frame", "lens"),
        ("pistol", 1, "handle", "barrel"),
        ("pistol", 2, "handle", "barrel"),
    ],
)
def test_up_is_y_and_objects_face_z(category: str, axis: int, less: str, more: str) -> None:
    parts = (GEAR_TAXONOMY if category in GEAR_TAXONOMY.categories else TAXONOMY).parts
    for index in range(12):
        mesh = build(category, 0, index)
        middle = mesh.vertices[mesh.faces].mean(1)
        one, other = (
            middle[mesh.part == parts.index(f"{category}/{part}"), axis].mean()
            for part in (less, more)
        )
        assert one < other


def test_splits_are_fixed_and_more_shapes_leave_the_first_ones_alone() -> None:
    sets = {
        split: load_dataset("shapes", split, num_per_category=2, num_points=64).clouds
        for split in ("train", "val", "test", "trainval")
    }
    assert torch.equal(sets["trainval"].pos, torch.cat([sets["train"].pos, sets["val"].pos]))
    more = load_dataset("shapes", "val", num_per_category=3, num_points=64).clouds
    assert more.category.bincount().tolist() == [3] * len(TAXONOMY.categories)
    assert more.uniform and more.longest == 64
    first = more[[3 * i + j for i in range(len(TAXONOMY.categories)) for j in (0, 1)]]
    assert torch.equal(first.pos, sets["val"].pos) and first.names == sets["val"].names
    other = load_dataset("shapes", "val", num_per_category=2, num_points=64, seed=1).clouds
    # No two of all these shapes are the same.
    several = [*sets["train"], *sets["val"], *sets["test"], *other]
    extent = torch.stack([cloud.pos.amax(0) - cloud.pos.amin(0) for cloud in several])
    assert len(extent.unique(dim=0)) == len(several)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_either_task_can_be_chosen() -> None:
    data = load_dataset("shapes", "val", task="classification", num_per_category=1, num_points=8)
    assert data[1].y.tolist() == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_point": 8}, "no option 'num_point' .did you mean 'num_points'"),
        ({"num_points": 0}, "num_points is 0; it must be a whole number of at least 1"),
        ({"num_per_category": 0}, "num_per_category is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_dataset("shapes", "val", **options)


def test_unknown_category_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'chair'"):
        build("chiar", 0)
