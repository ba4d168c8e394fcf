"""Load data sets by name: find their folders, and the layout that reads them."""

import inspect
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcea.datasets.clouds import Clouds
from pcea.datasets.dataset import PointCloudDataset, Task
from pcea.datasets.folder_of_classes import FolderOfClasses
from pcea.datasets.layout import DATASETS, SPLITS, Layout, pieces_of
from pcea.datasets.shapenetpart import PartsFolder
from pcea.errors import InputError, checked, nearest

_OF_ANY_FOLDER = (PartsFolder, FolderOfClasses)


@dataclass(frozen=True)
class Listed:
    """A data set that `load_dataset` can load, or could if its files were there."""

    name: str
    folder: Path | None  # None if it needs none or is missing
    splits: tuple[str, ...]  # what can be loaded now


@checked()
def load_dataset(
    name: str | Path,
    split: str = "train",
    root: str | Path | None = None,
    *,
    task: Task | None = None,
    transform: Callable[[Any], Any] | None = None,
    **options: Any,
) -> PointCloudDataset:
    """Load a split of a data set: clouds on the CPU, each scaled to the unit sphere.

    Args:
        name: a registered name, such as ``shapes`` or ``modelnet40``; or the name of a folder under
            `root` in ShapeNetPart's layout (with or without its ``_normal``) or with one folder of
            shapes per class; or the path of such a folder.
        split: train, val, trainval or test.
        root: the folder of data sets, or the data set's own folder. Default: ``$PCEA_DATA``, else
            ``./data``.
        task: what an item's ``y`` is; by default segmentation where points are labeled.
        transform: a torch-geometric transform for the items.
        **options: options of the layout, such as ``num_per_category`` and ``seed`` of ``shapes``.

    Raises:
        InputError: the data set, split or option is unknown, or files are missing or damaged.
    """
    if split not in SPLITS:
        raise InputError(f"no split {split!r}{nearest(split, SPLITS)}")
    layout, folder = find(str(name), root)
    known = list(inspect.signature(layout.read).parameters)[2:]  # after the folder and the split
    for option in options:
        if option not in known:
            hint = nearest(option, known) if known else "; it takes none"
            raise InputError(f"{name}: no option {option!r}{hint}")
    if split not in (there := splits_of(layout, folder)):
        missing = lacking(layout, folder)
        needs = f"; for all splits, {' and '.join(missing)} must be there, too" if missing else ""
        splits = ", ".join(there) or "none"
        raise InputError(f"{folder}: no split {split!r} (there: {splits}){needs}")
    pieces = (split,) if split in layout.splits(folder) else pieces_of(split)
    (clouds, taxonomy), *others = (layout.read(folder, each, **options) for each in pieces)
    if others:
        clouds = Clouds.cat([clouds, *(each for each, _ in others)])
    return PointCloudDataset(clouds, taxonomy, layout.name, split, task, transform)


def splits_of(layout: Layout, folder: Path) -> tuple[str, ...]:
    """Name the splits that can be loaded, with trainval if train and val are there."""
    there = layout.splits(folder)
    return tuple(each for each in SPLITS if each in there or set(pieces_of(each)) <= set(there))


def data_root(root: str | Path | None = None) -> Path:
    """Return the folder of data sets: the given one, else ``$PCEA_DATA``, else ``./data``."""
    folder = Path(root or os.environ.get("PCEA_DATA") or "data").expanduser()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"data root {folder}: it is not a folder; name one with --data-root")
    return folder


def layouts_of(name: str) -> list[Layout]:
    """List the layouts that a data set may have: its registered one, else those of any folder."""
    if name in DATASETS:
        return [DATASETS.get(name)(name)]
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise InputError(f"{name!r} is not the name of a data set: letters, digits, _ . + - only")
    return [kind(name.removesuffix("_normal")) for kind in _OF_ANY_FOLDER]


def find(name: str, root: str | Path | None = None) -> tuple[Layout, Path]:
    """Find the layout of a data set and its folder; if it needs none, the folder is the root."""
    if Path(name).name != name:
        return _at(Path(name).expanduser())
    layouts, base = layouts_of(name), data_root(root)
    if not layouts[0].content:
        return layouts[0], base
    for layout, folder in _candidates(base, layouts if name in DATASETS else []):
        named = name == layout.name or (layout.name not in DATASETS and name == folder.name)
        if named and layout.recognizes(folder):
            return layout, folder
    if root is None and name not in DATASETS and Path(name).is_dir():
        return _at(Path(name))
    if missing := lacking(layouts[0], base):
        raise InputError(
            f"no data set {name!r}: it is made of other data sets, and {base} lacks "
            f"{', '.join(missing)}: get them, as with `pcea data import {missing[0]} ARCHIVE`, or "
            "name their place with --data-root"
        )
    known = [] if name in DATASETS else [each.name for each in list_datasets(base)]
    places = [*(base / each for each in layouts[0].folders), base]
    raise InputError(
        f"no data set {name!r}{nearest(name, known) if known else ''}: looked in "
        f"{', '.join(map(str, places))} for {' or '.join(each.content for each in layouts)}; "
        f"get it with `pcea data import {name} ARCHIVE`, or name its place with --data-root"
    )


def lacking(layout: Layout, base: Path) -> list[str]:
    """Name the data sets that a layout is made of, and that a data root lacks."""

    def there(name: str) -> bool:
        for each in layouts_of(name):
            itself = [base] if base.resolve().name in each.folders else []
            if any(map(each.recognizes, [*(base / folder for folder in each.folders), *itself])):
                return True
        return False

    return [name for name in layout.made_of if not there(name)]


@checked()
def list_datasets(root: str | Path | None = None) -> list[Listed]:
    """List the registered data sets, and every folder under `root` that can be read as one."""
    base, registered = data_root(root), _registered()
    listed = {
        each.name: Listed(each.name, None, () if each.content else splits_of(each, base))
        for each in sorted(registered, key=lambda each: bool(each.content))
    }
    taken: set[Path] = set()
    for layout, folder in _candidates(base, registered):
        joins = bool(layout.made_of)  # several of these share the root
        known = layout.name in listed and listed[layout.name].folder is not None
        known |= folder in taken and not joins
        # The root is never a folder of classes, because its folders are data sets.
        below = folder != base or not isinstance(layout, FolderOfClasses)
        if not known and below and layout.recognizes(folder):
            listed[layout.name] = Listed(layout.name, folder, splits_of(layout, folder))
            if not joins:
                taken.add(folder)
    return list(listed.values())


def _candidates(base: Path, registered: list[Layout]) -> Iterator[tuple[Layout, Path]]:
    """Yield every pair of a layout and a folder, under a root or the root itself, to look at."""
    # If the root itself has the name of a data set's folder, that data set comes first.
    for layout in sorted(registered, key=lambda each: base.resolve().name not in each.folders):
        yield from ((layout, base / folder) for folder in layout.folders)
        yield layout, base
    # Any other folder must have the name of the data set, so that results never appear under the
    # name of another one.
    folders = [*(sorted(base.iterdir()) if base.is_dir() else ()), base]
    for kind in _OF_ANY_FOLDER:
        for folder in folders:
            name = folder.resolve().name.removesuffix("_normal")
            if not name.startswith(".") and name not in DATASETS:
                yield kind(name), folder


def _registered() -> list[Layout]:
    return [layout(name) for name, layout in DATASETS.entries().items()]


def _at(folder: Path) -> tuple[Layout, Path]:
    """Find the layout of a folder that is given by its path."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of a data set")
    name = folder.resolve().name
    layouts = [each for each in _registered() if name in each.folders]
    layouts += [kind(name.removesuffix("_normal")) for kind in _OF_ANY_FOLDER]
    # If no layout recognizes it, reading it with the last one tells what is wrong.
    return next((each for each in layouts if each.recognizes(folder)), layouts[-1]), folder
