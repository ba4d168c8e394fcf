from __future__ import annotations

import hashlib
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pcea.datasets import Archive, fetch, import_archive, load_dataset
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
    assert str(caught.value) == f"{where}: line 10: 3 numbers, expected 7"
    assert list(root.iterdir()) == []
    synsets = "shapenetpart/synsetoffset2category.txt"
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        bad.writestr(synsets, "Car\n")
    with pytest.raises(InputError, match=rf"bad\.zip/{synsets}: line 1: 'Car' is not a category"):
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
    with pytest.raises(InputError, match="cannot be written"):
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
