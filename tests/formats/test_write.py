import errno
import stat
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read, replacing, write_glb, write_npz, write_ply

_POS = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
_COLOR = torch.arange(60, dtype=torch.uint8).reshape(20, 3)
_FACES = torch.tensor([[0, 1, 2], [3, 4, 19]])


def test_a_written_cloud_reads_back(tmp_path: Path) -> None:
    normal = torch.nn.functional.normalize(_POS - 0.5, dim=1)
    write_ply(tmp_path / "made/cloud.ply", _POS, _COLOR, normal=normal, part=torch.arange(20))
    cloud = read(tmp_path / "made/cloud.ply")
    assert isinstance(cloud, Cloud)
    assert cloud.normal is not None
    assert cloud.color is not None
    assert torch.equal(cloud.pos, _POS)
    assert torch.equal(cloud.color, _COLOR)
    torch.testing.assert_close(cloud.normal, normal)


def test_a_written_mesh_reads_back(tmp_path: Path) -> None:
    write_ply(tmp_path / "mesh.ply", _POS.numpy(), faces=_FACES)
    mesh = read(tmp_path / "mesh.ply")
    assert isinstance(mesh, Mesh)
    assert torch.equal(mesh.vertices, _POS)
    assert torch.equal(mesh.faces, _FACES)


def test_a_row_of_zeros_costs_map_coordinates_no_digits(tmp_path: Path) -> None:
    site = np.random.default_rng(0).uniform(0, 1, (300, 3)).round(4) + [4.5e6, 0, 4.5e6]
    site[7] = 0
    np.savetxt(tmp_path / "site.xyz", site, fmt="%.4f")
    cloud = read(tmp_path / "site.xyz")
    assert isinstance(cloud, Cloud) and cloud.offset.any()
    write_ply(tmp_path / "site.ply", cloud.file_pos)
    color = np.zeros((300, 3), np.uint8)
    write_glb(tmp_path / "site.glb", cloud.pos, None, color, offset=cloud.offset)
    write_npz(tmp_path / "site.npz", pos=cloud.file_pos, offset=cloud.offset)
    for ending in ("xyz", "ply", "glb", "npz"):
        found = read(tmp_path / f"site.{ending}")
        assert isinstance(found, Cloud)
        np.testing.assert_allclose(found.file_pos, site, rtol=0, atol=1e-7)


def test_others_read_what_is_written(open3d: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    part, weight = np.arange(20), np.linspace(0, 1, 20)
    write_ply(path, _POS, _COLOR, _FACES, part=part, weight=weight)
    mesh = trimesh.load_mesh(path, process=False)
    np.testing.assert_array_equal(mesh.faces, _FACES)
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:, :3], _COLOR)
    stored = mesh.metadata["_ply_raw"]["vertex"]["data"]
    np.testing.assert_array_equal(stored["part"].ravel(), part)
    np.testing.assert_allclose(stored["weight"].ravel(), weight, rtol=1e-6)
    o3d_mesh = open3d.io.read_triangle_mesh(str(path))
    np.testing.assert_allclose(np.asarray(o3d_mesh.vertices), _POS, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(o3d_mesh.vertex_colors) * 255, _COLOR, rtol=1e-6)


def test_a_written_npz_loads(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"pos": _POS, "file": [1, 2], "part": np.arange(3, dtype=np.uint8)}
    write_npz(tmp_path / "out.npz", **arrays)
    with np.load(tmp_path / "out.npz", allow_pickle=False) as loaded:
        assert set(loaded) == set(arrays)
        for name, value in arrays.items():
            np.testing.assert_array_equal(loaded[name], value)
        assert loaded["part"].dtype == np.uint8


def test_objects_are_never_pickled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pickle"):
        write_npz(tmp_path / "out.npz", bad=np.array([{}], object))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pos": _POS[:, :2]}, r"pos must have shape \(N, 3\)"),
        ({"pos": _POS, "color": _COLOR[:5]}, r"color must have shape \(20, 3\), not \(5, 3\)"),
        ({"pos": _POS, "color": _POS}, "color must be uint8, 0 to 255, not float32"),
        ({"pos": _POS, "normal": _POS[0]}, "normal must have shape"),
        ({"pos": _POS, "part": torch.zeros(3)}, r"part must have shape \(20,\)"),
        ({"pos": _POS, "faces": torch.zeros(2, 4)}, r"faces must have shape \(F, 3\)"),
        ({"pos": _POS, "faces": _FACES + 1}, "vertex 20 .* there are 20 vertices"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_ply(tmp_path / "out.ply", **arguments)
    assert not list(tmp_path.iterdir())


def _break_off(path: Path, error: BaseException) -> None:
    with replacing(path) as file:
        file.write(b"half of the n")
        raise error


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _break_off(path, KeyboardInterrupt())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it cannot be written: No space left on device"):
        _break_off(tmp_path / "out.bin", OSError(errno.ENOSPC, "No space left on device"))
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out.npz").mkdir()
    with pytest.raises(InputError, match=r"out\.npz: it cannot be written"):
        write_npz(tmp_path / "out.npz", pos=_POS)
    assert list(tmp_path.iterdir()) == [tmp_path / "out.npz"]


def test_a_file_where_a_folder_should_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(InputError, match="it cannot be written"):
        write_ply(tmp_path / "taken/out.ply", _POS)


def test_a_link_stays_a_link_and_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "real.npz").touch()
    plain = stat.S_IMODE((tmp_path / "real.npz").stat().st_mode)
    (tmp_path / "link.npz").symlink_to(tmp_path / "real.npz")
    write_npz(tmp_path / "link.npz", pos=_POS)
    assert (tmp_path / "link.npz").is_symlink()
    assert (tmp_path / "real.npz").stat().st_size
    assert stat.S_IMODE((tmp_path / "real.npz").stat().st_mode) == plain
