"""Where the bytes may come from, and where not: a stranger wrote the address."""

import base64
import builtins
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import read


@pytest.fixture
def square_file(gltf: Any) -> Any:
    """A square whose buffer lies in files of several names, in and above its folder."""
    gltf.show(gltf.node(mesh=gltf.mesh()))
    secret = gltf.folder / "secret.bin"
    secret.write_bytes(gltf.binary)
    gltf.folder = gltf.folder / "folder"
    (gltf.folder / "sub").mkdir(parents=True)
    return gltf


def read_with(file: Any, address: str) -> Any:
    path = file.folder / "shape.gltf"
    path.write_text(file.gltf(address))
    return read(path)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("plain.bin", "plain.bin"),
        ("./plain.bin", "plain.bin"),
        ("sub/plain.bin", "sub/plain.bin"),
        ("sub/../plain.bin", "plain.bin"),
        ("sub%2Fplain.bin", "sub/plain.bin"),
        ("sub\\plain.bin", "sub/plain.bin"),
        ("two words.bin", "two words.bin"),
        ("two%20words.bin", "two words.bin"),
        ("100%.bin", "100%.bin"),
        ("%E7%82%B9%E7%BE%A4.bin", "点群.bin"),
        ("点群.bin", "点群.bin"),
        ("..hidden.bin", "..hidden.bin"),
    ],
)
def test_a_file_beside_it_is_found(
    square_file: Any, square: np.ndarray, address: str, name: str
) -> None:
    (square_file.folder / name).write_bytes(square_file.binary)
    assert np.array_equal(read_with(square_file, address).vertices.numpy(), square)


@pytest.mark.parametrize(
    "form",
    [
        "data:application/octet-stream;base64,{}",
        "data:application/gltf-buffer;base64,{}",
        "data:;base64,{}",
        "DATA:text/plain;charset=x;BASE64,{}",
    ],
)
def test_base64_in_the_address_is_read(square_file: Any, square: np.ndarray, form: str) -> None:
    code = base64.b64encode(square_file.binary).decode()
    for text in (code, code.rstrip("="), quote(code), code[:20] + "\n" + code[20:]):
        found = read_with(square_file, form.format(text))
        assert np.array_equal(found.vertices.numpy(), square)


def test_percent_codes_in_the_address_are_read(square_file: Any, square: np.ndarray) -> None:
    found = read_with(square_file, "data:," + quote(square_file.binary))
    assert np.array_equal(found.vertices.numpy(), square)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("{secret}", "is absolute"),
        ("%2Fetc%2Fpasswd", "is absolute"),
        ("/etc/passwd", "is absolute"),
        ("//host/share/a.bin", "is absolute"),
        ("\\\\host\\share\\a.bin", "is absolute"),
        ("\\windows\\a.bin", "is absolute"),
        ("C:\\a.bin", "is absolute"),
        ("C:/a.bin", "is absolute"),
        ("c%3A/a.bin", "is absolute"),
        ("../secret.bin", "leaves the file's folder"),
        ("sub/../../secret.bin", "leaves the file's folder"),
        ("..%2Fsecret.bin", "leaves the file's folder"),
        ("%2e%2e/secret.bin", "leaves the file's folder"),
        ("..\\secret.bin", "leaves the file's folder"),
        ("..%5Csecret.bin", "leaves the file's folder"),
        ("link.bin", "leaves the file's folder"),
        ("way/secret.bin", "leaves the file's folder"),
        ("file://{secret}", "has the scheme file: only data: addresses are read"),
        ("FILE:secret.bin", "has the scheme FILE"),
        ("file%3Asecret.bin", "has the scheme file"),
        ("http://localhost/a.bin", "has the scheme http"),
        ("https://localhost/a.bin", "has the scheme https"),
        ("javascript:1", "has the scheme javascript"),
        ("", "no file that can be read"),
        (".", "'.' of a buffer is no file"),
        ("sub", "'sub' of a buffer is no file"),
        ("gone.bin", "'gone.bin' of a buffer is no file"),
        ("pipe", "'pipe' of a buffer is no file"),
        ("loop", "no file that can be read"),
        ("a%00.bin", "null byte"),
        ("a\nb.bin", "no file that can be read"),
        ("x" * 5000, "no file that can be read"),
        ("data:;base64", "needs 60 bytes, has 0"),
        ("data:;base64,####", "needs 60 bytes, has 0"),
        ("data:;base64,AAAAA", "base64"),
        ("data:;base64,AAAA", "truncated: buffer 0 needs 60 bytes, has 3"),
        ("short.bin", "truncated: buffer 0 needs 60 bytes, has 3"),
    ],
)
def test_no_other_file_is_opened(
    square_file: Any, address: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = square_file.folder
    secret = folder.parent / "secret.bin"
    (folder / "link.bin").symlink_to(secret)
    (folder / "way").symlink_to(folder.parent, target_is_directory=True)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "short.bin").write_bytes(b"abc")
    os.mkfifo(folder / "pipe")
    opened = []
    keep = Path.open

    def watch(path: Path, *args: Any, **more: Any) -> Any:
        opened.append(path.name)
        return keep(path, *args, **more)

    text = address.replace("{secret}", str(secret))
    (folder / "shape.gltf").write_text(square_file.gltf("?").replace('"?"', json.dumps(text)))
    monkeypatch.setattr(Path, "open", watch)
    monkeypatch.setattr(builtins, "open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(InputError, match=message) as caught:
        read(folder / "shape.gltf")
    monkeypatch.undo()
    assert "shape.gltf: " in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert set(opened) <= {"shape.gltf", "short.bin"}


def test_pictures_are_never_opened(square_file: Any, square: np.ndarray) -> None:
    square_file.tree["images"] = [{"uri": "/etc/passwd"}, {"uri": "http://localhost/a.png"}]
    square_file.tree["textures"] = [{"source": 0}]
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    square_file.tree["materials"] = [material]
    square_file.tree["meshes"][0]["primitives"][0]["material"] = 0
    mesh = square_file.read()
    assert np.array_equal(mesh.vertices.numpy(), square)
    assert mesh.color is None
