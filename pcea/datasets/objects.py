"""Data that are in memory already, as data sets of labeled clouds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pcea.datasets.clouds import Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.datasets.folder_of_classes import NUM_POINTS, VALIDATION_SHARE
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.formats.checked import as_tensor
from pcea.formats.read import as_shape
from pcea.geometry import unit_sphere


@dataclass
class _Item:
    """One labeled cloud."""

    pos: Tensor
    normal: Tensor | None
    category: int | str
    part: Tensor | None
    name: str


def as_datasets(objects: Mapping[str, Any]) -> dict[str, PointCloudDataset]:
    """Make data sets of {split: object}, each cloud scaled to the unit sphere, each mesh sampled.

    An object is a :class:`PointCloudDataset`, :class:`Clouds`, a torch or PyG data set, or a list.
    An item is a PyG ``Data`` with ``y``, its category or the part of each point (then ``category``,
    where there are several), or a pair of a shape, as :func:`pcea.as_shape` takes it, and such a
    label. A category may be a name; other names come from the object's ``classes``, where it has
    them.
    """
    ready = {s: each for s, each in objects.items() if isinstance(each, PointCloudDataset)}
    if len(ready) == len(objects):
        if len({each.taxonomy for each in ready.values()}) > 1:
            raise InputError(f"the data sets of {' and '.join(ready)} have different categories")
        return dict(ready)
    clouds, names = dict[str, Clouds](), list[str]()
    items: dict[str, list[_Item]] = {}
    for split, data in objects.items():
        if isinstance(data, PointCloudDataset):
            raise InputError(f"{split} is a PointCloudDataset: the other splits must be such, too")
        if isinstance(data, Clouds):
            clouds[split] = data
        else:
            names = names or [str(name) for name in getattr(data, "classes", None) or ()]
            items[split] = [_item(each, f"{split}[{i}]") for i, each in _numbered(data, split)]
    named = {each.category for found in items.values() for each in found}
    if strings := {name for name in named if isinstance(name, str)}:
        if len(strings) < len(named) or clouds:
            raise InputError("some categories are names and others are numbers: give all alike")
        names = sorted(strings)
    for split, found in items.items():
        clouds[split] = _clouds_of(found, names, split)
    taxonomy = _taxonomy(list(clouds.values()), names)
    return {
        split: PointCloudDataset(clouds[split], taxonomy, type(data).__name__, split)
        for split, data in objects.items()
    }


def hold_out(data: PointCloudDataset, seed: int) -> tuple[PointCloudDataset, PointCloudDataset]:
    """Split at least two clouds into train and val: a fifth of each category, by the seed."""
    generator = torch.Generator().manual_seed(seed)
    held_out = torch.zeros(len(data), dtype=torch.bool)
    for category in data.clouds.category.cpu().unique():
        own = (data.clouds.category.cpu() == category).nonzero()[:, 0]
        own = own[torch.randperm(len(own), generator=generator)]
        # At least one of two, so that every category is validated that can be.
        held_out[own[: max(round(VALIDATION_SHARE * len(own)), int(len(own) > 1))]] = True
    train, val = (
        PointCloudDataset(data.clouds.select(which), data.taxonomy, data.name, split, data.task)
        for split, which in (("train", ~held_out), ("val", held_out))
    )
    return train, val


def _numbered(data: Any, split: str) -> Iterable[tuple[int, Any]]:
    # A torch data set may answer any number without an end, so its length is asked for first.
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        return ((i, data[i]) for i in range(len(data)))
    if isinstance(data, Iterable):
        return enumerate(data)
    raise InputError(
        f"{split} is of type {type(data).__name__}: give a data set's name, a folder, a PyG or "
        "torch data set, a list of Data or of (points, label), or pcea's Clouds"
    )


def _item(item: Any, where: str) -> _Item:
    label, category = None, None
    shape = item
    if isinstance(item, (tuple, list)) and len(item) == 2:
        shape, label = item
    elif hasattr(item, "pos"):
        label, category = getattr(item, "y", None), getattr(item, "category", None)
        label = getattr(item, "part", None) if label is None else label
    if label is None:
        raise InputError(f"{where} has no label: give a Data with y, or a pair (points, label)")
    try:
        cloud = as_shape(shape)
        part = None
        if not isinstance(label, str):
            values = as_tensor(label, "its label")
            if values.is_floating_point():
                raise InputError(f"its label is of type {values.dtype}; labels are whole numbers")
            if values.numel() == 1:
                label = int(values)
            else:
                part, label = values.reshape(-1).long(), 0
                if category is not None:
                    label = int(as_tensor(category, "its category"))
        if hasattr(cloud, "faces"):
            if part is not None:
                raise InputError("parts of a mesh are not taken: sample its points first")
            cloud = cloud.sample(NUM_POINTS)
        if part is not None and len(part) != len(cloud):
            raise InputError(f"it has {len(part)} labels for {len(cloud)} usable points")
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    pos = unit_sphere(cloud.pos)
    return _Item(pos, cloud.normal, label, part, cloud.name or where)


def _id(category: int | str, names: Sequence[str]) -> int:
    return category if isinstance(category, int) else names.index(category)


def _clouds_of(items: Sequence[_Item], names: Sequence[str], split: str) -> Clouds:
    if not items:
        raise InputError(f"{split} has no items")
    with_parts = sum(each.part is not None for each in items)
    if with_parts not in (0, len(items)):
        raise InputError(f"{split}: {with_parts} of {len(items)} items have a label for each point")
    return Clouds.cat(
        [
            Clouds(
                each.pos,
                torch.tensor([0, len(each.pos)]),
                torch.tensor([_id(each.category, names)]),
                each.normal,
                each.part,
                (each.name,),
            )
            for each in items
        ]
    )


def _taxonomy(several: Sequence[Clouds], names: Sequence[str]) -> Taxonomy:
    count = max(int(each.category.max()) for each in several) + 1
    if names and count > len(names):
        raise InputError(f"there is a category {count - 1}, and names of {len(names)} from 0 on")
    categories = tuple(names) or tuple(map(str, range(count)))
    if any(each.part is None for each in several):
        if any(each.part is not None for each in several):
            raise InputError("one split has a label for each point, and the other has none")
        return Taxonomy(categories)
    every = Clouds.cat(several).parts_of(len(categories))
    parts = max(max(each, default=0) for each in every) + 1
    parts_of = tuple(tuple(sorted(each)) for each in every)
    return Taxonomy(categories, tuple(f"part{i}" for i in range(parts)), parts_of)
