"""The common names, and the data set that joins others under them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from pcea.datasets import Taxonomy, everyday, list_datasets, load_dataset
from pcea.datasets.archive import import_archive
from pcea.datasets.clouds import tensors_of
from pcea.datasets.everyday import everyday_taxonomy, name_table, translate
from pcea.datasets.modelnet40 import CATEGORIES
from pcea.datasets.shapenetpart import OFFICIAL, SHAPENETPART
from pcea.datasets.shapes import GEAR_TAXONOMY
from pcea.datasets.shapes import TAXONOMY as SHAPES
from pcea.errors import InputError

FEW: dict[str, Any] = {"without_parts": 1, "procedural": 2, "copies": 1}
MESH_PARTS = (
    ("Chair", ("backsupport", "support", "leg", "arm")),
    ("CosegChair", ("part0", "part1", "part2")),
)


def test_parts_are_named_one_to_one_within_each_category() -> None:
    for lines in name_table().values():
        for name, named in lines.items():
            assert len(set(named.parts.values())) == len(named.parts), name


def test_the_table_has_what_the_data_set_is_made_of() -> None:
    assert set(name_table()) == {*everyday.Everyday.made_of, *everyday.Everyday.built_in}


def test_names_are_common_words() -> None:
    taxonomy = everyday_taxonomy()
    for name in (*taxonomy.categories, *taxonomy.parts):
        assert name == name.lower() and not any(letter.isdigit() for letter in name)
        assert all(word.isalpha() for word in name.replace("/", " ").split())
    assert taxonomy.categories == tuple(sorted(taxonomy.categories))


def test_all_of_shapenetpart_and_no_unknown_name_of_the_others() -> None:
    table = name_table()
    assert list(table["shapenetpart"]) == [name for name, *_ in OFFICIAL]
    parts = [f"{c}/{p}" for c, named in table["shapenetpart"].items() for p in named.parts]
    assert parts == list(SHAPENETPART.parts)
    assert [f"{c}/{p}" for c, named in table["shapes"].items() for p in named.parts] == [
        part for part in SHAPES.parts if part.partition("/")[0] in table["shapes"]
    ]
    assert [f"{c}/{p}" for c, named in table["gear"].items() for p in named.parts] == list(
        GEAR_TAXONOMY.parts
    )
    assert set(table["modelnet40"]) <= set(CATEGORIES)
    assert not any(named.parts for named in table["modelnet40"].values())


def test_all_parts_of_the_real_meshes_are_named(real_data: Path) -> None:
    import zipfile

    with zipfile.ZipFile(real_data / "meshparts23_normal.zip") as archive:
        parts = json.loads(archive.read("meshparts23_normal/parts.json"))
    table = name_table()["meshparts23"]
    assert sorted(f"{c}/{p}" for c, named in table.items() for p in named.parts) == sorted(parts)
    assert len(parts) == 113


def test_translation_finds_the_same_part_under_both_names() -> None:
    theirs = Taxonomy(
        tuple(name for name, _ in MESH_PARTS),
        tuple(f"{name}/{part}" for name, parts in MESH_PARTS for part in parts),
    )
    found, own = translate("meshparts23", theirs), everyday_taxonomy()
    assert found is not None
    assert [own.categories[i] for i in found.category] == ["chair", "chair"]
    seats = ["chair/back", "chair/seat", "chair/leg"]
    assert [own.parts[i] for i in found.part] == [*seats, "chair/arm", *seats]


@pytest.mark.parametrize(
    "theirs",
    [
        Taxonomy(("Chair", "Sofa"), ("Chair/leg",)),
        Taxonomy(("Chair",), ("Chair/leg", "Chair/wheel")),
        Taxonomy(("Chair",), ("leg",), ((0,),)),
    ],
)
def test_a_label_that_is_not_in_the_table_is_not_translated(theirs: Taxonomy) -> None:
    assert translate("meshparts23", theirs) is None


def test_a_part_without_a_common_name_is_named(root: Path) -> None:
    parts = root / "meshparts23_normal" / "parts.json"
    parts.write_text(parts.read_text().replace("Cup/handle", "Cup/spoon"))
    with pytest.raises(InputError, match=r"everyday.yaml has no name for Cup/spoon of meshparts23"):
        load_dataset("everyday", "val", root, **FEW)


def test_normals_are_estimated_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_dataset("everyday", "train", root, **FEW).clouds
    with monkeypatch.context() as changed:
        changed.setattr(everyday, "estimate_normals", None)  # a call would fail
        again = load_dataset("everyday", "train", root, **FEW).clouds
    assert again.names == first.names
    for name, values in tensors_of(first).items():
        assert torch.equal(values, getattr(again, name)), name
    parts = root / "meshparts23_normal" / "parts.json"
    swap = {"Cup/body": "Cup/handle", "Cup/handle": "Cup/body"}
    parts.write_text(json.dumps([swap.get(name, name) for name in json.loads(parts.read_text())]))
    swapped = load_dataset("everyday", "train", root, **FEW).clouds
    assert swapped.part is not None and not torch.equal(swapped.part, first.part)


def test_it_joins_the_data_sets_under_common_names(root: Path) -> None:
    train, own = load_dataset("everyday", "train", root, **FEW), everyday_taxonomy()
    assert train.taxonomy == own and train.split == "train"
    clouds, table = train.clouds, name_table()
    sources = [name.partition("/")[0] for name in clouds.names]
    assert set(sources) == {"meshparts23", "shapenetpart", "shapes", "gear", "modelnet40"}
    assert sources.count("meshparts23") == 6 and sources.count("shapenetpart") == 3
    assert all(sources.count(name) == 2 * len(table[name]) for name in ("shapes", "gear"))
    for cloud, source in zip(clouds, sources, strict=True):
        assert cloud.part is not None
        category = own.categories[int(cloud.category)]
        if source == "modelnet40":
            assert (cloud.part == -1).all()
            assert category in {named.category for named in table["modelnet40"].values()}
        else:
            assert set(cloud.part.tolist()) <= set(own.parts_of[int(cloud.category)])
    first = load_dataset("meshparts23", "train", root).clouds.select(3)
    again = clouds.select(sources.index("meshparts23") + 3)
    assert own.categories[int(again.category)] == "chair" and torch.equal(first.pos, again.pos)
    assert again.part is not None and first.part is not None
    named = {0: "chair/back", 1: "chair/seat", 2: "chair/leg"}
    assert [own.parts[i] for i in again.part] == [named[i - 2] for i in first.part.tolist()]


def test_clouds_of_rare_categories_occur_several_times_in_training(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everyday, "WANTED", 9)
    several = {**FEW, "copies": 3}
    for split, most in (("train", 3), ("val", 1)):
        once = load_dataset("everyday", split, root, **FEW).clouds
        again = load_dataset("everyday", split, root, **several).clouds
        source = load_dataset("meshparts23", split, root).clouds
        count = source.category.bincount()
        wanted = {
            f"meshparts23/{name}": min(most, max(1, 9 // int(count[category])))
            for name, category in zip(source.names, source.category, strict=True)
        }
        found = Counter(again.names)
        assert found.keys() == set(once.names) and max(found.values()) == most
        assert {name: found[name] for name in wanted} == wanted
        others = [name for name in found if name.startswith(("modelnet40/", "shapes/", "gear/"))]
        assert others and all(found[name] == 1 for name in others)
        first = again.names.index(once.names[0])
        assert torch.equal(again.select(first).pos, once.select(0).pos)


def test_only_training_has_clouds_without_parts(root: Path) -> None:
    assert not load_dataset("everyday", "train", root, **FEW).clouds.all_labeled
    labeled = {**FEW, "without_parts": 0}
    assert load_dataset("everyday", "train", root, **labeled).clouds.all_labeled
    for split in ("val", "test"):
        clouds = load_dataset("everyday", split, root, **FEW).clouds
        assert clouds.all_labeled and not any("modelnet40" in name for name in clouds.names)


def test_unknown_normals_are_estimated_and_those_of_every_third_training_cloud(root: Path) -> None:
    for split, every in (("train", 3), ("val", 1000)):
        clouds = load_dataset("everyday", split, root, **FEW).clouds
        assert clouds.normal is not None and (clouds.normal != 0).any(1).all()
        given = load_dataset("shapes", split, num_per_category=2).clouds
        known = {f"shapes/{each.names[0]}": each.normal for each in given}
        own = [(i, each) for i, each in enumerate(clouds) if each.names[0] in known]
        assert len(own) == 2 * len(name_table()["shapes"])
        for i, each in own:
            before = known[each.names[0]]
            assert each.normal is not None and before is not None
            assert torch.equal(each.normal, before) == (i % every > 0 or split == "val")


def test_a_missing_data_set_is_named(root: Path) -> None:
    assert "everyday" in {each.name for each in list_datasets(root) if each.folder is not None}
    (root / "meshparts23_normal").rename(root / "elsewhere")
    listed = {each.name: each for each in list_datasets(root)}
    assert listed["everyday"].folder is None
    with pytest.raises(InputError, match=r"'everyday': it is made of .* lacks meshparts23: get"):
        load_dataset("everyday", "train", root, **FEW)
    with pytest.raises(InputError, match="everyday is made of meshparts23, shapenetpart, modelnet"):
        import_archive("everyday", root)
