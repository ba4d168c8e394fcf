"""What every data set must hold."""

from __future__ import annotations

import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from pcea.datasets import PointCloudDataset, list_datasets, load_dataset
from pcea.datasets.loading import layouts_of
from pcea.errors import InputError
from pcea.testing.require import require


def check_dataset(name: str, root: str | Path | None = None, **options: Any) -> None:
    """Check that the class of a data set keeps to what every data set must hold.

    :func:`pcea.datasets.check`, and ``pcea data check``, look for faults in somebody's copy of the
    files instead: clouds that are missing or hold nothing.

    Args:
        name: a name of :func:`pcea.list_datasets`.
        root: the folder of data sets. Default: ``$PCEA_DATA``, else ``./data``.
        **options: what the layout takes, as `load_dataset` does.

    Raises:
        AssertionError: something does not hold, or there is no such data set.
        InputError: its plug-in cannot be imported, or a split cannot be read.
    """
    layout = layouts_of(name)[0]
    listed = {each.name: each.splits for each in list_datasets(root)}
    require(name in listed, f"data set {name!r} is not listed; there are {', '.join(listed)}")
    require(len(listed[name]) > 0, f"data set {name!r} has no split")
    loaded = {split: load_dataset(name, split, root, **options) for split in listed[name]}
    categories = {data.taxonomy.categories for data in loaded.values()}
    require(len(categories) == 1, f"{name}: its splits have different categories")
    for split, data in loaded.items():
        _check_clouds(data, f"{name} {split}")
        again = load_dataset(name, split, root, **options)
        for field in ("pos", "category", "normal", "part"):
            one, other = getattr(data.clouds, field), getattr(again.clouds, field)
            alike = one is other is None or (
                one is not None and other is not None and torch.equal(one, other)
            )
            require(alike, f"{name} {split}: {field} differs from one reading to the next")
    for one, other in combinations([split for split in loaded if split != "trainval"], 2):
        both = set(loaded[one].clouds.names) & set(loaded[other].clouds.names)
        require(not both, f"{name}: {one} and {other} share {sorted(both)[:3]}")
    if layout.content:
        _check_empty_folder(name)


def _check_clouds(data: PointCloudDataset, where: str) -> None:
    clouds, taxonomy = data.clouds, data.taxonomy
    require(len(clouds) > 0, f"{where}: it is empty")
    owner = torch.arange(len(clouds)).repeat_interleave(clouds.counts)  # (T,)
    size = torch.zeros(len(clouds)).scatter_reduce_(0, owner, clouds.pos.norm(dim=1), "amax")
    # A cloud of equal points cannot be scaled to size 1.
    fits = ((size - 1).abs() < 1e-3) | (size == 0)
    require(fits.all(), f"{where}: a cloud is not scaled to the unit sphere")
    middle = torch.zeros(len(clouds), 3).index_add_(0, owner, clouds.pos)
    middle /= clouds.counts[:, None]
    require(middle.abs().max() < 1e-3, f"{where}: a cloud is not centered on its mean")
    require(len(set(clouds.names)) == len(clouds), f"{where}: two clouds have one name")
    if clouds.normal is not None:
        length = clouds.normal.norm(dim=1)
        unit = ((length - 1).abs() < 1e-2) | (length == 0)
        require(unit.all(), f"{where}: a normal is neither of length 1 nor 0")
    if clouds.part is not None and taxonomy.parts_of:
        allowed = taxonomy.part_mask()[clouds.category[owner], clouds.part]
        require(allowed.all(), f"{where}: a point has a part that its category has not")


def _check_empty_folder(name: str) -> None:
    with tempfile.TemporaryDirectory() as empty:
        try:
            load_dataset(name, "train", empty)
        except InputError:
            return
    raise AssertionError(f"{name}: an empty folder is taken for the data set")
