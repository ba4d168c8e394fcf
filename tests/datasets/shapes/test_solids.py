import numpy as np
import pytest
import torch
import trimesh

from pcea.datasets.shapes.solids import (
    Solid,
    around,
    both,
    box,
    curve,
    ellipsoid,
    extrude,
    fin,
    frustum,
    lathe,
    rectangle,
    ring,
    rod,
    slab,
    tube,
)
from pcea.geometry.surface import sample_surface

CIRCLE = np.stack([np.cos(t := np.arange(48) / 48 * 2 * np.pi), 0 * t, np.sin(t)], axis=1)
TRIANGLE = [(0.0, 0.0), (4.0, 0.0), (0.0, 3.0)]
CUP = [(0, 0), (1, 0), (1, 2), (0.8, 2), (0.8, 0.2), (0, 0.2)]

# Each with its volume where a formula gives one.
SOLIDS: dict[str, tuple[Solid, float | None]] = {
    "box": (box(2, 3, 4), 24.0),
    "pyramid": (box(2, 3, 4, top=0.0001), 8.0),
    "ellipsoid": (ellipsoid(1, 2, 3, segments=60), 4 / 3 * np.pi * 6),
    "cylinder": (frustum(1, 1, 3, segments=80), 3 * np.pi),
    "cone": (frustum(1, 0, 3, segments=80), np.pi),
    "cup": (lathe(CUP, segments=80), np.pi * (2 - 0.64 * 1.8)),
    "torus": (tube(CIRCLE * 2, 0.5, ring(48), loop=True), 2 * np.pi**2 * 2 * 0.25),
    "washer": (lathe([(1, 0), (2, 0), (2, 1), (1, 1)], segments=80, loop=True), 3 * np.pi),
    "triangle": (extrude(TRIANGLE, 2.0), 12.0),
    "clockwise": (extrude(TRIANGLE[::-1], 2.0), 12.0),
    "beveled": (extrude(TRIANGLE, 2.0, bevel=0.2), None),
    "slab": (slab(2, 1, 3), None),
    "fin": (fin(2, 1, 3, 0.5, 0.2, 0.3), None),
    "rod": (rod((0, 0, 0), (1, 2, 2), 0.5, square=True), 3.0),
    "bent": (tube(curve([(0, 0, 0), (1, 0, 0), (1, 1, 0)]), 0.1), None),
    "moved": (box(1, 1, 1).move(3, 4, 5), 1.0),
    "scaled": (box(1, 1, 1).scale(3, 4, 5), 60.0),
    "turned": (box(1, 2, 3).turn("x", 40).turn("y", -70), 6.0),
    "mirrored": (box(1, 2, 3).move(x=2).scale(x=-1), 6.0),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_solid_is_closed_and_faces_outward(name: str) -> None:
    solid, volume = SOLIDS[name]
    mesh = trimesh.Trimesh(solid.vertices, solid.faces, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    if volume is not None:
        assert mesh.volume == pytest.approx(volume, rel=0.02)


@pytest.mark.parametrize("name", ["box", "ellipsoid", "cylinder", "slab"])
def test_normals_of_a_convex_solid_point_away_from_its_inside(
    name: str, generator: torch.Generator
) -> None:
    solid, _ = SOLIDS[name]
    vertices = torch.from_numpy(solid.vertices)
    inside = vertices.mean(0)
    pos, normal, _ = sample_surface(vertices, torch.from_numpy(solid.faces.copy()), 500, generator)
    assert (((pos - inside) * normal).sum(-1) > 0).all()


def test_mirrored_pair_lies_on_both_sides() -> None:
    left, right = both(box(1, 1, 1).move(x=2))
    assert left.vertices[:, 0].min() == 1.5
    assert right.vertices[:, 0].max() == -1.5


@pytest.mark.parametrize(("axis", "moved"), [("x", (0, 0, 1)), ("y", (0, 1, 0)), ("z", (-1, 0, 0))])
def test_turning_follows_the_right_hand(axis: str, moved: tuple[float, ...]) -> None:
    point = Solid(np.array([(0.0, 1.0, 0.0)]), np.empty((0, 3), np.int64))
    np.testing.assert_allclose(point.turn(axis, 90).vertices, [moved], atol=1e-12)


def test_copies_stand_around_the_upright_axis() -> None:
    centers = [solid.vertices.mean(0) for solid in around(box(1, 1, 1).move(z=2), 4, start=90)]
    np.testing.assert_allclose(centers, [(2, 0, 0), (0, 0, -2), (-2, 0, 0), (0, 0, 2)], atol=1e-12)


def test_ring_lies_on_its_superellipse() -> None:
    points = ring(16, 5.0)
    np.testing.assert_allclose((np.abs(points) ** 5).sum(1), 1)
    with pytest.raises(ValueError, match="read-only"):
        points[0] = 0


def test_rectangle_has_the_size_asked_for() -> None:
    np.testing.assert_allclose(np.ptp(rectangle(3, 5), axis=0), (3, 5))


def test_curve_agrees_with_bernstein_polynomials() -> None:
    a, b, c, d = control = np.random.default_rng(0).normal(size=(4, 2))
    t = np.linspace(0, 1, 5)[:, None]
    expected = (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d
    np.testing.assert_allclose(curve(control, 5), expected, atol=1e-12)
