"""Values carried over a surface: along it, never through it."""

import pytest
import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.geometry import carry_to_vertices, sample_surface


def grid(num: int, height: float = 0.0, flip: bool = False) -> tuple[Tensor, Tensor]:
    """A plate of 2 · num² triangles over the unit square."""
    ticks = torch.linspace(0, 1, num + 1)
    x, y = torch.meshgrid(ticks, ticks, indexing="ij")
    vertices = torch.stack([x, y, torch.full_like(x, height)], -1).view(-1, 3)
    a = (torch.arange(num)[:, None] * (num + 1) + torch.arange(num)).flatten()
    b, c, d = a + num + 1, a + num + 2, a + 1
    faces = torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)])
    return vertices, faces.flip(1) if flip else faces


def folded(num: int, closed: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Two plates 0.01 apart, joined at x = 1 or all around, and the side that each face is of."""
    low, faces = grid(num)
    high, others = grid(num, 0.01, flip=True)
    total = len(low)
    index = torch.arange(total).view(num + 1, num + 1)
    rims = [index[-1]] + ([index[0], index[:, 0], index[:, -1]] if closed else [])
    wall = [
        torch.stack(triangle, 1)
        for rim in rims
        for triangle in (
            (rim[:-1], rim[1:], rim[1:] + total),
            (rim[:-1], rim[1:] + total, rim[:-1] + total),
        )
    ]
    side = torch.cat([torch.zeros(len(faces)), torch.ones(len(others))])
    side = torch.cat([side, torch.full((sum(map(len, wall)),), 0.5)])
    return torch.cat([low, high]), torch.cat([faces, others + total, *wall]), side


def carry(
    vertices: Tensor, faces: Tensor, function: object, num: int = 2000, seed: int = 0
) -> Tensor:
    """Sample a function of the position, or of the face, and carry it over."""
    generator = torch.Generator().manual_seed(seed)
    pos, _, face = sample_surface(vertices, faces, num, generator)
    values = function[face] if isinstance(function, Tensor) else function(pos)  # type: ignore[operator]
    return carry_to_vertices(vertices, faces, pos, face, values.view(num, -1))


@pytest.mark.parametrize("closed", [False, True])
def test_two_sides_of_a_thin_wall_share_nothing(closed: bool) -> None:
    vertices, faces, side = folded(20, closed)
    found = carry(vertices, faces, side)[:, 0]
    inside = (vertices[:, 0] < 0.85) & (vertices[:, 0] > 0.15)
    inside &= (vertices[:, 1] < 0.85) & (vertices[:, 1] > 0.15)
    upper = vertices[:, 2] > 0.005
    # The points are 0.03 apart, three times the distance between the sides.
    assert found[inside & upper].min() > 0.995
    assert found[inside & ~upper].max() < 0.005
    if not closed:  # a free edge has no other side at all
        free = vertices[:, 0] < 0.85
        assert found[free & upper].min() > 0.995
        assert found[free & ~upper].max() < 0.005


def test_vertices_at_one_place_count_as_one(generator: torch.Generator) -> None:
    vertices, faces, _ = folded(8, closed=True)
    pos, _, face = sample_surface(vertices, faces, 300, generator)
    values = torch.rand(300, 3, generator=generator)
    welded = carry_to_vertices(vertices, faces, pos, face, values)
    soup = carry_to_vertices(
        vertices[faces].view(-1, 3), torch.arange(faces.numel()).view(-1, 3), pos, face, values
    )
    torch.testing.assert_close(soup.view(-1, 3, 3), welded[faces], rtol=0, atol=2e-4)


def test_a_constant_stays_exactly_that() -> None:
    vertices, faces, _ = folded(10, closed=True)
    found = carry(vertices, faces, lambda pos: torch.full((len(pos),), 1 / 3), num=70)
    assert torch.equal(found, torch.full((len(vertices), 1), 1 / 3))


@pytest.mark.parametrize(("num", "points"), [(30, 2000), (3, 2000), (60, 1000)])
def test_a_linear_function_on_a_plane_is_recovered(num: int, points: int) -> None:
    vertices, faces = grid(num)
    wanted = vertices @ torch.tensor([1.0, 2.0, 0.0])
    found = carry(vertices, faces, lambda pos: pos @ torch.tensor([1.0, 2.0, 0.0]), points)
    error = (found[:, 0] - wanted).abs()
    spacing = points**-0.5 * 5**0.5  # how much the function changes from point to point
    assert error.mean() < 0.2 * spacing
    assert error.max() < 2.0 * spacing


def test_a_smooth_function_on_a_sphere_is_recovered() -> None:
    trimesh = pytest.importorskip("trimesh")
    ball = trimesh.creation.icosphere(subdivisions=4)
    vertices = torch.tensor(ball.vertices).float()
    found = carry(vertices, torch.tensor(ball.faces), lambda pos: pos, num=4000)
    assert (found - vertices).abs().mean() < 0.01
    assert (found - vertices).abs().max() < 0.08


def test_many_points_in_a_face_are_fitted_by_least_squares(generator: torch.Generator) -> None:
    # One triangle: the vertices' values are a plain regression but for a little stiffness.
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    faces = torch.tensor([[0, 1, 2]])
    pos, _, face = sample_surface(vertices, faces, 5000, generator)
    values = pos[:, :2] * 0.5 + 0.1 * torch.rand(5000, 2, generator=generator)
    found = carry_to_vertices(vertices, faces, pos, face, values)
    weight = torch.stack([1 - pos[:, 0] - pos[:, 1], pos[:, 0], pos[:, 1]], 1)
    expected = torch.linalg.lstsq(weight.double(), values.double()).solution
    expected = expected.clamp(values.amin(0).double(), values.amax(0).double())
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-3)


def test_values_stay_in_range(generator: torch.Generator) -> None:
    vertices, faces = grid(6)
    pos, _, face = sample_surface(vertices, faces, 40, generator)
    values = torch.randn(40, 5, generator=generator) * torch.tensor([1.0, 10, 0.1, 1e4, 1e-4])
    found = carry_to_vertices(vertices, faces, pos, face, values)
    assert (found >= values.amin(0)).all()
    assert (found <= values.amax(0)).all()
    assert found.dtype == torch.float32


def test_components_share_nothing_and_one_without_points_takes_the_nearest() -> None:
    vertices, faces = grid(4)
    shift = torch.tensor([0.0, 0, 0.001])
    vertices = torch.cat([vertices, vertices + shift, vertices + 3 * shift, vertices[:1] + 5])
    total = 25
    all_faces = torch.cat([faces, faces + total, faces + 2 * total])
    generator = torch.Generator().manual_seed(0)
    pos, _, face = sample_surface(vertices[:50], all_faces[:64], 400, generator)
    values = (face >= 32).float()[:, None]
    found = carry_to_vertices(vertices, all_faces, pos, face, values)[:, 0]
    assert torch.equal(found[:25], torch.zeros(25))
    assert torch.equal(found[25:50], torch.ones(25))
    assert torch.equal(found[50:75], torch.ones(25))  # the second plate is the nearer one
    nearest = (pos - vertices[-1]).norm(dim=1).argmin()
    assert found[75] == values[nearest, 0]  # a vertex that no face has


def test_degenerate_repeated_and_non_manifold_faces_do_no_harm() -> None:
    vertices, faces = grid(8)
    fin = vertices[:9] + torch.tensor([0.0, 0, 0.1])  # a third sheet at the edge x = 0
    row = torch.arange(9)
    sheet = torch.stack([row[:-1], row[1:], row[:-1] + len(vertices)], 1)
    bad = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 1, 2], [10, 20, 30]])  # a point, edges, collinear
    vertices = torch.cat([vertices, fin])
    faces = torch.cat([faces, faces[:20], faces[:1].flip(1), sheet, bad])
    found = carry(vertices, faces, lambda pos: pos[:, :1])
    used = faces.unique()
    assert (found[used, 0] - vertices[used, 0]).abs().max() < 0.06
    # Even a point that is said to lie on a face without area finds its corners.
    on_flat = torch.tensor([len(faces) - 4, 0])
    pos = vertices[faces[on_flat]].mean(1)
    values = torch.tensor([[0.0], [1.0]])
    found = carry_to_vertices(vertices, faces, pos, on_flat, values)
    assert found.isfinite().all()


def test_size_and_place_do_not_matter() -> None:
    vertices, faces, side = folded(10, closed=True)
    expected = carry(vertices, faces, side, num=300)
    for scale in (1e-6, 1e6):
        found = carry(vertices * scale, faces, side, num=300)
        torch.testing.assert_close(found, expected, rtol=0, atol=5e-3)


def test_refuses_what_does_not_fit() -> None:
    vertices, faces = grid(2)
    pos, face, values = vertices[:2], torch.tensor([0, 1]), torch.zeros(2, 1)
    good = {"vertices": vertices, "faces": faces, "pos": pos, "face": face, "values": values}
    assert carry_to_vertices(**good).shape == (9, 1)
    for name, wrong, reason in (
        ("vertices", vertices[:, :2], r"vertices must have shape \(…, 3\)"),
        ("faces", faces[:, :2], r"faces must have shape \(…, 3\)"),
        ("pos", pos[:, :2], r"pos must have shape \(…, 3\)"),
        ("face", face[:1], r"face must have shape \(2,\)"),
        ("values", values[:1], r"\(2, C\)"),
        ("values", values[:, 0], r"\(2, C\)"),
        ("face", torch.tensor([0, 8]), r"face must hold indices in 0\.\.7"),
        ("face", torch.tensor([-1, 0]), r"face must hold indices in 0\.\.7"),
        ("faces", faces + 1, r"vertex 9 \(counted from 0\), but there are 9 vertices"),
    ):
        with pytest.raises(InputError, match=reason):
            carry_to_vertices(**{**good, name: wrong})
    empty = {"pos": pos[:0], "face": face[:0], "values": values[:0]}
    with pytest.raises(InputError, match="no points"):
        carry_to_vertices(**{**good, **empty})
