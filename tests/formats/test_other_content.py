from pathlib import Path

import pytest

from pcea.errors import InputError
from pcea.formats import endings, read

_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("ending", [each for each in endings() if not each.endswith(".gz")])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            _POINTER,
            "a Git LFS pointer: fetch the file with `git lfs pull`",
            id="other/lfs_pointer",
        ),
        pytest.param(
            b"<!DOCTYPE html><html><body>404</body></html>", "a web page", id="other/html"
        ),
        (b"\xef\xbb\xbf\n  <HTML>", "a web page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "it is XML"),
        (b"%PDF-1.7\n", "a PDF document"),
    ],
)
def test_what_a_download_may_bring_instead_is_called_what_it_is(
    tmp_path: Path, ending: str, data: bytes, message: str
) -> None:
    (tmp_path / f"a{ending}").write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / f"a{ending}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.ply", b"PK\x03\x04rest", "a zip archive: unpack it first"),
        ("a.obj", b'{"error": "not found"}', "it is JSON"),
        ("a.xyz", b"\x1f\x8brest", "compressed by gzip: add .gz to its name"),
        ("a.txt", b"ply\nformat ascii 1.0\n", "a PLY file: name it .ply"),
        ("a.txt", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "an OFF file: name it .off"),
        ("a.txt", b"# made by hand\nv 0 0 0\nv 1 0 0\n", "an OBJ file: name it .obj"),
        ("a.txt", b"# .PCD v0.7\n", "a PCD file"),
        ("a.dat", b"solid box\n facet normal 0 0 1\n", "an STL file"),
        ("a.pcd", b"ply\rformat ascii 1.0\r", "a PLY file"),
        ("a.dat", b"\x89HDF\r\n", "an HDF5 file"),
    ],
)
def test_a_shape_under_another_name_is_called_what_it_is(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        read(tmp_path / name)


def test_the_real_cases_are_called_what_they_are(real_data: Path) -> None:
    for name, message in (("lfs_pointer.ply", "Git LFS pointer"), ("html.obj", "web page")):
        with pytest.raises(InputError, match=message):
            read(real_data / "cases" / "other" / name)
