"""Objects of other libraries become the shape that a file with the same content becomes."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

import pcea
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, as_shape, read, write_ply
from pcea.formats.open3d import import_open3d

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it calls what PyTorch deprecates
    from torch_geometric.data import Batch, Data, HeteroData

POS = np.random.default_rng(0).random((20, 3))
NORMAL = np.tile(np.array([0.0, 0.6, 0.8]), (20, 1))
COLOR = np.random.default_rng(1).integers(0, 256, (20, 3), dtype=np.uint8)
FACE = np.array([[0, 1, 2], [2, 3, 4]])
FAR = np.array([500000.125, 5400000.25, 100.0])


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int32", "uint16"])
def test_arrays_and_tensors_are_clouds(kind: str) -> None:
    pos = (POS * 100).round().astype(kind)
    for given in (
        pos,
        torch.from_numpy(pos),
        np.asfortranarray(pos),
        pos.astype(pos.dtype.newbyteorder()),
    ):
        cloud = as_shape(given)
        assert isinstance(cloud, Cloud)
        assert cloud.normal is None
        np.testing.assert_array_equal(cloud.file_pos, pos.astype(np.float64))


def test_bfloat16_and_gradients_do_no_harm() -> None:
    given = torch.from_numpy(POS).bfloat16().requires_grad_()
    cloud = as_shape(given)
    assert not cloud.pos.requires_grad
    assert torch.equal(cloud.pos, given.detach().float())


def test_six_columns_are_positions_and_normals() -> None:
    given = np.concatenate((POS, NORMAL), axis=1).astype(np.float16)
    cloud = as_shape(torch.from_numpy(given))
    assert cloud.normal is not None
    torch.testing.assert_close(cloud.normal.double(), torch.from_numpy(NORMAL), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (np.zeros((8, 2)), "(N, 3), positions, or (N, 6), positions and unit normals, not (8, 2)"),
        (np.zeros((8, 9)), "not (8, 9)"),
        (np.zeros((3, 100)), "not (3, 100): transpose it"),
        (torch.zeros(2, 8, 3), "not (2, 8, 3): give one cloud at a time"),
        (np.hstack((POS, COLOR)), "columns 4 to 6 of the ndarray are no normals of length 1"),
        (np.array([["a", "b", "c"]]), "the ndarray must be a tensor or an array of numbers"),
        (np.zeros((4, 3), bool), "must be real numbers, not torch.bool"),
        (np.zeros((4, 3), complex), "must be a tensor or an array of numbers"),
        (torch.eye(3).to_sparse(), "must be a dense tensor"),
        (np.zeros((0, 3)), "the ndarray: it holds no points"),
        (np.ones((5, 3)), "the ndarray: all of its 5 points are equal"),
        (torch.full((5, 3), torch.nan), "5 of its 5 points have NaN"),
        ([[0, 0, 0], [1, 1, 1]], "list is no shape: give a file's path, a Cloud"),
        (None, "NoneType is no shape"),
        (trimesh.load_path([[0, 0, 0], [1, 1, 1]]), "Path3D is no shape"),
        (trimesh.Scene(), "Scene is no shape"),
        (Data(y=torch.zeros(3)), "Data is no shape"),
        (HeteroData(), "HeteroData is no shape"),
        (Data(pos=torch.eye(3), face=torch.zeros(3, 1)), "face of the Data must be whole numbers"),
        (Data(pos=torch.eye(3), face=torch.tensor([[0], [1], [3]])), "refers to vertex 3"),
        (Data(pos=torch.eye(3), normal=torch.zeros(2, 3)), "the normals of the Data have shape"),
        (Batch.from_data_list([Data(pos=torch.eye(3))] * 2), "the Batch holds several shapes"),
    ],
)
def test_what_is_no_shape_is_refused_in_one_line(given: object, part: str) -> None:
    with pytest.raises(InputError) as caught:
        as_shape(given)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_clouds_and_meshes_pass(tmp_path: Path) -> None:
    write_ply(tmp_path / "it.ply", POS, COLOR)
    cloud = read(str(tmp_path / "it.ply"))
    assert torch.equal(as_shape(tmp_path / "it.ply").pos, cloud.pos)
    assert as_shape(cloud) is cloud is read(cloud)
    mesh = Mesh(POS, FACE)
    assert as_shape(mesh) is mesh


def test_checks_are_those_of_files() -> None:
    holes = np.concatenate((POS, [[np.nan, 0, 0]])) + FAR
    cloud = read(holes)
    assert isinstance(cloud, Cloud)
    assert cloud.notes == ("1 of 21 points have no position (NaN or infinite) and were left out",)
    assert cloud.row is not None
    assert cloud.row.tolist() == list(range(20))
    assert cloud.offset.any()
    np.testing.assert_allclose(cloud.file_pos, POS + FAR, atol=1e-6)


def test_pyg_data() -> None:
    known = {"pos": torch.from_numpy(POS), "name": "guitar", "y": torch.tensor([3])}
    cloud = as_shape(Data(normal=torch.from_numpy(NORMAL), color=torch.from_numpy(COLOR), **known))
    assert isinstance(cloud, Cloud)
    assert cloud.name == "guitar"
    _same(cloud)
    mesh = as_shape(Data(face=torch.from_numpy(FACE.T), **known))
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == FACE.tolist()
    assert mesh.normal is None
    normals_as_x = as_shape(Data(x=torch.from_numpy(NORMAL), **known))
    assert normals_as_x.normal is not None
    assert as_shape(Data(x=torch.from_numpy(POS), **known)).normal is None
    assert as_shape(Batch.from_data_list([Data(**known)])[0]).name == "guitar"


def test_trimesh() -> None:
    given = trimesh.Trimesh(
        POS + FAR, FACE, vertex_normals=NORMAL.copy(), vertex_colors=COLOR, process=False
    )
    given.metadata["file_name"] = "car.obj"
    mesh = as_shape(given)
    assert isinstance(mesh, Mesh)
    assert mesh.name == "car"
    assert mesh.faces.tolist() == FACE.tolist()
    _same(mesh, FAR)
    box = as_shape(trimesh.creation.box())
    assert box.normal is None  # derived ones are none of its own
    assert box.color is None
    cloud = as_shape(trimesh.PointCloud(POS, colors=COLOR))
    assert isinstance(cloud, Cloud)
    assert cloud.color is not None
    np.testing.assert_array_equal(cloud.color, COLOR)
    assert as_shape(trimesh.PointCloud(POS)).color is None


def test_a_scene_of_trimesh_comes_at_its_places() -> None:
    mirrored = np.diag([-1.0, 1, 1, 1])
    mirrored[0, 3] = 10
    scene = trimesh.Scene([trimesh.creation.box(), trimesh.PointCloud(POS)])
    scene.add_geometry(trimesh.creation.box(), transform=mirrored)
    mesh = as_shape(scene)
    assert isinstance(mesh, Mesh)
    assert mesh.vertices[:, 0].max() == 10.5
    assert mesh.notes == ("20 points beside its faces were left out",)
    whole = trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False)
    np.testing.assert_allclose(whole.volume, 2, rtol=1e-6)
    assert isinstance(as_shape(trimesh.Scene([trimesh.PointCloud(POS)])), Cloud)


@pytest.mark.parametrize("tensors", [False, True])
def test_open3d(tensors: bool) -> None:
    o3d = import_open3d()
    vectors = o3d.utility.Vector3dVector
    cloud = o3d.geometry.PointCloud(vectors(POS + FAR))
    cloud.normals, cloud.colors = vectors(NORMAL), vectors(COLOR / 255)
    mesh = o3d.geometry.TriangleMesh(vectors(POS + FAR), o3d.utility.Vector3iVector(FACE))
    mesh.vertex_normals, mesh.vertex_colors = vectors(NORMAL), vectors(COLOR / 255)
    empty = o3d.geometry.TriangleMesh()
    if tensors:
        wide = o3d.core.float64
        cloud = o3d.t.geometry.PointCloud.from_legacy(cloud, wide)
        mesh = o3d.t.geometry.TriangleMesh.from_legacy(mesh, wide)
        empty = o3d.t.geometry.TriangleMesh()
    found = as_shape(cloud)
    assert isinstance(found, Cloud)
    _same(found, FAR)
    found = as_shape(mesh)
    assert isinstance(found, Mesh)
    assert found.faces.tolist() == FACE.tolist()
    _same(found, FAR)
    with pytest.raises(InputError, match="the TriangleMesh: it holds no points"):
        as_shape(empty)
    with pytest.raises(InputError, match="LineSet is no shape"):
        as_shape(o3d.geometry.LineSet())


def _same(shape: Cloud | Mesh, offset: np.ndarray | float = 0.0) -> None:
    np.testing.assert_allclose(shape.file_pos, POS + offset, atol=1e-6)
    assert shape.normal is not None
    assert shape.color is not None
    np.testing.assert_allclose(shape.normal, NORMAL, atol=1e-6)
    np.testing.assert_array_equal(shape.color, COLOR)


def test_no_library_is_imported_for_what_is_not_its_own() -> None:
    code = (
        "import sys, numpy, torch, pcea; pcea.as_shape(numpy.eye(3)); pcea.as_shape(torch.eye(3));"
        "print({'trimesh', 'open3d', 'torch_geometric', 'laspy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_repr_says_what_a_shape_holds() -> None:
    assert repr(Cloud(POS)) == "Cloud(20 points)"
    many = Cloud(np.random.default_rng(0).random((1024, 3)), np.ones((1024, 3)), name="chair")
    assert repr(many) == "Cloud('chair', 1,024 points, normals)"
    mesh = Mesh(POS + FAR, FACE, "tower", color=COLOR)
    assert repr(mesh).startswith("Mesh('tower', 20 vertices, 2 faces, colors, offset (500,000")
    assert pcea.as_shape is as_shape
