import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pcea.datasets import load_dataset
from pcea.datasets.shapenetpart import SHAPENETPART
from pcea.errors import InputError

Writer = Callable[..., Path]


def test_reads_points_normals_and_parts(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    dataset = load_dataset("things", "train", tmp_path)
    clouds = dataset.clouds
    assert clouds.category.tolist() == [0, 0, 0, 1, 1, 1]
    assert clouds.counts.tolist() == [8, 9, 10, 8, 9, 10]
    assert clouds.names[1] == "01/train1"
    assert clouds.part is not None
    assert clouds.normal is not None
    rows = np.loadtxt(folder / "01" / "train1.txt")
    centered = rows[:, :3] - rows[:, :3].mean(0)
    np.testing.assert_allclose(
        clouds.pos[8:17], centered / np.linalg.norm(centered, axis=1).max(), atol=1e-6
    )
    np.testing.assert_allclose(clouds.normal[8:17], rows[:, 3:6], atol=1e-6)
    assert clouds.part[8:17].tolist() == rows[:, 6].tolist()


def test_parts_come_from_the_labels_of_all_splits(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    file = folder / "02" / "val0.txt"
    file.write_text(file.read_text().replace(" 2.000000", " 4.000000"))
    dataset = load_dataset("things", "test", tmp_path)
    assert dataset.taxonomy.categories == ("Cup", "Hat")
    assert dataset.taxonomy.parts_of == ((0, 1), (2, 4))
    assert dataset.taxonomy.parts == ("Cup/part0", "Cup/part1", "Hat/part2", "part3", "Hat/part4")


@pytest.mark.parametrize("as_object", [False, True])
def test_parts_json_names_the_parts(tmp_path: Path, parts: Writer, as_object: bool) -> None:
    folder = parts(tmp_path / "things_normal")
    names = ["Cup/body", "Cup/handle", "Hat/brim", "Hat/crown"]
    written = {str(i): name for i, name in enumerate(names)} if as_object else names
    (folder / "parts.json").write_text(json.dumps(written))
    taxonomy = load_dataset("things", "train", tmp_path).taxonomy
    assert taxonomy.parts == tuple(names)
    assert taxonomy.parts_of == ((0, 1), (2, 3))
    file = folder / "02" / "train1.txt"
    lines = file.read_text().splitlines()
    lines[3] = lines[3].rsplit(" ", 1)[0] + " 1"
    file.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"train1.txt, line 4: part 1 .*Hat has 2, 3"):
        load_dataset("things", "train", tmp_path)
    assert len(load_dataset("things", "test", tmp_path)) == 4


def test_part_names_without_categories(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    (folder / "parts.json").write_text(json.dumps(["body", "handle", "brim"]))
    taxonomy = load_dataset("things", "train", tmp_path).taxonomy
    assert taxonomy.parts == ("body", "handle", "brim")
    assert taxonomy.parts_of == ((0, 1), (2,))
    (folder / "parts.json").write_text(json.dumps(["body"]))
    with pytest.raises(InputError, match=r"parts\.json: names 1 parts, labels run to 2"):
        load_dataset("things", "train", tmp_path)
    for wrong in ("[", "[]", "[1]", '{"a": "b"}', "3"):
        (folder / "parts.json").write_text(wrong)
        with pytest.raises(InputError, match=r"a list of part names|not readable as JSON"):
            load_dataset("things", "train", tmp_path)


def test_rows_without_normals(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal", columns=4)
    clouds = load_dataset("things", "train", tmp_path).clouds
    assert clouds.normal is None
    assert clouds.part is not None
    assert clouds.part.unique().tolist() == [0, 1, 2]
    # One file with normals among others without: theirs are zero.
    rows = np.loadtxt(folder / "01" / "train0.txt")
    rows = np.insert(rows, [3], np.eye(3)[[0] * len(rows)], axis=1)
    np.savetxt(folder / "01" / "train0.txt", rows)
    clouds = load_dataset("things", "train", tmp_path).clouds
    assert clouds.normal is not None
    assert clouds.normal.sum(1).tolist() == [1.0] * 8 + [0.0] * 46


def test_map_coordinates_keep_the_form_of_each_shape(tmp_path: Path, parts: Writer) -> None:
    """The same shapes near zero and in UTM, in meters and in centimeters: the same clouds."""
    near = parts(tmp_path / "near_normal")
    far = tmp_path / "far_normal"
    shutil.copytree(near, far)
    for file in far.glob("0?/*.txt"):
        rows = np.loadtxt(file)
        rows[:, :3] += [431234.0, 5403279.0, 312.0]
        np.savetxt(file, rows, fmt="%.6f")
    for split in ("train", "val", "test"):
        one, other = (load_dataset(name, split, tmp_path).clouds for name in ("near", "far"))
        assert one.pos.dtype == other.pos.dtype == torch.float32
        torch.testing.assert_close(one.pos, other.pos, rtol=0, atol=1e-6)
        assert torch.equal(one.normal, other.normal)


def test_the_case_in_map_coordinates(real_data: Path) -> None:
    folder = real_data / "cases" / "ds"
    clouds = load_dataset("utmreal", "train", folder).clouds
    assert clouds.normal is not None
    for cloud in clouds:
        size = cloud.pos.amax(0) - cloud.pos.amin(0)
        assert size.min() > 0.1, cloud.names
        assert len(cloud.pos.unique(dim=0)) > 0.99 * len(cloud.pos)
    # The balls' normals are their own points, as they were made.
    ball = clouds[clouds.category == 0]
    assert (torch.nn.functional.normalize(ball.pos, dim=1) * ball.normal).sum(1).mean() > 0.99


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_text_of_any_machine_is_read_alike(
    tmp_path: Path, parts: Writer, ends: str, mark: str
) -> None:
    folder = parts(tmp_path / "things_normal")
    (folder / "parts.json").write_text('["Cup/a",\n"Cup/b",\n"Hat/c"]\n')
    plain = load_dataset("things", "train", tmp_path)
    for file in folder.rglob("*"):
        if file.suffix in (".txt", ".json"):
            text = mark + file.read_text().replace("\n", ends)
            file.write_bytes(text.encode())
    other = load_dataset("things", "train", tmp_path)
    assert torch.equal(other.clouds.pos, plain.clouds.pos)
    assert (other.clouds.names, other.taxonomy) == (plain.clouds.names, plain.taxonomy)
    file = folder / "01" / "train1.txt"
    file.write_bytes(f"{mark}1 2 3 0 0 1 0{ends}1 2 x 0 0 1 0{ends}".encode())
    with pytest.raises(InputError, match="line 2: 'x'"):
        load_dataset("things", "train", tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        "shape_data\\{}\\{}",
        "/home/them/shape_data/{}/{}",
        "C:\\data\\shape_data\\{}\\{}",
        "{}/{}.txt",
        "./shape_data//{}/{}",
    ],
)
def test_lists_with_paths_of_any_machine(tmp_path: Path, parts: Writer, entry: str) -> None:
    lists = parts(tmp_path / "things_normal") / "train_test_split"
    expected = load_dataset("things", "test", tmp_path).clouds.names
    shapes = [entry.format(*name.split("/")) for name in expected]
    (lists / "shuffled_test_file_list.json").write_text(json.dumps(shapes))
    assert load_dataset("things", "test", tmp_path).clouds.names == expected


def test_names_in_any_script(tmp_path: Path) -> None:
    folder = tmp_path / "家具_normal"
    (folder / "椅子").mkdir(parents=True)
    (folder / "train_test_split").mkdir()
    (folder / "synsetoffset2category.txt").write_text("의자\t椅子\n", encoding="utf-8")
    (folder / "椅子" / "いす一.txt").write_text("0 0 0 0\n1 1 1 0\n")
    listing = folder / "train_test_split" / "shuffled_test_file_list.json"
    listing.write_text('["shape_data/椅子/いす一"]', encoding="utf-8")
    data = load_dataset("家具", "test", tmp_path)
    assert data.clouds.names == ("椅子/いす一",)
    assert data.taxonomy.categories == ("의자",)


@pytest.mark.parametrize("only", ["train", "val", "test"])
def test_the_taxonomy_comes_from_the_only_split_there_is(
    tmp_path: Path, parts: Writer, only: str
) -> None:
    lists = parts(tmp_path / "things_normal") / "train_test_split"
    for listing in lists.iterdir():
        if only not in listing.name:
            listing.unlink()
    data = load_dataset("things", only, tmp_path)
    assert data.taxonomy.categories == ("Cup", "Hat")
    assert data.taxonomy.parts_of == ((0, 1), (2,))


def test_trainval_and_a_lone_split(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    assert len(load_dataset("things", "trainval", tmp_path)) == 8
    for split in ("train", "val"):
        (folder / "train_test_split" / f"shuffled_{split}_file_list.json").unlink()
    assert len(load_dataset("things", "test", tmp_path)) == 4
    with pytest.raises(InputError, match=r"no split 'train' \(there: test\)"):
        load_dataset("things", "train", tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 3 0 0 1", "line 3: 6 numbers, expected 7"),
        ("1 2 3 0 0 1 0 9", "line 3: 8 numbers, expected 7"),
        ("1 2 x 0 0 1 0", "line 3: 'x' is not a number"),
        ("1 nan 3 0 0 1 0", "line 3: a value is not finite"),
        ("1 2 inf 0 0 1 0", "line 3: a value is not finite"),
        ("1e30 2 3 0 0 1 0", "line 3: a value is not finite, or beyond 1e"),
        ("1 2 3 0 0 1 0.5", "line 3: part 0.5 is out of range"),
        ("1 2 3 0 0 1 -1", "line 3: part -1 is out of range"),
        ("1 2 3 0 0 1 70000", "line 3: part 70000 is out of range: Cup has 0 to 9999"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, parts: Writer, line: str, message: str) -> None:
    file = parts(tmp_path / "things_normal") / "01" / "train1.txt"
    lines = file.read_text().splitlines()
    # A blank line counts: an editor shows the same number.
    file.write_text("\n".join(["", lines[0], line, *lines[1:]]))
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("things", "train", tmp_path)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no point"),
        (b"\n\n", "holds no point"),
        (b"1 2 3\n", "line 1: 3 numbers, expected x y z"),
        (b"\xff\xfe\x00", "cannot be read as text"),
    ],
)
def test_a_file_that_is_no_table(
    tmp_path: Path, parts: Writer, content: bytes, message: str
) -> None:
    (parts(tmp_path / "things_normal") / "01" / "train1.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_dataset("things", "train", tmp_path)


def test_lists_that_do_not_fit(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    listing = folder / "train_test_split" / "shuffled_train_file_list.json"
    for entries, message in (
        ("[]", "expected a list of .*, at least one"),
        ("[", "not readable as JSON"),
        ("{}", "expected a list"),
        ('["shape_data/03/x"]', "of '03', which synsetoffset2category.txt does not list"),
        ('["shape_data/01/.."]', "not of the form"),
        ('["x"]', "not of the form"),
        ('["shape_data/01/gone"]', r"gone.txt: cannot be read \(No such file"),
    ):
        listing.write_text(entries)
        with pytest.raises(InputError, match=message):
            load_dataset("things", "train", tmp_path)


def test_category_files_that_do_not_fit(tmp_path: Path, parts: Writer) -> None:
    folder = parts(tmp_path / "things_normal")
    for text, message in (
        ("Cup\n", "line 1: 'Cup' is not a category"),
        ("Cup 01\nHat ../02\n", "line 2: 'Hat ../02' is not a category"),
        ("Cup 01\nCup 02\n", "line 2: 'Cup 02' is there twice"),
        ("\n", "lists no category"),
    ):
        (folder / "synsetoffset2category.txt").write_text(text)
        with pytest.raises(InputError, match=message):
            load_dataset("things", "train", tmp_path)
    (folder / "synsetoffset2category.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as text"):
        load_dataset("things", "train", tmp_path)


def test_the_official_map_holds_for_official_categories(tmp_path: Path, parts: Writer) -> None:
    synsets = (("Car", "02958343"), ("Mug", "03797390"))
    folder = parts(tmp_path / "shapenetpart", synsets=synsets, part_ids=((8, 11), (36,)))
    dataset = load_dataset("shapenetpart", "train", tmp_path)
    assert dataset.taxonomy == SHAPENETPART
    assert dataset.clouds.category.tolist() == [3, 3, 3, 11, 11, 11]
    file = folder / "03797390" / "train0.txt"
    file.write_text(file.read_text().replace(" 36.000000", " 11.000000"))
    with pytest.raises(InputError, match="line 1: part 11 is out of range: Mug has 36, 37"):
        load_dataset("shapenetpart", "train", tmp_path)


def test_the_official_map_has_each_part_once() -> None:
    assert len(SHAPENETPART.categories) == 16
    assert [i for ids in SHAPENETPART.parts_of for i in ids] == list(range(50))
    assert len(set(SHAPENETPART.parts)) == 50


def test_real_shapenetpart(real_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(real_data / "shapenetpart_136_normal.zip") as archive:
        archive.extractall(tmp_path)
    found: dict[int, set[int]] = {}
    normals_missing = total = 0
    for split in ("trainval", "test"):
        clouds = load_dataset("shapenetpart", split, tmp_path).clouds
        assert clouds.part is not None
        assert clouds.normal is not None
        total += len(clouds)
        for i, part in enumerate(clouds.part.split(clouds.counts.tolist())):
            found.setdefault(int(clouds.category[i]), set()).update(part.tolist())
        for normal in clouds.normal.split(clouds.counts.tolist()):
            normals_missing += bool((normal == 0).all())
    assert total == 136
    assert normals_missing >= 100
    assert sorted(found) == list(range(16))
    # 48 of the 50 parts occur in these shapes, each in its own category only.
    for category, ids in found.items():
        assert ids <= set(SHAPENETPART.parts_of[category])
    assert set(range(50)) - set().union(*found.values()) == {15, 26}


def test_real_meshparts(real_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(real_data / "meshparts23_normal.zip") as archive:
        names = [n for n in archive.namelist() if "/900000" not in n]
        entries = next(json.loads(archive.read(n)) for n in names if "val_file_list" in n)
        wanted = [f"meshparts23_normal{e.removeprefix('shape_data')}.txt" for e in entries]
        archive.extractall(tmp_path, [*names, *wanted])
    dataset = load_dataset("meshparts23", "val", tmp_path)
    assert len(dataset) == 150
    assert len(dataset.taxonomy.categories) == 23
    assert len(dataset.taxonomy.parts) == 113
    assert dataset.taxonomy.parts[-1] == "HumanBody/part7"
    assert dataset.clouds.uniform and dataset.clouds.longest == 2048
    normal = dataset.clouds.normal
    assert normal is not None
    assert torch.isclose(normal.norm(dim=1), torch.ones(1), atol=0.05).float().mean() > 0.99
