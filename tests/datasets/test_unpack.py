from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from pcea.datasets import unpack as module
from pcea.datasets.unpack import unpack
from pcea.errors import InputError


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


FILES = {"set/a.txt": b"a", "set/sub/b.txt": b"b" * 3_000_000}


def test_each_kind_gives_the_same_files(tmp_path: Path) -> None:
    for number, archive in enumerate(
        (make_zip(tmp_path / "a.zip", FILES), make_tar(tmp_path / "a.tar.gz", FILES))
    ):
        target = tmp_path / str(number)
        target.mkdir()
        unpack(archive, target)
        assert tree(target) == FILES
    again = tmp_path / "again"
    again.mkdir()
    unpack(tmp_path / "0" / "set", again)
    assert tree(again) == FILES


def test_what_systems_leave_behind_stays_behind(tmp_path: Path, into: Path) -> None:
    junk = {"__MACOSX/set/._a": b"", "set/.DS_Store": b"", "set/.cache/x": b"", "set/a": b"a"}
    unpack(make_zip(tmp_path / "a.zip", junk), into)
    assert tree(into) == {"set/a": b"a"}


@pytest.mark.parametrize("name", ["../evil", "set/../../evil", "/evil", "C:/evil", "..\\evil"])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_no_path_leads_out(tmp_path: Path, into: Path, name: str, make: object) -> None:
    assert callable(make)
    archive = make(tmp_path / "archive", {name: b"evil"})
    before = tree(tmp_path)
    with pytest.raises(InputError, match="leads out of the archive"):
        unpack(archive, into)
    assert tree(tmp_path) == before


def test_no_links(tmp_path: Path, into: Path) -> None:
    tar = tmp_path / "a.tar"
    with tarfile.open(tar, "w") as archive:
        info = tarfile.TarInfo("set/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    zipped = tmp_path / "a.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        entry = zipfile.ZipInfo("set/link")
        entry.create_system = 3
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    for source in (tar, zipped, folder):
        with pytest.raises(InputError, match="link' is a link or a device"):
            unpack(source, into)
    assert tree(into) == {}


def test_bounds(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_zip(tmp_path / "a.zip", FILES)
    monkeypatch.setattr(module, "MAX_BYTES", 2_000_000)
    with pytest.raises(InputError, match="unpacks to more than"):
        unpack(archive, into)
    monkeypatch.setattr(module, "MAX_FILES", 1)
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="more than 1 files"):
        unpack(archive, tmp_path / "other")


def test_damage(tmp_path: Path, into: Path) -> None:
    zipped = make_zip(tmp_path / "a.zip", FILES)
    whole = zipped.read_bytes()
    zipped.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated, or neither"):
        unpack(zipped, into)
    zipped.write_bytes(whole.replace(b"bbbb", b"bxbb", 1))
    with pytest.raises(InputError, match="damaged"):
        unpack(zipped, into)
    tar = make_tar(tmp_path / "a.tar.gz", FILES)
    tar.write_bytes(tar.read_bytes()[:-100])
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="damaged"):
        unpack(tar, tmp_path / "other")
    with pytest.raises(InputError, match="no such file or folder"):
        unpack(tmp_path / "gone.zip", into)


def test_a_name_twice(tmp_path: Path, into: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("set/a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("set/a", b"2")
    with pytest.raises(InputError, match="holds 'set/a' twice"):
        unpack(path, into)


def test_a_file_where_a_folder_is_needed(tmp_path: Path, into: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"set": b"", "set/a": b""})
    with pytest.raises(InputError, match=r"a\.zip"):
        unpack(archive, into)


def test_utf8_names_come_out_of_zips_that_do_not_say_so(tmp_path: Path, into: Path) -> None:
    name = "椅子/脚.txt"
    archive = make_zip(tmp_path / "a.zip", {"x" * len(name.encode()): b"a"})
    # What many programs write: the bytes of UTF-8, and no flag.
    content = archive.read_bytes().replace(b"x" * len(name.encode()), name.encode())
    archive.write_bytes(content)
    unpack(archive, into)
    assert tree(into) == {name: b"a"}
    latin = make_zip(tmp_path / "b.zip", {"y": b"b"})
    latin.write_bytes(latin.read_bytes().replace(b"y", b"\x81"))  # ü of code page 437
    unpack(latin, into)
    assert tree(into)["ü"] == b"b"
