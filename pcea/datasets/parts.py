"""ShapeNetPart, and any folder in its ``_normal`` layout with its own categories and parts.

The layout: ``synsetoffset2category.txt`` (a category and its folder on each line),
``<folder>/<id>.txt`` (a point on each line: ``x y z nx ny nz part``, or ``x y z part``) and
``train_test_split/shuffled_{train,val,test}_file_list.json``. ``parts.json`` may name the parts.
"""

from __future__ import annotations

from pathlib import Path

from pcea.datasets.cache import cached
from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import SPLITS, Layout
from pcea.datasets.rows import MAX_PART, read_shapes
from pcea.datasets.taxonomy import Taxonomy
from pcea.datasets.text import read_json, read_lines, split_path
from pcea.errors import InputError

# Category, synset, first and last part id: the map that the benchmark's figures rest on.
_OFFICIAL = (
    ("Airplane", "02691156", 0, 3),
    ("Bag", "02773838", 4, 5),
    ("Cap", "02954340", 6, 7),
    ("Car", "02958343", 8, 11),
    ("Chair", "03001627", 12, 15),
    ("Earphone", "03261776", 16, 18),
    ("Guitar", "03467517", 19, 21),
    ("Knife", "03624134", 22, 23),
    ("Lamp", "03636649", 24, 27),
    ("Laptop", "03642806", 28, 29),
    ("Motorbike", "03790512", 30, 35),
    ("Mug", "03797390", 36, 37),
    ("Pistol", "03948459", 38, 40),
    ("Rocket", "04099429", 41, 43),
    ("Skateboard", "04225987", 44, 46),
    ("Table", "04379243", 47, 49),
)
SHAPENETPART = Taxonomy(
    categories=tuple(name for name, *_ in _OFFICIAL),
    parts=tuple(
        f"{name}/part{i}" for name, _, first, last in _OFFICIAL for i in range(last - first + 1)
    ),
    parts_of=tuple(tuple(range(first, last + 1)) for *_, first, last in _OFFICIAL),
)
_OFFICIAL_SYNSETS = {name: synset for name, synset, *_ in _OFFICIAL}


class PartsFolder(Layout):
    """Any folder in the layout above, under any name."""

    content = "synsetoffset2category.txt beside train_test_split/"

    @property
    def folders(self) -> tuple[str, ...]:
        """The name with ``_normal``, as the official folder has it, or without."""
        return (f"{self.name}_normal", self.name)

    def recognizes(self, folder: Path) -> bool:
        """Tell whether the list of categories is there."""
        return (folder / "synsetoffset2category.txt").is_file()

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Those whose lists are there; the two of ``trainval`` must both be."""
        there = list_splits(folder)
        return tuple(
            s for s in SPLITS if s in there or (s == "trainval" and {"train", "val"} <= {*there})
        )

    def read(self, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
        """Read a split; see :func:`read_parts`."""
        return read_parts(self.name, folder, split)


def read_parts(name: str, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
    """Read a split of a part-labelled folder.

    Clouds are centred on their centroid and scaled to the unit sphere. Which parts a category has
    comes from ``parts.json`` where its names read ``"Category/part"``, from the official map for
    ShapeNetPart's categories, and otherwise from the labels of all splits that are there.

    Args:
        name: of the data set; it starts the names of the cache files.
        folder: in the layout above; only the files of the split asked for are needed.
        split: train, val, trainval or test.

    Returns:
        The clouds, on the CPU, and the names of categories and parts.

    Raises:
        InputError: a file is missing, malformed, or labels a part that its category has not.
    """
    synsets = read_categories(folder)
    known = _known_taxonomy(folder, synsets)
    wanted = ("train", "val") if split == "trainval" else (split,)
    if known is not None:
        clouds = [_read_split(name, folder, part, synsets, known) for part in wanted]
        return Clouds.cat(clouds) if len(clouds) > 1 else clouds[0], known
    for part in wanted:
        list_shapes(folder, part)
    there = list_splits(folder)
    every = {part: _read_split(name, folder, part, synsets, None) for part in there}
    taxonomy = _taxonomy_of(folder, tuple(synsets), list(every.values()))
    clouds = [every[part] for part in wanted]
    return Clouds.cat(clouds) if len(clouds) > 1 else clouds[0], taxonomy


def read_categories(folder: Path) -> dict[str, str]:
    """``synsetoffset2category.txt`` as {category: its folder's name}, in category-id order."""
    file = folder / "synsetoffset2category.txt"
    try:
        lines = read_lines(file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: missing or unreadable; it lists the categories") from error
    synsets: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2 or Path(fields[1]).name != fields[1]:
            raise InputError(
                f"{file}: line {number}: expected a category and its folder's name, "
                f"got {line.strip()[:60]!r}"
            )
        if fields[0] in synsets or fields[1] in synsets.values():
            raise InputError(f"{file}: line {number}: {line.strip()[:60]!r} is there twice")
        synsets[fields[0]] = fields[1]
    if not synsets:
        raise InputError(f"{file}: lists no category")
    return synsets


def list_splits(folder: Path) -> tuple[str, ...]:
    """The splits whose lists are there, of train, val and test."""
    return tuple(s for s in ("train", "val", "test") if _listing(folder, s).is_file())


def list_shapes(folder: Path, split: str) -> list[tuple[str, str]]:
    """The (synset, id) of each shape of a split (train, val or test), in listed order."""
    file = _listing(folder, split)
    if not file.is_file():
        there = ", ".join(list_splits(folder)) or "none"
        raise InputError(f"{file}: missing, so there is no {split} split (there: {there})")
    try:
        entries = read_json(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable as JSON") from error
    if not isinstance(entries, list):
        raise InputError(f"{file}: expected a list of 'shape_data/<synset>/<id>'")
    shapes = []
    for entry in entries:
        fields = split_path(entry) if isinstance(entry, str) else []
        if len(fields) < 2 or not all(field.strip(". ") for field in fields[-2:]):
            raise InputError(f"{file}: {entry!r} is not of the form 'shape_data/<synset>/<id>'")
        shapes.append((fields[-2], fields[-1].removesuffix(".txt")))
    if not shapes:
        raise InputError(f"{file}: the {split} split is empty")
    return shapes


def is_official(synsets: dict[str, str]) -> bool:
    """Whether all categories are ShapeNetPart's own."""
    return synsets.items() <= _OFFICIAL_SYNSETS.items()


def _listing(folder: Path, split: str) -> Path:
    return folder / "train_test_split" / f"shuffled_{split}_file_list.json"


def _read_split(
    name: str, folder: Path, split: str, synsets: dict[str, str], taxonomy: Taxonomy | None
) -> Clouds:
    shapes = list_shapes(folder, split)
    names = list(synsets) if taxonomy is None else list(taxonomy.categories)
    ids = {synset: names.index(category) for category, synset in synsets.items()}
    for synset, shape in shapes:
        if synset not in ids:
            raise InputError(
                f"{_listing(folder, split)}: shape {shape!r} is of {synset!r}, "
                f"which synsetoffset2category.txt does not list"
            )
    files = [folder / synset / f"{shape}.txt" for synset, shape in shapes]
    categories = [ids[synset] for synset, _ in shapes]
    parts_of = None if taxonomy is None else taxonomy.parts_of
    return cached(
        f"{name}-{split}",
        folder,
        files,
        {"shapes": shapes, "categories": categories, "parts_of": parts_of},
        lambda: read_shapes(files, categories, parts_of, names),
    )


def _known_taxonomy(folder: Path, synsets: dict[str, str]) -> Taxonomy | None:
    """The taxonomy that the folder states, or None where only the labels can tell."""
    names = _part_names(folder)
    if names is None:
        return SHAPENETPART if is_official(synsets) else None
    categories = tuple(synsets)
    owners = [name.rpartition("/")[0] for name in names]
    if not set(owners) <= set(categories):
        return None
    parts_of = tuple(
        tuple(i for i, owner in enumerate(owners) if owner == category) for category in categories
    )
    return Taxonomy(categories, names, parts_of)


def _taxonomy_of(folder: Path, categories: tuple[str, ...], splits: list[Clouds]) -> Taxonomy:
    """The taxonomy that the labels show."""
    used: list[set[int]] = [set() for _ in categories]
    for clouds in splits:
        assert clouds.part is not None
        owner = clouds.category.repeat_interleave(clouds.counts)  # (T,)
        for pair in (owner * (MAX_PART + 1) + clouds.part).unique().tolist():
            used[pair // (MAX_PART + 1)].add(pair % (MAX_PART + 1))
    num = max(max(ids, default=-1) for ids in used) + 1
    names = _part_names(folder)
    if names is not None and len(names) < num:
        raise InputError(
            f"{folder / 'parts.json'}: names {len(names)} parts, but the labels run to {num - 1}"
        )
    if names is None:
        owners = {
            i: category
            for category, ids in reversed(list(zip(categories, used, strict=True)))
            for i in ids
        }
        names = tuple(f"{owners[i]}/part{i}" if i in owners else f"part{i}" for i in range(num))
    return Taxonomy(categories, names, tuple(tuple(sorted(ids)) for ids in used))


def _part_names(folder: Path) -> tuple[str, ...] | None:
    """``parts.json``: a list of names, or {id: name} with ids from 0 on."""
    file = folder / "parts.json"
    if not file.exists():
        return None
    try:
        names = read_json(file)
        if isinstance(names, dict):
            names = [names[str(i)] for i in range(len(names))]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{file}: expected a JSON list of part names, or an object from '0' on"
        ) from error
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise InputError(f"{file}: expected a list of part names")
    return tuple(names)
