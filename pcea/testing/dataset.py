"""Check what must be true of every data set."""

import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from pcea.datasets import PointCloudDataset, list_datasets, load_dataset
from pcea.datasets.clouds import UNLABELED, tensors_of
from pcea.datasets.loading import layouts_of
from pcea.testing.trial import refused, require


def check_dataset(name: str, root: str | Path | None = None, **options: Any) -> None:
    """Check that the class of a data set keeps to the rules for every data set.

    In contrast, :func:`pcea.datasets.check` and ``pcea data check`` check somebody's copy of the
    files for missing or empty clouds.

    ``name`` is one of :func:`pcea.list_datasets`, ``root`` the folder of data sets (None:
    ``$PCEA_DATA``, else ``./data``), and ``options`` are the layout's own. A check that fails
    raises an AssertionError that says what is wrong.
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
        again = tensors_of(load_dataset(name, split, root, **options).clouds)
        found = tensors_of(data.clouds)
        require(found.keys() == again.keys(), f"{name} {split}: two readings have different fields")
        for field, tensor in found.items():
            alike = torch.equal(tensor, again[field])
            require(alike, f"{name} {split}: two readings differ in {field}")
    for one, other in combinations([split for split in loaded if split != "trainval"], 2):
        both = set(loaded[one].clouds.names) & set(loaded[other].clouds.names)
        require(not both, f"{name}: {one} and {other} share {sorted(both)[:3]}")
    if layout.content:
        with (
            tempfile.TemporaryDirectory() as empty,
            refused(f"{name}: an empty folder is accepted as the data set"),
        ):
            load_dataset(name, "train", empty)


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
        labeled = clouds.part != UNLABELED
        allowed = taxonomy.part_mask()[clouds.category[owner][labeled], clouds.part[labeled]]
        require(allowed.all(), f"{where}: a point has a part that its category lacks")
