import os
import time
from pathlib import Path

import numpy as np
import pytest
import trimesh

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, can_read, endings, read, register_format
from pcea.formats.raw import FORMATS, Raw
from pcea.geometry.surface import face_areas


def test_the_ending_may_be_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "SCAN.XYZ").write_text("0 0 0\n1 1 1\n")
    cloud = read(str(tmp_path / "SCAN.XYZ"))
    assert isinstance(cloud, Cloud)
    assert cloud.name == "SCAN"


@pytest.mark.parametrize("ending", endings())
def test_an_empty_or_renamed_file_is_one_line(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"photo{ending}"
    path.touch()
    with pytest.raises(InputError, match="it is empty"):
        read(path)
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\n" + bytes(range(256)) * 20)
    with pytest.raises(InputError, match="photo") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "gone.obj")
    with pytest.raises(InputError, match="a folder, not a file"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["shape.blend", "README"])
def test_another_ending_lists_those_that_are_known(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("0 0 0\n")
    with pytest.raises(InputError, match=r": files (ending in|without) .* .known: .asc .csv"):
        read(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.xyz")
    with pytest.raises(InputError, match="not a regular file"):
        read(tmp_path / "pipe.xyz")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), "cannot be read: Permission denied"),
        (MemoryError(), "damaged or renamed .MemoryError"),
        (RuntimeError("two\n lines"), "as TXT, .* .two lines"),
    ],
)
def test_whatever_a_reader_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(path: Path) -> Raw:
        raise error

    monkeypatch.setitem(FORMATS._entries, "txt", fail)
    (tmp_path / "a.txt").write_text("0 0 0\n")
    with pytest.raises(InputError, match=message):
        read(tmp_path / "a.txt")


def test_a_format_of_somebody_else_is_read_by_its_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FORMATS, "_entries", dict(FORMATS._entries))
    assert not can_read(tmp_path / "a.mine")

    @register_format("mine", "mine2")
    def read_mine(path: Path) -> Raw:
        return Raw(np.fromfile(path, np.float32).reshape(-1, 3))

    np.eye(3, dtype=np.float32).tofile(tmp_path / "a.MINE")
    assert can_read(tmp_path / "a.mine2.gz")
    cloud = read(tmp_path / "a.MINE")
    assert isinstance(cloud, Cloud)
    assert cloud.pos.tolist() == np.eye(3).tolist()


def test_a_million_points_take_seconds(tmp_path: Path) -> None:
    pos = np.random.default_rng(0).integers(-9999, 9999, size=(1_000_000, 3))
    lines = [f"{x / 1000} {y / 1000} {z / 1000}" for x, y, z in pos[:10_000].tolist()]
    (tmp_path / "scan.xyz").write_text("\n".join(lines * 100))
    start = time.perf_counter()
    cloud = read(tmp_path / "scan.xyz")
    assert time.perf_counter() - start < 20  # 2 to 3 seconds on an idle core
    assert isinstance(cloud, Cloud)
    assert len(cloud) == 1_000_000
    np.testing.assert_allclose(cloud.pos[-10_000:], pos[:10_000] / 1000, rtol=1e-6)
    assert len(cloud.sample(1024)) == 1024


_KNOWN = {  # vertices and faces, as their authors publish them
    "spot.obj": (2930, 5856),
    "cow.obj": (2903, 5804),
    "stanford-bunny.obj": (35947, 69451),
    "bunny.off": (3485, 6966),
}


def test_real_meshes_read(real_data: Path) -> None:
    paths = sorted((real_data / "meshes").rglob("*.o[bf][jf]"))
    assert len(paths) >= 27
    for path in paths:
        mesh = read(path)
        assert isinstance(mesh, Mesh)
        expected = trimesh.load_mesh(path, process=False, maintain_order=True)
        if path.name in _KNOWN:
            assert (len(mesh.vertices), len(mesh.faces)) == _KNOWN[path.name]
        np.testing.assert_allclose(mesh.vertices.numpy(), expected.vertices, rtol=1e-6)
        # Quads are cut along the same diagonal, but trimesh puts them after the triangles.
        areas = np.sort(face_areas(mesh.vertices, mesh.faces).numpy())
        np.testing.assert_allclose(areas, np.sort(expected.area_faces), rtol=1e-3, atol=1e-9)
        cloud = mesh.sample(256)
        low, high = expected.bounds
        assert (cloud.pos.numpy() > low - 1e-4).all()
        assert (cloud.pos.numpy() < high + 1e-4).all()
