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
from pcea.datasets.shapenetpart import PartsFolder
from pcea.errors import InputError, nearest


@dataclass(frozen=True)
class Listed:
    """A data set that `load_dataset` knows or finds."""

    name: str
    folder: Path | None  # None where it needs none or is not there
    splits: tuple[str, ...]  # what can be loaded now


def load_dataset(
    name: str,
    split: str = "train",
    root: str | Path | None = None,
    *,
    task: Task | None = None,
    transform: Callable[[Any], Any] | None = None,
    **options: Any,
) -> PointCloudDataset:
    """Load a split of a data set; its ``clouds`` lie on the CPU, each scaled to the unit sphere.

    Args:
        name: a registered one, such as ``shapes`` or ``modelnet40``; or any folder under `root` in
            ShapeNetPart's layout, with or without its ``_normal``, or with one folder of shapes per
            class; or the path of such a folder.
        split: train, val, trainval or test.
        root: the folder of data sets, or the data set's own folder. Default: ``$PCEA_DATA``, else
            ``./data``.
        task: what an item's ``y`` is; by default segmentation where points are labeled.
        transform: a torch-geometric transform for the items.
        **options: what the layout takes, such as ``num_per_category`` and ``seed`` of ``shapes``.

    Raises:
        InputError: no such data set, split or option, or its files are missing or damaged.
    """
    if split not in SPLITS:
        raise InputError(f"no split {split!r}{nearest(split, SPLITS)}")
    layout, folder = find(name, root)
    known = list(inspect.signature(layout.read).parameters)[2:]  # after the folder and the split
    for option in options:
        if option not in known:
            hint = nearest(option, known) if known else "; it takes none"
            raise InputError(f"{name}: no option {option!r}{hint}")
    if split not in (there := layout.splits(folder)):
        raise InputError(f"{folder}: no split {split!r} (there: {', '.join(there) or 'none'})")
    clouds, taxonomy = layout.read(folder, split, **options)
    return PointCloudDataset(clouds, taxonomy, layout.name, split, task, transform)


def data_root(root: str | Path | None = None) -> Path:
    """The folder of data sets: the one given, else ``$PCEA_DATA``, else ``./data``."""
    return Path(root or os.environ.get("PCEA_DATA") or "data").expanduser()


def layouts_of(name: str) -> list[Layout]:
    """The layouts that a data set may have: the registered one, else those of any folder."""
    if name in DATASETS:
        return [DATASETS.get(name)(name)]
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise InputError(f"{name!r} is not the name of a data set: letters, digits, _ . + - only")
    return [PartsFolder(name), FolderOfClasses(name)]


def find(name: str, root: str | Path | None = None) -> tuple[Layout, Path]:
    """The layout of a data set and its folder, which is the root where it needs none."""
    if Path(name).name != name:
        return _at(Path(name).expanduser())
    layouts, base = layouts_of(name), data_root(root)
    if not layouts[0].content:
        return layouts[0], base
    for layout in layouts:
        if folder := _folder_of(layout, base):
            return layout, folder
    if root is None and name not in DATASETS and Path(name).is_dir():
        return _at(Path(name))
    places = [base / each for each in layouts[0].folders]
    for place in places:
        if place.is_dir():
            wanted = " or ".join(layout.content for layout in layouts)
            raise InputError(f"{place}: is there, but holds no data set {name!r}: no {wanted}")
    hint = ""
    if name not in DATASETS:
        hint = nearest(name, {listed.name for listed in list_datasets(base)})
    raise InputError(
        f"no data set {name!r}{hint}: looked in {', '.join(map(str, [*places, base]))}; "
        f"get it with `pcea data import {name} ARCHIVE`, or name its place with --data-root"
    )


def list_datasets(root: str | Path | None = None) -> list[Listed]:
    """The data sets that are registered, and every folder under `root` that can be read as one."""
    base = data_root(root)
    listed, taken = [], set()
    # If the root is itself the folder of one data set, those that are called so come first.
    for layout in sorted(
        _registered(), key=lambda layout: base.resolve().name not in layout.folders
    ):
        folder = _folder_of(layout, base) if layout.content else None
        there = not layout.content or (folder is not None and folder not in taken)
        splits = layout.splits(folder or base) if there else ()
        listed.append(Listed(layout.name, folder if there else None, splits))
        taken.add(folder)
    listed.sort(key=lambda each: (bool(DATASETS.get(each.name).content), each.name))
    folders = sorted(path for path in base.iterdir() if path.is_dir()) if base.is_dir() else []
    for folder in [*folders, base]:
        name = folder.resolve().name
        if folder in taken or name.startswith(".") or name.removesuffix("_normal") in DATASETS:
            continue
        # The root is no folder of classes: what lies in it are data sets.
        for layout in _layouts_of_any(folder)[: 1 if folder == base else 2]:
            if layout.recognizes(folder):
                listed.append(Listed(layout.name, folder, layout.splits(folder)))
                break
    return listed


def _registered() -> list[Layout]:
    return [layout(name) for name, layout in DATASETS.entries().items()]


def _layouts_of_any(folder: Path) -> list[Layout]:
    name = folder.resolve().name
    return [PartsFolder(name.removesuffix("_normal")), FolderOfClasses(name)]


def _folder_of(layout: Layout, base: Path) -> Path | None:
    """Where under the root a data set lies; the root may be its own folder."""
    places = [base / folder for folder in layout.folders]
    # A folder that any data set may have must be called as this one is: figures of one data set
    # must not come out under another's name.
    if layout.name in DATASETS or base.resolve().name in layout.folders:
        places.append(base)
    return next((place for place in places if layout.recognizes(place)), None)


def _at(folder: Path) -> tuple[Layout, Path]:
    """The layout of a folder that is given by its path."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of a data set")
    named = [each for each in _registered() if folder.resolve().name in each.folders]
    layouts = [*named, *_layouts_of_any(folder)]
    # Where none recognizes it, reading it as the last says what is wrong with it.
    return next((each for each in layouts if each.recognizes(folder)), layouts[-1]), folder
