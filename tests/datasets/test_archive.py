import hashlib
import io
import shutil
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pcea.datasets import Archive, fetch, import_archive, load_dataset
from pcea.datasets import archive as module
from pcea.datasets.archive import unpack
from pcea.datasets.modelnet40 import ModelNet40
from pcea.errors import InputError
from pcea.evaluation import evaluate
from pcea.models import create_model

Writer = Callable[..., Path]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def packed(folder: Path, kind: str = "zip") -> Path:
    """An archive of a folder, with the folder's name at its top; the folder is gone after."""
    name = shutil.make_archive(str(folder), kind, folder.parent, folder.name)
    shutil.rmtree(folder)
    return Path(name)


@pytest.mark.parametrize("kind", ["zip", "gztar", "folder"])
def test_import_a_new_part_folder(tmp_path: Path, parts: Writer, kind: str) -> None:
    folder = parts(tmp_path / "somewhere" / "anything")
    content = tree(folder)
    archive = folder if kind == "folder" else packed(folder, kind)
    root = tmp_path / "new" / "data"
    report = import_archive("things", archive, root)
    assert report.folder == root / "things_normal"
    assert report.totals == {"train": 6, "val": 2, "test": 4}
    assert tree(report.folder) == content
    assert [path.name for path in root.iterdir()] == ["things_normal"]
    assert len(load_dataset("things", "test", root)) == 4


@pytest.mark.parametrize("only", ["train", "test"])
def test_import_a_part_folder_with_one_split(tmp_path: Path, parts: Writer, only: str) -> None:
    folder, root = parts(tmp_path / "things"), tmp_path / "data"
    for listing in (folder / "train_test_split").iterdir():
        if only not in listing.name:
            listing.unlink()
    report = import_archive("things", packed(folder), root)
    assert list(report.counts) == [only]
    clouds = load_dataset("things", only, root).clouds
    model = create_model(
        "eat-seg-tiny", load_dataset("things", only, root).taxonomy, num=(8, 4), k=2, normals=True
    )
    assert 0 <= evaluate(model, clouds, 8).figures()["instance_miou"] <= 1
    with pytest.raises(InputError, match=f"there: {only}"):
        load_dataset("things", "val", root)


@pytest.mark.parametrize("only", ["train", "test"])
def test_import_modelnet40_with_one_split(tmp_path: Path, modelnet: Writer, only: str) -> None:
    archive, root = packed(modelnet(tmp_path / "files", only)), tmp_path / "data"
    report = import_archive("modelnet40", archive, root)
    assert list(report.counts) == (["test"] if only == "test" else ["train", "val"])
    model = create_model(
        "eat-tiny", load_dataset("modelnet40", only, root).taxonomy, num=(8, 4), k=2
    )
    result = evaluate(model, load_dataset("modelnet40", only, root).clouds, 8)
    assert 0 <= result.figures()["overall_accuracy"] <= 1


def test_import_modelnet40_from_an_archive_without_a_top_folder(
    tmp_path: Path, modelnet: Writer
) -> None:
    folder = modelnet(tmp_path / "files", "test")
    archive = shutil.make_archive(str(tmp_path / "flat"), "zip", folder)
    report = import_archive("modelnet40", archive, tmp_path / "data")
    assert report.folder.name == "modelnet40_ply_hdf5_2048"
    assert report.complete is False
    digest = hashlib.md5(Path(archive).read_bytes(), usedforsecurity=False).hexdigest()
    assert f"md5 {digest} is none that was published; the content was checked" in report.notes


def test_a_published_hash_is_recognized(
    tmp_path: Path, modelnet: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(modelnet(tmp_path / "files", "test"))
    digest = hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()
    known = replace(ModelNet40.source, archives=(Archive("http://x/y", digest),))
    monkeypatch.setattr(ModelNet40, "source", known)
    report = import_archive("modelnet40", archive, tmp_path / "data")
    assert f"md5 {digest} is a published one" in report.notes


def test_again_is_harmless_and_another_copy_is_refused(tmp_path: Path, parts: Writer) -> None:
    archive, root = packed(parts(tmp_path / "things")), tmp_path / "data"
    folder = import_archive("things", archive, root).folder
    again = import_archive("things", archive, root)
    assert again.notes == ("it was there already, with the same content",)
    file = folder / "01" / "train0.txt"
    file.write_text(file.read_text().replace("-", ""))
    before = tree(root)
    with pytest.raises(InputError, match="is there already, with other content"):
        import_archive("things", archive, root)
    assert tree(root) == before


def test_a_damaged_archive_leaves_nothing(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things")
    with (folder / "02" / "test1.txt").open("a") as file:
        file.write("1 2 3\n")
    archive, root = packed(folder), tmp_path / "data"
    with pytest.raises(InputError) as caught:
        import_archive("things", archive, root)
    # The place named is in the archive, not in a folder that is gone.
    where = f"{archive}/things/02/test1.txt"
    assert str(caught.value) == f"{where}, line 10: 3 numbers, expected 7"
    assert list(root.iterdir()) == []
    synsets = "shapenetpart/synsetoffset2category.txt"
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        bad.writestr(synsets, "Car\n")
    with pytest.raises(InputError, match=rf"bad\.zip/{synsets}, line 1: 'Car' is not a category"):
        import_archive("shapenetpart", tmp_path / "bad.zip", root)


def test_calls_that_cannot_work(tmp_path: Path, parts: Writer) -> None:
    archive, root = packed(parts(tmp_path / "things")), tmp_path / "data"
    with pytest.raises(InputError, match=r"no train_files\.txt or test_files\.txt"):
        import_archive("modelnet40", archive, root)
    with pytest.raises(InputError, match=r"no synsetoffset2category\.txt"):
        import_archive("shapenetpart", archive, root)
    with pytest.raises(InputError, match="no such file"):
        import_archive("things", tmp_path / "gone.zip", root)
    with pytest.raises(InputError, match="needs no files"):
        import_archive("shapes", archive, root)
    with pytest.raises(InputError, match="not the name of a data set"):
        import_archive("../things", archive, root)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="it is not a folder"):
        import_archive("things", archive, tmp_path / "file")
    assert list(root.iterdir()) == []


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Tests need no access log."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Address of a server of the folder `served`."""
    (tmp_path / "served").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_fetch_tries_the_mirrors_in_turn(
    tmp_path: Path, modelnet: Writer, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(modelnet(tmp_path / "files", "test")).rename(tmp_path / "served" / "a.zip")
    (tmp_path / "served" / "page.zip").write_text("<html>moved</html>")
    mirrors = (
        Archive(f"{server}/gone.zip", "0" * 32),
        Archive(f"{server}/a.zip", "0" * 32),
        Archive(f"{server}/page.zip"),
    )
    root = tmp_path / "data"
    source = replace(ModelNet40.source, archives=mirrors)
    monkeypatch.setattr(ModelNet40, "source", source)
    with pytest.raises(InputError, match=r"no mirror gave modelnet40.*pcea data import") as caught:
        fetch("modelnet40", root)
    for mirror in mirrors:
        assert mirror.url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(root.iterdir()) == []

    good = hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()
    source = replace(source, archives=(*mirrors, Archive(f"{server}/a.zip", good)))
    monkeypatch.setattr(ModelNet40, "source", source)
    report = fetch("modelnet40", root)
    assert report.totals == {"test": 120}
    assert [path.name for path in root.iterdir()] == ["modelnet40_ply_hdf5_2048"]
    archive.unlink()
    assert fetch("modelnet40", root).totals == {"test": 120}


def test_fetch_of_what_has_no_address() -> None:
    with pytest.raises(InputError, match="no known address for 'things'"):
        fetch("things")
    with pytest.raises(InputError, match="did you mean 'modelnet40'"):
        fetch("modelnet")
    with pytest.raises(InputError, match="gear needs no files: there is nothing to import"):
        fetch("gear")


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
    unpack(tmp_path / "0", again)
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
