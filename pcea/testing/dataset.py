"""What every data set must hold."""

from __future__ import annotations

import tempfile
from itertools import combinations
from pathlib import Path

import torch

from pcea.datasets import PointCloudDataset, list_datasets, load_dataset
from pcea.datasets.loading import layout_of
from pcea.errors import InputError


def check_dataset(name: str, root: str | Path | None = None) -> None:
    """Check everything that a data set must hold, in every split that is there.

    Args:
        name: a name of :func:`pcea.list_datasets`.
        root: the folder of data sets. Default: ``$PCEA_DATA``, else ``./data``.

    Raises:
        AssertionError: something does not hold, or there is no such data set.
        InputError: its plug-in cannot be imported, or a split cannot be read.
    """
    layout = layout_of(name)
    listed = {each.name: each for each in list_datasets(root)}
    assert name in listed, f"data set {name!r} is not listed; there are {', '.join(listed)}"
    there = listed[name].splits
    assert there, f"data set {name!r} has no split"
    loaded = {split: load_dataset(name, split, root) for split in there}
    for split, data in loaded.items():
        _check_clouds(data, f"{name} {split}")
        again = load_dataset(name, split, root)
        for field in ("pos", "category", "normal", "part"):
            one, other = getattr(data.clouds, field), getattr(again.clouds, field)
            alike = one is None if other is None else one is not None and torch.equal(one, other)
            assert alike, f"{name} {split}: {field} differs from one reading to the next"
    first = loaded[there[0]].taxonomy
    for split, data in loaded.items():
        assert data.taxonomy.categories == first.categories, f"{name} {split}: other categories"
    for first_split, second_split in combinations([s for s in there if s != "trainval"], 2):
        both = set(loaded[first_split].clouds.names) & set(loaded[second_split].clouds.names)
        assert not both, f"{name}: {first_split} and {second_split} share {sorted(both)[:3]}"
    if layout.content:
        _check_empty_folder(name)


def _check_clouds(data: PointCloudDataset, where: str) -> None:
    clouds, taxonomy = data.clouds, data.taxonomy
    assert len(clouds), f"{where}: it is empty"
    owner = torch.arange(len(clouds)).repeat_interleave(clouds.counts)  # (T,)
    size = torch.zeros(len(clouds)).scatter_reduce_(0, owner, clouds.pos.norm(dim=1), "amax")
    # One place alone cannot be scaled to size 1.
    fits = (size - 1).abs() < 1e-3
    assert (fits | (size == 0)).all(), f"{where}: a cloud is not scaled to the unit sphere"
    middle = torch.zeros(len(clouds), 3).index_add_(0, owner, clouds.pos)
    middle /= clouds.counts[:, None]
    assert middle.abs().max() < 1e-3, f"{where}: a cloud is not centered on its mean"
    assert len(set(clouds.names)) == len(clouds), f"{where}: two clouds have one name"
    if clouds.normal is not None:
        length = clouds.normal.norm(dim=1)
        unit = ((length - 1).abs() < 1e-2) | (length == 0)
        assert unit.all(), f"{where}: a normal is neither of length 1 nor 0"
    if clouds.part is not None and taxonomy.parts_of:
        allowed = taxonomy.part_mask()[clouds.category[owner], clouds.part]
        assert allowed.all(), f"{where}: a point has a part that its category has not"


def _check_empty_folder(name: str) -> None:
    with tempfile.TemporaryDirectory() as empty:
        try:
            load_dataset(name, "train", empty)
        except InputError:
            return
    raise AssertionError(f"{name}: an empty folder is taken for the data set")
