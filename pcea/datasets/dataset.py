"""Splits as PyTorch data sets of torch-geometric items."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pcea.datasets.clouds import Clouds
from pcea.datasets.fields import Index
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError

if TYPE_CHECKING:
    from torch_geometric.data import Data

Task = Literal["classification", "segmentation"]


class PointCloudDataset(Dataset["Data"]):
    """One split of a data set.

    An item is a torch-geometric ``Data`` with ``pos`` (N, 3), ``y`` — the category (1,) for
    classification, the part of each point (N,) for segmentation —, ``category`` (1,), ``name``,
    and, where there are any, ``normal`` (N, 3) and ``part`` (N,). A slice, a list of numbers or a
    mask gives a data set of those clouds. Training draws batches from ``clouds`` instead.

    Args:
        clouds: the whole split.
        taxonomy: what its labels are called.
        name: of the data set.
        split: train, val, trainval or test.
        task: what ``y`` is; by default segmentation where points are labeled.
        transform: a torch-geometric transform, applied to each item when it is taken.

    Raises:
        InputError: the task is unknown, or segmentation without part labels; or a label is unnamed.
    """

    def __init__(
        self,
        clouds: Clouds,
        taxonomy: Taxonomy,
        name: str,
        split: str,
        task: Task | None = None,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        labeled = clouds.part is not None
        if task not in (None, "classification", "segmentation"):
            raise InputError(f"task is {task!r}; it is 'classification' or 'segmentation'")
        if task == "segmentation" and not labeled:
            raise InputError(f"{name}: has no part labels, so there is nothing to segment by")
        named = [("category", clouds.category, taxonomy.categories)]
        if clouds.part is not None and taxonomy.parts:
            named.append(("part", clouds.part, taxonomy.parts))
        for what, label, names in named:
            # On another device the labels were checked before they moved there.
            if label.device.type == "cpu" and len(label) and int(label.max()) >= len(names):
                raise InputError(
                    f"{name}: {what} {int(label.max())} has no name: there are {len(names)}, "
                    "from 0 on"
                )
        self.clouds = clouds
        self.taxonomy = taxonomy
        self.name = name
        self.split = split
        self.task: Task = task or ("segmentation" if labeled else "classification")
        self.transform = transform

    def __len__(self) -> int:
        return len(self.clouds)

    @overload
    def __getitem__(self, index: int) -> Data: ...

    @overload
    def __getitem__(
        self, index: slice | Tensor | NDArray[Any] | Sequence[int] | Sequence[bool]
    ) -> PointCloudDataset: ...

    def __getitem__(self, index: Index) -> Data | PointCloudDataset:
        """An item by its number, or some of the clouds as a data set by what else names them.

        A number without an item is an IndexError, which ends a loop over the items.
        """
        try:
            number = operator.index(index)  # type: ignore[arg-type]
        except TypeError:
            some = self.clouds.select(index), self.taxonomy, self.name, self.split
            return PointCloudDataset(*some, task=self.task, transform=self.transform)
        if not -len(self) <= number < len(self):
            raise IndexError(f"{self.name} {self.split} has {len(self)} clouds, not {number}")
        # torch-geometric takes seconds to import, and only items need it.
        from torch_geometric.data import Data

        cloud = self.clouds.select(number)
        item = Data(pos=cloud.pos, category=cloud.category, name=cloud.names[0])
        if cloud.normal is not None:
            item.normal = cloud.normal
        if cloud.part is not None:
            item.part = cloud.part
        item.y = item.part if self.task == "segmentation" else item.category
        return item if self.transform is None else self.transform(item)

    def __repr__(self) -> str:
        what = f"{self.name!r}, {self.split!r}, {self.task}"
        return f"PointCloudDataset({what}, {self.clouds!r}, {self.taxonomy!r})"
