import numpy as np
import pytest
import torch
import trimesh

from pcea.errors import InputError
from pcea.geometry.surface import face_areas, sample_surface, weld


def _icosphere() -> tuple[torch.Tensor, torch.Tensor]:
    sphere = trimesh.creation.icosphere(subdivisions=2)
    stretched = sphere.vertices * [1.0, 2.0, 0.5]
    return torch.tensor(stretched, dtype=torch.float32), torch.tensor(np.asarray(sphere.faces))


def test_areas_match_trimesh() -> None:
    vertices, faces = _icosphere()
    expected = trimesh.Trimesh(vertices.numpy(), faces.numpy(), process=False).area_faces
    np.testing.assert_allclose(face_areas(vertices, faces).numpy(), expected, rtol=1e-6)


def test_points_lie_inside_their_faces(generator: torch.Generator) -> None:
    vertices, faces = _icosphere()
    pos, normal, face = sample_surface(vertices, faces, 2000, generator)
    assert pos.shape == normal.shape == (2000, 3)
    assert pos.dtype == torch.float32
    assert face.dtype == torch.int64
    triangles = vertices.double().numpy()[faces[face].numpy()]
    weights = trimesh.triangles.points_to_barycentric(triangles, pos.double().numpy())
    assert weights.min() > -1e-5
    flat = np.einsum("nk,nkc->nc", weights, triangles)
    np.testing.assert_allclose(flat, pos.numpy(), atol=1e-5)  # so it lies in the plane, too


def test_normals_match_trimesh(generator: torch.Generator) -> None:
    vertices, faces = _icosphere()
    mesh = trimesh.Trimesh(vertices.numpy(), faces.numpy(), process=False)
    _, normal, face = sample_surface(vertices, faces, 500, generator)
    np.testing.assert_allclose(normal.numpy(), mesh.face_normals[face.numpy()], atol=1e-5)


def test_faces_are_chosen_by_their_area(generator: torch.Generator) -> None:
    vertices, faces = _icosphere()
    num = 100_000
    _, _, face = sample_surface(vertices, faces, num, generator)
    areas = face_areas(vertices, faces).numpy()
    expected = num * areas / areas.sum()
    seen = np.bincount(face.numpy(), minlength=len(faces))
    chi_square = ((seen - expected) ** 2 / expected).sum()
    freedom = len(faces) - 1
    assert abs(chi_square - freedom) < 4 * np.sqrt(2 * freedom)


def test_points_are_uniform_within_a_square(generator: torch.Generator) -> None:
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    pos, _, _ = sample_surface(corners, torch.tensor([[0, 1, 2], [0, 2, 3]]), 50_000, generator)
    x, y = pos[:, 0].numpy(), pos[:, 1].numpy()
    seen, _, _ = np.histogram2d(x, y, bins=8, range=((0, 1), (0, 1)))
    expected = 50_000 / 64
    chi_square = ((seen - expected) ** 2 / expected).sum()
    assert abs(chi_square - 63) < 4 * np.sqrt(2 * 63)


def test_the_same_seed_gives_the_same_points() -> None:
    vertices, faces = _icosphere()
    first, second, other = (
        sample_surface(vertices, faces, 64, torch.Generator().manual_seed(seed))[0]
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_faces_without_area_are_never_chosen(generator: torch.Generator) -> None:
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]])
    faces = torch.tensor([[0, 0, 1], [0, 1, 3], [0, 1, 2], [1, 1, 1], [3, 1, 0]])
    _, normal, face = sample_surface(vertices, faces, 1000, generator)
    assert (face == 2).all()
    assert torch.equal(normal, torch.tensor([[0.0, 0, 1]]).expand(1000, 3))


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_very_small_and_very_large_meshes_are_sampled(
    scale: float, generator: torch.Generator
) -> None:
    vertices, faces = _icosphere()
    pos, normal, _ = sample_surface(vertices * scale, faces, 100, generator)
    assert pos.isfinite().all()
    torch.testing.assert_close(normal.norm(dim=-1), torch.ones(100))


@pytest.mark.parametrize(
    ("vertices", "faces", "num", "message"),
    [
        (torch.zeros(3, 2), torch.tensor([[0, 1, 2]]), 5, r"vertices must have shape \(…, 3\)"),
        (torch.eye(3), torch.tensor([0, 1, 2]), 5, r"faces must have shape \(…, 3\)"),
        (
            torch.eye(3),
            torch.tensor([[0, 1, 2]]),
            0,
            "num is 0; it must be a whole number of at least 1",
        ),
        (torch.eye(3), torch.empty(0, 3, dtype=torch.long), 5, "none of its faces has an area"),
        (torch.eye(3), torch.tensor([[0, 1, 3]]), 5, "vertex 3 .* there are 3"),
        (torch.eye(3), torch.tensor([[0, 1, -1]]), 5, "vertex -1 .* there are 3"),
        (torch.zeros(3, 3), torch.tensor([[0, 1, 2]]), 5, "none of its faces has an area"),
        (torch.eye(3) / 0, torch.tensor([[0, 1, 2]]), 5, "none of its faces has an area"),
    ],
)
def test_bad_meshes_are_refused(
    vertices: torch.Tensor, faces: torch.Tensor, num: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        sample_surface(vertices, faces, num)


def test_equal_places_become_one() -> None:
    pos = np.array([[1, 2, 3], [0.0, 0, 0], [1, 2, 3], [-0.0, 0, 0], [1, 2, 3 + 1e-6]], np.float32)
    corner, num = weld(pos)
    assert num == 3
    assert corner[0] == corner[2] != corner[4]
    assert corner[1] == corner[3]
    assert sorted(set(corner.tolist())) == [0, 1, 2]


def test_against_numpy() -> None:
    pos = np.random.default_rng(0).integers(-2, 3, (500, 3)).astype(np.float32)
    corner, num = weld(pos)
    places, expected = np.unique(pos, axis=0, return_inverse=True)
    assert num == len(places)
    assert len({*zip(corner.tolist(), expected.reshape(-1).tolist(), strict=True)}) == num


def test_no_vertices() -> None:
    corner, num = weld(np.zeros((0, 3), np.float32))
    assert (len(corner), num) == (0, 0)
