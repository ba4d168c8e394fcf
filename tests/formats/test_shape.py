import sys

import numpy as np
import pytest
import torch

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.geometry import three_interpolate, unit_sphere


def _cloud(num: int) -> Cloud:
    ids = torch.arange(num)
    pos = ids[:, None].float().expand(num, 3)
    color = ids[:, None].to(torch.uint8).expand(num, 3)
    return Cloud(pos=pos, normal=_turn(ids), color=color, name="ramp")


def _turn(ids: torch.Tensor) -> torch.Tensor:
    return torch.stack([ids.cos(), ids.sin(), 0.0 * ids], 1)


def test_more_points_give_a_subset_without_repeats() -> None:
    sample = _cloud(100).sample(40)
    assert sample.pos[:, 0].unique().numel() == len(sample) == 40


def test_fewer_points_come_once_each_and_then_again() -> None:
    sample = _cloud(10).sample(25)
    assert torch.equal(sample.pos[:10], _cloud(10).pos)
    assert len(sample) == 25
    assert set(sample.pos[10:, 0].tolist()) <= set(range(10))


def test_as_many_points_stay_as_they_are() -> None:
    assert torch.equal(_cloud(10).sample(10).pos, _cloud(10).pos)


@pytest.mark.parametrize("num", [5, 30])
def test_normals_colors_and_name_follow_their_points(num: int) -> None:
    sample = _cloud(20).sample(num)
    assert sample.normal is not None
    assert sample.color is not None
    assert torch.allclose(sample.normal, _turn(sample.pos[:, 0]))
    assert torch.equal(sample.color, sample.pos.to(torch.uint8))
    assert sample.name == "ramp"


def test_a_bare_cloud_stays_bare() -> None:
    sample = Cloud(torch.rand(8, 3)).sample(4)
    assert sample.normal is None
    assert sample.color is None


@pytest.mark.parametrize("shape", [_cloud(100), Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))])
def test_a_seed_fixes_the_sample(shape: Cloud | Mesh) -> None:
    assert torch.equal(shape.sample(20, seed=1).pos, shape.sample(20, seed=1).pos)
    assert not torch.equal(shape.sample(20, seed=1).pos, shape.sample(20, seed=2).pos)


def test_a_mesh_is_sampled_with_its_normals() -> None:
    cloud = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]), name="tip").sample(50)
    assert cloud.name == "tip"
    assert cloud.normal is not None
    torch.testing.assert_close(cloud.pos.sum(1), torch.ones(50))  # in the plane x + y + z = 1
    torch.testing.assert_close(cloud.normal, torch.full((50, 3), 3**-0.5))


@pytest.mark.parametrize("shape", [_cloud(5), Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))])
def test_no_points_cannot_be_asked_for(shape: Cloud | Mesh) -> None:
    with pytest.raises(InputError, match="at least 1"):
        shape.sample(0)


def test_points_of_a_mesh_know_their_faces() -> None:
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [6, 0, 0], [5, 1, 0]])
    cloud = Mesh(corners, torch.tensor([[0, 1, 2], [3, 4, 5]])).sample(50)
    assert cloud.face is not None
    assert torch.equal(cloud.face, (cloud.pos[:, 0] > 3).long())

    half = cloud.sample(20)
    assert half.face is not None
    assert torch.equal(half.face, (half.pos[:, 0] > 3).long())


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_values_come_back_to_a_cloud(generator: torch.Generator, scale: float) -> None:
    cloud = Cloud(scale * torch.rand(400, 3, generator=generator))
    sample = cloud.sample(100)
    values = torch.rand(100, 4, generator=generator)
    found = cloud.carry_back(sample, values)
    placed = unit_sphere(torch.cat([cloud.pos, sample.pos]))
    expected = three_interpolate(placed[None, :400], placed[None, 400:], values[None])[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    at = (cloud.pos[:, None] == sample.pos).all(-1).nonzero()
    torch.testing.assert_close(found[at[:, 0]], values[at[:, 1]], rtol=1e-3, atol=1e-3)


def test_values_come_back_without_scipy(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, values = Cloud(torch.rand(200, 3, generator=generator)), torch.rand(50, 2)
    expected = cloud.carry_back(cloud.sample(50), values)
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    torch.testing.assert_close(cloud.carry_back(cloud.sample(50), values), expected)


def test_values_come_back_from_fewer_points_than_are_averaged() -> None:
    found = _cloud(5).carry_back(_cloud(5).sample(1), torch.tensor([[7.0]]))
    assert torch.equal(found, torch.full((5, 1), 7.0))


def test_values_come_back_to_a_mesh() -> None:
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    sample = mesh.sample(500)
    found = mesh.carry_back(sample, sample.pos)
    torch.testing.assert_close(found, sample.pos.amax(0).diag(), rtol=0, atol=5e-3)


def test_values_come_back_only_from_points_that_fit() -> None:
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    with pytest.raises(InputError, match="without faces"):
        mesh.carry_back(Cloud(torch.rand(4, 3)), torch.rand(4, 1))
    with pytest.raises(InputError, match=r"\(4, C\)"):
        mesh.carry_back(mesh.sample(4), torch.rand(3, 1))
    with pytest.raises(InputError, match=r"\(4, C\)"):
        _cloud(9).carry_back(Cloud(torch.rand(4, 3)), torch.rand(4))


def test_clouds_join() -> None:
    one, two = _cloud(3), _cloud(5)
    joined = Cloud.join([one, two])
    assert torch.equal(joined.pos, torch.cat([one.pos, two.pos]))
    assert joined.normal is not None and len(joined.normal) == 8
    assert joined.color is not None and len(joined.color) == 8
    assert joined.face is None
    assert joined.name == "ramp"
    assert Cloud.join([one, Cloud(two.pos)]).normal is None
    with pytest.raises(InputError, match="no clouds"):
        Cloud.join([])


def test_clouds_of_different_offsets_join_where_they_are() -> None:
    near = torch.tensor([[0.0, 0, 0], [0.5, 0, 0]])
    one, two = (Cloud(near, offset=torch.tensor([4e5, 5e6, z])) for z in (100.0, 103.0))
    joined = Cloud.join([one, two])
    assert torch.equal(joined.file_pos, torch.cat([one.file_pos, two.file_pos]))


def test_shapes_are_set_upright_with_their_normals_and_what_else_is_known() -> None:
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]), name="tip").upright("z")
    assert mesh.vertices.tolist() == [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    assert mesh.name == "tip" and mesh.faces.tolist() == [[0, 1, 2]]

    cloud = Cloud(torch.eye(3), -torch.eye(3), face=torch.arange(3)).upright("z")
    assert torch.equal(cloud.pos, mesh.vertices)
    assert cloud.normal is not None and torch.equal(cloud.normal, -mesh.vertices)
    assert cloud.face is not None and cloud.face.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("pos", "message"),
    [
        (torch.tensor([[0, 0, torch.nan], [1, 1, 1]]), "1 of the 2 rows .* NaN or infinite"),
        (torch.rand(3, 5), r"not \(3, 5\).*\(3, N\), transpose"),
        (torch.rand(5, 6), r"give the normals apart"),
        (torch.rand(2, 5, 3), "one cloud at a time"),
        (torch.rand(5, 3) > 0.5, "must be real numbers"),
        (torch.rand(5, 3).cfloat(), "of real numbers, not strided complex64"),
        ("chair.obj", "not str"),
        (np.ma.masked_greater(np.eye(3), 0.5), "has masked numbers"),
        (torch.rand(5, 3).to_sparse(), "a dense tensor of real numbers, not sparse_coo"),
        (torch.rand(5, 3).to(torch.float8_e4m3fn), "of real numbers, not strided float8"),
        (torch.full((2, 3), 1e300, dtype=torch.float64), "beyond float32"),
    ],
)
def test_positions_that_are_none_are_refused(pos: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Cloud(pos)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int16])
def test_positions_of_any_real_type_become_float32(dtype: torch.dtype) -> None:
    pos = torch.tensor([[0, 1, 2], [3, 4, 5]])
    cloud = Cloud(pos.to(dtype))
    assert cloud.pos.dtype == torch.float32
    assert torch.equal(cloud.pos, pos.float())


def test_an_array_far_from_zero_keeps_its_digits_in_its_offset() -> None:
    site = np.random.default_rng(0).uniform(0, 5, (50, 3)) + [431234.5, 5403280.25, 300]
    for shape in (Cloud(site), Mesh(site, np.array([[0, 1, 2]]))):  # type: ignore[arg-type]
        np.testing.assert_allclose(shape.file_pos.numpy(), site, rtol=0, atol=1e-6)
        turned = shape.upright("z").file_pos.numpy()
        np.testing.assert_allclose(turned, site[:, [0, 2, 1]] * [1, 1, -1], rtol=0, atol=1e-6)


def test_a_sample_keeps_offset_notes_and_rows() -> None:
    cloud = Cloud(torch.rand(9, 3), offset=torch.ones(3), row=torch.arange(9) * 2, notes=("why",))
    sample = cloud.sample(4)
    assert sample.row is not None and cloud.row is not None
    assert torch.equal(sample.pos, cloud.pos[sample.row // 2])
    assert sample.offset.tolist() == [1, 1, 1] and sample.notes == ("why",)
    assert Cloud.join([sample, sample]).offset.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"normal": torch.rand(4, 3)}, r"normal of the cloud must have shape \(5, 3\)"),
        ({"color": torch.full((5, 3), -9.0)}, "color of the cloud must lie in"),
        (
            {"color": torch.ones(5, 3).cfloat()},
            "color of the cloud must be a dense tensor",
        ),
        ({"face": torch.rand(5)}, "face of the cloud must be whole numbers"),
        ({"offset": torch.rand(2)}, "offset of the cloud must be 3"),
        ({"normal": torch.rand(5, 3, device="meta")}, "is on meta, its positions are on cpu"),
    ],
)
def test_what_does_not_fit_the_points_is_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Cloud(torch.rand(5, 3), **more)  # type: ignore[arg-type]


def test_normals_of_whole_numbers_come_in_unit_length() -> None:
    normal = np.array([[0, 0, 127], [-127, 0, 0]], np.int8)
    cloud = Cloud(torch.rand(2, 3), normal)  # type: ignore[arg-type]
    assert cloud.normal is not None
    assert cloud.normal.tolist() == [[0, 0, 1], [-1, 0, 0]]
    with pytest.raises(InputError, match="real numbers"):
        Cloud(torch.rand(2, 3), normal.astype(np.uint8))  # type: ignore[arg-type]


def test_a_mesh_of_no_faces() -> None:
    assert Mesh(torch.rand(2, 3), []).faces.shape == (0, 3)  # type: ignore[arg-type]


def test_normals_of_any_length_come_in_unit_length() -> None:
    normal = torch.tensor([[0, 0, 5.0], [0, 0, 0], [torch.nan, 0, 0]])
    cloud = Cloud(torch.rand(3, 3), normal)
    assert cloud.normal is not None
    assert cloud.normal.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        (torch.tensor([[0, 1, 5]]), "vertex 5 .* there are 5"),
        (torch.tensor([[0, -1, 2]]), "vertex -1 "),
        (torch.tensor([[0, 1]]), r"faces of the mesh must have shape \(F, 3\), not \(1, 2\)"),
        (torch.rand(2, 3), "whole numbers"),
    ],
)
def test_faces_that_fit_no_vertices_are_refused(faces: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Mesh(torch.rand(5, 3), faces)


def test_the_widest_floats_and_masks_without_effect_are_positions() -> None:
    pos = np.arange(6.0).reshape(2, 3)
    for given in (pos.astype(np.longdouble), np.ma.masked_greater(pos, 9)):
        assert Cloud(given).pos.tolist() == pos.tolist()  # type: ignore[arg-type]


def test_no_points_cannot_be_sampled() -> None:
    with pytest.raises(InputError, match="it has no points"):
        Cloud(torch.rand(0, 3)).sample(4)
