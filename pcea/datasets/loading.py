"""Data sets by name: where their folders are looked for, and which reader reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcea.datasets import modelnet40, parts, procedural
from pcea.datasets.clouds import Clouds
from pcea.datasets.dataset import PointCloudDataset, Task
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, nearest

SPLITS = ("train", "val", "trainval", "test")
OFFICIAL_FOLDERS = {
    "modelnet40": modelnet40.FOLDER,
    "shapenetpart": parts.SHAPENETPART_FOLDER,
}


@dataclass(frozen=True)
class Listed:
    """A data set that `load_dataset` knows or finds.

    Args:
        name: what to call it.
        folder: where it lies; None where it needs none or is not there.
        splits: what can be loaded now.
    """

    name: str
    folder: Path | None
    splits: tuple[str, ...]


def load_dataset(
    name: str,
    split: str = "train",
    root: str | Path | None = None,
    *,
    task: Task | None = None,
    transform: Callable[[Any], Any] | None = None,
    **options: Any,
) -> PointCloudDataset:
    """Load a split of a data set.

    Args:
        name: ``shapes`` (built in), ``modelnet40``, ``shapenetpart``, or the name of any folder
            under `root` in ShapeNetPart's layout, with or without its ``_normal``.
        split: train, val, trainval or test.
        root: the folder of data sets, or the data set's own folder. Default: ``$PCEA_DATA``, else
            ``./data``.
        task: what an item's ``y`` is; by default segmentation where points are labelled.
        transform: a torch-geometric transform for the items.
        **options: ``num_per_category``, ``num_points`` and ``seed`` of ``shapes``.

    Returns:
        The split; its ``clouds`` lie on the CPU, each centred and scaled to the unit sphere.

    Raises:
        InputError: no such data set, split or option, or its files are missing or damaged.
    """
    if split not in SPLITS:
        raise InputError(f"no split {split!r}{nearest(split, SPLITS)}")
    if name == "shapes":
        known = ("num_per_category", "num_points", "seed")
        for option in options:
            if option not in known:
                raise InputError(f"shapes: no option {option!r}{nearest(option, known)}")
        clouds, taxonomy = procedural.procedural_shapes(split, **options)
    elif options:
        raise InputError(f"{name}: takes no option {next(iter(options))!r}")
    else:
        clouds, taxonomy = read_split(name, find_folder(name, root), split)
    return PointCloudDataset(clouds, taxonomy, name, split, task, transform)


def read_split(name: str, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
    """Read a split from a folder that is known to be the data set's."""
    if name == "modelnet40":
        return modelnet40.modelnet40(folder, split)
    return parts.parts_folder(name, folder, split)


def data_root(root: str | Path | None = None) -> Path:
    """The folder of data sets: the one given, else ``$PCEA_DATA``, else ``./data``."""
    return Path(root or os.environ.get("PCEA_DATA") or "data").expanduser()


def find_folder(name: str, root: str | Path | None = None) -> Path:
    """The folder of a data set.

    Raises:
        InputError: it is nowhere; the message says where it was looked for and how to get it.
    """
    check_name(name)
    base = data_root(root)
    candidates = [base / folder for folder in folder_names(name)]
    for folder in candidates:
        if looks_like(name, folder):
            return folder
    # The root may be the data set's own folder. Any part folder looks like any other, so there
    # the name must agree: figures of one data set must not come out under another's name.
    named = name in OFFICIAL_FOLDERS or base.resolve().name in folder_names(name)
    if named and looks_like(name, base):
        return base
    looked = ", ".join(str(folder) for folder in [*candidates, base])
    if name in OFFICIAL_FOLDERS:
        hint = ""
    else:
        there = {listed.name for listed in list_datasets(base)}
        hint = nearest(name, {*there, *OFFICIAL_FOLDERS, "shapes"})
    raise InputError(
        f"no data set {name!r}{hint}: looked in {looked}; "
        f"get it with `pcea data import {name} ARCHIVE`, or name its place with --data-root"
    )


def check_name(name: str) -> None:
    """Refuse a name that could not be a folder's.

    Raises:
        InputError: it holds more than letters, digits and ``_ . + -``.
    """
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise InputError(f"{name!r} is not the name of a data set: letters, digits, _ . + - only")


def folder_names(name: str) -> tuple[str, ...]:
    """What the folder of a data set may be called; the first is the one that an import makes."""
    official = OFFICIAL_FOLDERS.get(name)
    return (official, name) if official else (f"{name}_normal", name)


def looks_like(name: str, folder: Path) -> bool:
    """Whether a folder has the layout of the data set called `name`."""
    if name == "modelnet40":
        return any((folder / f"{s}_files.txt").is_file() for s in ("train", "test"))
    if not (folder / "synsetoffset2category.txt").is_file():
        return False
    return name != "shapenetpart" or parts.is_official(parts.read_categories(folder))


def list_datasets(root: str | Path | None = None) -> list[Listed]:
    """The data sets that this package knows, and every folder under `root` in a known layout."""
    base = data_root(root)
    listed = [Listed("shapes", None, SPLITS)]
    for name in OFFICIAL_FOLDERS:
        places = [base / folder for folder in folder_names(name)] + [base]
        folder = next((place for place in places if looks_like(name, place)), None)
        listed.append(
            Listed(name, folder, () if folder is None else available_splits(name, folder))
        )
    taken = {item.folder for item in listed}
    folders = sorted(path for path in base.iterdir() if path.is_dir()) if base.is_dir() else []
    for folder in [*folders, base]:
        name = folder.resolve().name.removesuffix("_normal")
        if folder not in taken and not folder.name.startswith(".") and looks_like(name, folder):
            listed.append(Listed(name, folder, available_splits(name, folder)))
    return listed


def available_splits(name: str, folder: Path) -> tuple[str, ...]:
    """The splits that a data set's folder has the lists for."""
    if name == "modelnet40":
        train = ("train", "val", "trainval") if (folder / "train_files.txt").is_file() else ()
        return train + (("test",) if (folder / "test_files.txt").is_file() else ())
    there = parts.list_splits(folder)
    return tuple(
        s for s in SPLITS if s in there or (s == "trainval" and {"train", "val"} <= {*there})
    )
