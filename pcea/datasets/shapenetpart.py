"""ShapeNetPart, and any folder in its ``_normal`` layout with its own categories and parts.

The layout: ``synsetoffset2category.txt`` (a category and its folder on each line),
``<folder>/<id>.txt`` (a point on each line: ``x y z nx ny nz part``, or ``x y z part``) and
``train_test_split/shuffled_{train,val,test}_file_list.json``. ``parts.json`` may name the parts.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from pcea.datasets.cache import cached
from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import Archive, Layout, Source, register_dataset
from pcea.datasets.taxonomy import Taxonomy
from pcea.datasets.text import read_json, read_lines, split_path
from pcea.errors import InputError
from pcea.formats.checked import naming
from pcea.formats.text import number_rows
from pcea.geometry.normalize import unit_sphere

# A larger label is taken for a mistake, so that it does not make a huge taxonomy.
MAX_PART = 9999
# A damaged file may hold larger numbers. Map coordinates are far below this.
MAX_COORDINATE = 1e9

FOLDER = "shapenetcore_partanno_segmentation_benchmark_v0_normal"
# Category, synset, its parts, official number of test clouds. Part ids are numbered in this order,
# as in the benchmark, whose files have no names of parts.
OFFICIAL = (
    ("Airplane", "02691156", "body, wing, tail, engine", 341),
    ("Bag", "02773838", "handle, body", 14),
    ("Cap", "02954340", "crown, peak", 11),
    ("Car", "02958343", "roof, hood, wheel, body", 158),
    ("Chair", "03001627", "back, seat, leg, arm", 704),
    ("Earphone", "03261776", "ear cup, headband, wire", 14),
    ("Guitar", "03467517", "head, neck, body", 159),
    ("Knife", "03624134", "blade, handle", 80),
    ("Lamp", "03636649", "base, shade, canopy, pole", 286),
    ("Laptop", "03642806", "keyboard, screen", 83),
    ("Motorbike", "03790512", "tank, seat, wheel, handlebar, light, body", 51),
    ("Mug", "03797390", "handle, body", 38),
    ("Pistol", "03948459", "barrel, handle, trigger", 44),
    ("Rocket", "04099429", "body, fin, nose", 12),
    ("Skateboard", "04225987", "wheel, deck, truck", 31),
    ("Table", "04379243", "top, leg, support", 848),
)
SHAPENETPART = Taxonomy(
    categories=tuple(name for name, *_ in OFFICIAL),
    parts=tuple(f"{name}/{part}" for name, _, parts, _ in OFFICIAL for part in parts.split(", ")),
)


class PartsFolder(Layout):
    """The layout above, under any name; a zero normal means that it is unknown.

    The parts of each category are taken from ``parts.json``, if its names are ``"Category/part"``;
    else from the official list, if all categories are ShapeNetPart's; else from the labels in all
    splits that are there. If no file has normals, the clouds have none.
    """

    content = "synsetoffset2category.txt beside train_test_split/"

    @property
    def folders(self) -> tuple[str, ...]:
        """The name with ``_normal``, like the official folder, or without it."""
        return (f"{self.name}_normal", self.name)

    def recognizes(self, folder: Path) -> bool:
        """Tell whether the list of categories is there."""
        return (folder / "synsetoffset2category.txt").is_file()

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Name the splits whose lists are there."""
        return tuple(s for s in ("train", "val", "test") if _list(folder, s).is_file())

    def read(self, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
        """Read a split; the others are read only if the parts must be taken from all labels."""
        synsets, names = read_categories(folder), _part_names(folder)
        taxonomy = Taxonomy(tuple(synsets))
        if names is None and _is_official(synsets):
            taxonomy = SHAPENETPART
        elif names and {name.rpartition("/")[0] for name in names} <= synsets.keys():
            taxonomy = Taxonomy(tuple(synsets), names)
        needed = (split,) if taxonomy.parts else self.splits(folder)
        clouds = {each: self._read(folder, each, synsets, taxonomy) for each in needed}
        if not taxonomy.parts:
            used = Clouds.cat(list(clouds.values())).parts_of(len(synsets))
            owned = [(i, name) for name, ids in zip(synsets, used, strict=True) for i in ids]
            owners, num = dict(reversed(owned)), max(owned)[0] + 1
            if names and len(names) < num:
                place = folder / "parts.json"
                raise InputError(f"{place}: names {len(names)} parts, labels run to {num - 1}")
            # The first category that has a part names it.
            made = (f"{owners[i]}/part{i}" if i in owners else f"part{i}" for i in range(num))
            taxonomy = Taxonomy(tuple(synsets), names or tuple(made), used)
        return clouds[split], taxonomy

    def _read(
        self, folder: Path, split: str, synsets: dict[str, str], taxonomy: Taxonomy
    ) -> Clouds:
        """Read train, val or test."""
        listing, names = _list(folder, split), taxonomy.categories
        form = "'shape_data/<synset>/<id>'"
        ids = {synset: names.index(category) for category, synset in synsets.items()}
        entries = read_json(listing)
        if not entries or not isinstance(entries, list):
            raise InputError(f"{listing}: expected a list of {form}, at least one")
        shapes: list[tuple[Path, int]] = []
        for entry in entries:
            fields = split_path(entry) if isinstance(entry, str) else []
            if len(fields) < 2 or not all(field.strip(". ") for field in fields[-2:]):
                raise InputError(f"{listing}: {entry!r} is not of the form {form}")
            synset, shape = fields[-2], fields[-1].removesuffix(".txt")
            if synset not in ids:
                raise InputError(
                    f"{listing}: shape {shape!r} is of {synset!r}, which "
                    "synsetoffset2category.txt does not list"
                )
            shapes.append((folder / synset / f"{shape}.txt", ids[synset]))
        parts_of = taxonomy.parts_of or (range(MAX_PART + 1),) * len(names)

        def build() -> Clouds:
            return Clouds.cat([_read_shape(f, c, parts_of[c], names[c]) for f, c in shapes])

        order = [(file.relative_to(folder).as_posix(), label) for file, label in shapes]
        params = {"shapes": order, "parts_of": taxonomy.parts_of}
        return cached(f"{self.name}-{split}", folder, [file for file, _ in shapes], params, build)


@register_dataset("shapenetpart")
class ShapeNetPart(PartsFolder):
    """ShapeNetPart with normals; a folder with any other category is not recognized."""

    source = Source(
        title="ShapeNetPart with normals (Yi et al. 2016)",
        terms="non-commercial research and education (shapenet.org)",
        archives=(Archive(f"https://shapenet.cs.stanford.edu/media/{FOLDER}.zip"),),
        counts={"train": 12137, "val": 1870, "test": 2874},
        per_category={"test": {name: count for name, *_, count in OFFICIAL}},
    )
    folders = (FOLDER, "shapenetpart")

    def recognizes(self, folder: Path) -> bool:
        """Tell whether all categories of a folder belong to ShapeNetPart."""
        return super().recognizes(folder) and _is_official(read_categories(folder))


def read_categories(folder: Path) -> dict[str, str]:
    """Read ``synsetoffset2category.txt`` as {category: name of its folder}, by category id."""
    file = folder / "synsetoffset2category.txt"
    synsets: dict[str, str] = {}
    for number, line in enumerate(read_lines(file), start=1):
        if not (fields := line.split()):
            continue
        where = f"{file}, line {number}: {line.strip()[:60]!r}"
        if len(fields) != 2 or Path(fields[1]).name != fields[1]:
            raise InputError(f"{where} is not a category and its folder's name")
        if fields[0] in synsets or fields[1] in synsets.values():
            raise InputError(f"{where} is there twice")
        synsets[fields[0]] = fields[1]
    if not synsets:
        raise InputError(f"{file}: lists no category")
    return synsets


def _is_official(synsets: dict[str, str]) -> bool:
    return synsets.items() <= {name: synset for name, synset, *_ in OFFICIAL}.items()


def _list(folder: Path, split: str) -> Path:
    return folder / "train_test_split" / f"shuffled_{split}_file_list.json"


def _part_names(folder: Path) -> tuple[str, ...] | None:
    """Read ``parts.json``: a list of names, or {id: name} with ids from 0 on."""
    file = folder / "parts.json"
    if not file.exists():
        return None
    names = read_json(file)
    if isinstance(names, dict):
        names = [names.get(str(i)) for i in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise InputError(f"{file}: expected a list of part names, or an object from '0' on")
    return tuple(names)


def _read_shape(file: Path, label: int, allowed: Sequence[int], category: str) -> Clouds:
    """Read a text file of points; they are centered and scaled in float64."""
    lines = [(i, line) for i, line in enumerate(read_lines(file), start=1) if line.strip()]
    if not lines:
        raise InputError(f"{file}: holds no point")
    columns = len(lines[0][1].split())
    if columns not in (4, 7):
        wanted = "expected x y z nx ny nz part, or x y z part"
        raise InputError(f"{file}, line {lines[0][0]}: {columns} numbers, {wanted}")
    try:
        rows = np.loadtxt([line for _, line in lines], comments=None, ndmin=2)  # (N, 4 or 7)
    except ValueError:
        for number, line in lines:
            if (found := len(line.split())) != columns:
                place = f"{file}, line {number}"
                raise InputError(f"{place}: {found} numbers, expected {columns}") from None
        with naming(file):
            rows = number_rows(lines, columns)
    in_range = (np.abs(rows) < MAX_COORDINATE).all(1)
    for row in np.flatnonzero(~(in_range & np.isin(rows[:, -1], allowed)))[:1]:
        known = ", ".join(map(str, allowed)) if len(allowed) < 99 else f"0 to {MAX_PART}"
        fault = f"part {rows[row, -1]:g} is out of range: {category} has {known}"
        if not np.abs(rows[row]).max() < MAX_COORDINATE:
            fault = f"a value is not finite, or beyond {MAX_COORDINATE:g}"
        raise InputError(f"{file}, line {lines[row][0]}: {fault}")
    table = torch.from_numpy(rows)
    return Clouds(
        pos=unit_sphere(table[:, :3]).float(),
        ptr=torch.tensor([0, len(table)]),
        category=torch.tensor([label]),
        normal=table[:, 3:6] if columns == 7 else None,
        part=table[:, -1],
        names=(f"{file.parent.name}/{file.stem}",),
    )
