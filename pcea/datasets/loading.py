"""Data sets by name: where their folders are looked for, and which layout reads them."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcea.datasets.dataset import PointCloudDataset, Task
from pcea.datasets.folder_of_classes import FolderOfClasses
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
            under `root` in ShapeNetPart's layout, with or without its ``_normal``, or with one
            folder of shapes per class. The path of such a folder will do as well.
        split: train, val, trainval or test.
        root: the folder of data sets, or the data set's own folder. Default: ``$PCEA_DATA``, else
            ``./data``.
        task: what an item's ``y`` is; by default segmentation where points are labelled.
        transform: a torch-geometric transform for the items.
        **options: what the layout of the data set takes, such as ``num_per_category``,
            ``num_points`` and ``seed`` of ``shapes``.

    Returns:
        The split; its ``clouds`` lie on the CPU, each centered and scaled to the unit sphere.

    Raises:
        InputError: no such data set, split or option, or its files are missing or damaged.
    """
    if split not in SPLITS:
        raise InputError(f"no split {split!r}{nearest(split, SPLITS)}")
    layout, folder = find(name, root)
    known = list(inspect.signature(layout.read).parameters)[2:]  # after the folder and the split
    for option in options:
        if not known:
            raise InputError(f"{name}: takes no option {option!r}")
        if option not in known:
            raise InputError(f"{name}: no option {option!r}{nearest(option, known)}")
    clouds, taxonomy = layout.read(folder, split, **options)
    return PointCloudDataset(clouds, taxonomy, layout.name, split, task, transform)


def layouts_of(name: str) -> list[Layout]:
    """The layouts that a data set may have: the registered one, else those of any folder.

    Raises:
        InputError: it is not the name of a data set, or its plug-in cannot be imported.
    """
    check_name(name)
    if name in DATASETS:
        return [DATASETS.get(name)(name)]
    return [PartsFolder(name), FolderOfClasses(name)]


def layout_of(name: str) -> Layout:
    """The first of :func:`layouts_of`, which an archive under that name must have."""
    return layouts_of(name)[0]


def is_path(name: str, root: str | Path | None = None) -> bool:
    """Tell whether a data set is named by its folder's path; a bare name is if no root has it."""
    if name in DATASETS:
        return False
    if Path(name).name != name:
        return True
    below = (data_root() / name, data_root() / f"{name}_normal")
    return root is None and Path(name).is_dir() and not any(folder.is_dir() for folder in below)


def find(name: str, root: str | Path | None = None) -> tuple[Layout, Path]:
    """The layout of a data set and its folder, which is the root where it needs none.

    Raises:
        InputError: it is nowhere; the message says where it was looked for and how to get it.
    """
    if is_path(name, root):
        return _find_path(Path(name).expanduser())
    layouts, base = layouts_of(name), data_root(root)
    if not layouts[0].content:
        return layouts[0], base
    for layout in layouts:
        for folder in (base / each for each in layout.folders):
            if layout.recognizes(folder):
                return layout, folder
        # The root may be the data set's own folder. Any such folder looks like any other, so there
        # the name must agree: figures of one data set must not come out under another's name.
        own = name in DATASETS or base.resolve().name in layout.folders
        if own and layout.recognizes(base):
            return layout, base
    looked = ", ".join(str(base / folder) for folder in layouts[0].folders)
    hint = ""
    if name not in DATASETS:
        hint = nearest(name, {listed.name for listed in list_datasets(base)})
    raise InputError(
        f"no data set {name!r}{hint}: looked in {looked}, {base}; "
        f"get it with `pcea data import {name} ARCHIVE`, or name its place with --data-root"
    )


def _find_path(folder: Path) -> tuple[Layout, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of a data set")
    name = folder.resolve().name
    registered = [kind(each) for each, kind in DATASETS.entries().items()]
    for layout in registered:
        if name in layout.folders and layout.content and layout.recognizes(folder):
            return layout, folder
    parts = PartsFolder(name.removesuffix("_normal"))
    # Whatever else it is, reading it says what is wrong with it.
    return (parts if parts.recognizes(folder) else FolderOfClasses(name)), folder


def data_root(root: str | Path | None = None) -> Path:
    """The folder of data sets: the one given, else ``$PCEA_DATA``, else ``./data``."""
    return Path(root or os.environ.get("PCEA_DATA") or "data").expanduser()


def find_folder(name: str, root: str | Path | None = None) -> Path:
    """The folder of a data set; see :func:`find`."""
    return find(name, root)[1]


def check_name(name: str) -> None:
    """Refuse a name that could not be a folder's.

    Raises:
        InputError: it holds more than letters, digits and ``_ . + -``.
    """
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise InputError(f"{name!r} is not the name of a data set: letters, digits, _ . + - only")


def list_datasets(root: str | Path | None = None) -> list[Listed]:
    """The data sets that are registered, and every folder under `root` that can be read as one."""
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
        # The root itself is a data set only in a layout that nothing else has by chance.
        for layout in (PartsFolder(name), FolderOfClasses(name))[: 1 if folder == base else 2]:
            if layout.recognizes(folder):
                listed.append(Listed(name, folder, layout.splits(folder)))
                break
    return listed
