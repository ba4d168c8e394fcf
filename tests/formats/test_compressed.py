import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, expand, read

_OFF = b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
_PLY = (
    b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    b"property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
)


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.eye(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [("box.ply.gz", _PLY), ("box.off.gz", _OFF), ("BOX.XYZ.GZ", b"0 0 0\n1 0 0\n0 1 0\n"),
     ("box.npy.gz", _npy())],
)  # fmt: skip
def test_a_compressed_file_reads_as_what_is_in_it(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(gzip.compress(data, mtime=0))
    shape = read(tmp_path / name)
    assert shape.name == name.split(".")[0]
    pos = shape.vertices if isinstance(shape, Mesh) else shape.pos
    assert len(pos) == 3
    assert isinstance(shape, Cloud) == (name[4:7].lower() in ("xyz", "npy"))
    assert expand([tmp_path]) == [tmp_path / name]


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "a.xyz.gz").write_bytes(gzip.compress(b"0 0 0\n1 0 0\n", mtime=0))
    (tmp_path / "b.xyz.gz").write_bytes(gzip.compress(b"0 0 zero\n1 0 one\n", mtime=0))
    read(tmp_path / "a.xyz.gz")
    with pytest.raises(InputError):
        read(tmp_path / "b.xyz.gz")
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            gzip.compress(b"1 2 3\n4 five 6\n", mtime=0),
            r"a\.xyz\.gz, line 2: 'five' is not a number",
        ),
        (gzip.compress(b"1 2 3\n", mtime=0), r"a\.xyz\.gz: it holds a single point"),
        (b"1 2 3\n4 5 6\n", "not compressed by gzip"),
        (gzip.compress(b"1 2 3\n4 5 6\n" * 99, mtime=0)[:-9], "truncated or damaged"),
        (gzip.compress(b"", mtime=0), "it is empty"),
        (gzip.compress(b"\0" * (4 << 20), mtime=0), "more than .* MiB"),
        (gzip.compress(_PLY, mtime=0), "it is a PLY file"),
    ],
    # A gzip header holds the time: names made of the bytes would differ between the workers.
    ids=["word", "one point", "not gzip", "cut off", "empty", "zeros", "PLY"],
)
def test_what_is_wrong_is_said_of_the_users_file(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.xyz.gz").write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / "a.xyz.gz")
    assert str(caught.value).startswith(str(tmp_path / "a.xyz.gz"))


def test_a_bomb_is_stopped_while_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["pcea.formats.read"], "_MOST", 3 << 20)
    (tmp_path / "a.xyz.gz").write_bytes(gzip.compress(np.random.default_rng(0).bytes(5 << 20)))
    with pytest.raises(InputError, match="more than 3 MiB"):
        read(tmp_path / "a.xyz.gz")
