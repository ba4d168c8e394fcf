"""Data sets by name: where their folders are looked for, and which layout reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcea.datasets.dataset import PointCloudDataset, Task
from pcea.datasets.layout import DATASETS, SPLITS, Layout
from pcea.datasets.parts import PartsFolder
from pcea.errors import InputError, nearest


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
        The split; its ``clouds`` lie on the CPU, each centered and scaled to the unit sphere.

    Raises:
        InputError: no such data set, split or option, or its files are missing or damaged.
    """
    if split not in SPLITS:
        raise InputError(f"no split {split!r}{nearest(split, SPLITS)}")
    layout = layout_of(name)
    for option in options:
        if not layout.options:
            raise InputError(f"{name}: takes no option {option!r}")
        if option not in layout.options:
            raise InputError(f"{name}: no option {option!r}{nearest(option, layout.options)}")
    folder = find_folder(name, root) if layout.content else data_root(root)
    clouds, taxonomy = layout.read(folder, split, **options)
    return PointCloudDataset(clouds, taxonomy, name, split, task, transform)


def layout_of(name: str) -> Layout:
    """The layout of a data set: the registered one, else that of a part-labelled folder.

    Raises:
        InputError: it is not the name of a data set, or its plug-in cannot be imported.
    """
    check_name(name)
    return DATASETS.get(name)(name) if name in DATASETS else PartsFolder(name)


def data_root(root: str | Path | None = None) -> Path:
    """The folder of data sets: the one given, else ``$PCEA_DATA``, else ``./data``."""
    return Path(root or os.environ.get("PCEA_DATA") or "data").expanduser()


def find_folder(name: str, root: str | Path | None = None) -> Path:
    """The folder of a data set.

    Raises:
        InputError: it is nowhere; the message says where it was looked for and how to get it.
    """
    layout = layout_of(name)
    base = data_root(root)
    candidates = [base / folder for folder in layout.folders]
    for folder in candidates:
        if layout.recognizes(folder):
            return folder
    # The root may be the data set's own folder. Any part folder looks like any other, so there
    # the name must agree: figures of one data set must not come out under another's name.
    if (name in DATASETS or base.resolve().name in layout.folders) and layout.recognizes(base):
        return base
    looked = ", ".join(str(folder) for folder in [*candidates, base])
    hint = ""
    if name not in DATASETS:
        hint = nearest(name, {listed.name for listed in list_datasets(base)})
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


def list_datasets(root: str | Path | None = None) -> list[Listed]:
    """The data sets that are registered, and every folder under `root` in the parts layout."""
    base = data_root(root)
    listed = []
    registered = [kind(name) for name, kind in DATASETS.entries().items()]
    for layout in sorted(registered, key=lambda layout: bool(layout.content)):
        places = [*(base / folder for folder in layout.folders), base] if layout.content else []
        folder = next((place for place in places if layout.recognizes(place)), None)
        there = folder or not layout.content
        splits = layout.splits(folder or base) if there else ()
        listed.append(Listed(layout.name, folder, splits))
    taken = {item.folder for item in listed}
    folders = sorted(path for path in base.iterdir() if path.is_dir()) if base.is_dir() else []
    for folder in [*folders, base]:
        name = folder.resolve().name.removesuffix("_normal")
        if folder in taken or folder.name.startswith(".") or name in DATASETS:
            continue
        layout = PartsFolder(name)
        if layout.recognizes(folder):
            listed.append(Listed(name, folder, layout.splits(folder)))
    return listed
