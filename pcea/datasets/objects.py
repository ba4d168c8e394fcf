"""Objects in memory as data sets of labeled clouds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from pcea.datasets.clouds import Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.datasets.folder_of_classes import NUM_POINTS, VALIDATION_SHARE
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.formats import as_shape
from pcea.formats.checked import as_tensor
from pcea.geometry import unit_sphere


def as_datasets(objects: Mapping[str, Any]) -> dict[str, PointCloudDataset]:
    """Make data sets of {split: object}, each cloud scaled to the unit sphere, each mesh sampled.

    An object is a :class:`PointCloudDataset`, :class:`Clouds`, a torch or PyG data set, or a list.
    An item is a PyG ``Data`` with ``y``, or a pair of a shape, as :func:`pcea.as_shape` takes it,
    and a label. A label is the category, or the part of each point; a ``Data`` with parts may have
    a ``category`` beside them. A category may be a name; the names of numbered categories are taken
    from the object's attribute ``classes``, if it has one.
    """
    ready = {s: each for s, each in objects.items() if isinstance(each, PointCloudDataset)}
    if len(ready) == len(objects):
        if len({each.taxonomy for each in ready.values()}) > 1:
            raise InputError(f"the data sets of {' and '.join(ready)} have different categories")
        return ready
    if ready:
        raise InputError(f"{min(ready)} is a PointCloudDataset: the other splits must be, too")
    clouds = {split: each for split, each in objects.items() if isinstance(each, Clouds)}
    items = {s: _items(each, s) for s, each in objects.items() if s not in clouds}
    names = [str(n) for s in items for n in getattr(objects[s], "classes", None) or ()]
    categories = {category for found in items.values() for _, category in found}
    if strings := {category for category in categories if isinstance(category, str)}:
        if len(strings) < len(categories) or clouds:
            raise InputError("some categories are names and others are numbers: give only one kind")
        names = sorted(strings)
    for split, found in items.items():
        with_parts = sum(cloud.part is not None for cloud, _ in found)
        if with_parts not in (0, len(found)):
            raise InputError(
                f"{split}: {with_parts} of {len(found)} items have a label for each point"
            )
        ids = [names.index(each) if isinstance(each, str) else each for _, each in found]
        joined = Clouds.cat([cloud for cloud, _ in found])
        clouds[split] = replace(joined, category=torch.tensor(ids))
    taxonomy = _taxonomy(list(clouds.values()), list(dict.fromkeys(names)))
    return {
        split: PointCloudDataset(clouds[split], taxonomy, type(data).__name__, split)
        for split, data in objects.items()
    }


def hold_out(data: PointCloudDataset, seed: int) -> tuple[PointCloudDataset, PointCloudDataset]:
    """Hold out a fifth of each category as val, chosen by the seed; the rest is train."""
    keys = torch.rand(len(data), generator=torch.Generator().manual_seed(seed)).tolist()
    held_out = data.clouds.hold_out(VALIDATION_SHARE, keys)
    train, val = (
        replace(data, clouds=data.clouds[which], split=split)
        for split, which in (("train", ~held_out), ("val", held_out))
    )
    return train, val


def _items(data: Any, split: str) -> list[tuple[Clouds, int | str]]:
    """Convert each item to a single cloud and its category."""
    # Iterating over a torch data set may never end, so that its length is used.
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        data = map(data.__getitem__, range(len(data)))
    elif not isinstance(data, Iterable):
        raise InputError(
            f"{split} is of type {type(data).__name__}: give a data set's name, a folder, a PyG or "
            "torch data set, a list of Data or of (points, label), or pcea's Clouds"
        )
    if items := [_item(each, f"{split}[{i}]") for i, each in enumerate(data)]:
        return items
    raise InputError(f"{split} has no items")


def _item(item: Any, where: str) -> tuple[Clouds, int | str]:
    label, own, shape = None, None, item
    if isinstance(item, (tuple, list)) and len(item) == 2:
        shape, label = item
    elif hasattr(item, "pos"):
        label, own = getattr(item, "y", None), getattr(item, "category", None)
        label = getattr(item, "part", None) if label is None else label
    if label is None:
        raise InputError(f"{where} has no label: give a Data with y, or a pair (points, label)")
    category, part = label, None
    try:
        cloud = as_shape(shape)
        if not isinstance(label, str):
            values = as_tensor(label, "its label")
            if values.is_floating_point():
                raise InputError(f"its label is of type {values.dtype}; labels are whole numbers")
            if values.numel() != 1:
                part = values.flatten()
                values = as_tensor(0 if own is None else own, "its category")
            category = int(values)
        if hasattr(cloud, "faces"):
            if part is not None:
                raise InputError("part labels of a mesh are not supported: sample its points first")
            cloud = cloud.sample(NUM_POINTS)
        if part is not None and len(part) != len(cloud):
            raise InputError(f"it has {len(part)} labels for {len(cloud)} usable points")
        ptr, unknown = torch.tensor([0, len(cloud)]), torch.zeros(1)
        names = (cloud.name or where,)
        return Clouds(unit_sphere(cloud.pos), ptr, unknown, cloud.normal, part, names), category
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _taxonomy(several: Sequence[Clouds], names: Sequence[str]) -> Taxonomy:
    count = max(int(each.category.max()) for each in several) + 1
    if names and count > len(names):
        raise InputError(f"there is a category {count - 1}, but only {len(names)} names, from 0 on")
    categories = tuple(names) or tuple(map(str, range(count)))
    with_parts = {each.part is not None for each in several}
    if len(with_parts) > 1:
        raise InputError("one split has a label for each point, and the other has none")
    if False in with_parts:
        return Taxonomy(categories)
    parts_of = Clouds.cat(several).parts_of(len(categories))
    parts = max(max(each, default=0) for each in parts_of) + 1
    return Taxonomy(categories, tuple(f"part{i}" for i in range(parts)), parts_of)
