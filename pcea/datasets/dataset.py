"""Splits as PyTorch data sets of torch-geometric items."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from torch.utils.data import Dataset

from pcea.datasets.clouds import Clouds, Index, tensors_of
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError

Task = Literal["classification", "segmentation"]


@dataclass(eq=False)
class PointCloudDataset(Dataset[Any]):
    """One split of a data set.

    An item is a torch-geometric ``Data`` with ``pos`` (N, 3), ``category`` (1,), ``name``, and, if
    known, ``normal`` (N, 3) and ``part`` (N,). Its ``y`` is the category for classification and
    the part of each point for segmentation. Indexing with a slice, a list of ids or a mask gives a
    data set of those clouds. Training draws its batches from ``clouds`` and makes no items.

    Args:
        clouds: all clouds of the split.
        taxonomy: names of the categories and parts.
        name: of the data set.
        split: train, val, trainval or test.
        task: what ``y`` is. Default: segmentation if points are labeled.
        transform: a torch-geometric transform, applied to each item when it is indexed.

    Raises:
        InputError: the task is unknown or lacks its part labels, or a label has no name.
    """

    clouds: Clouds
    taxonomy: Taxonomy
    name: str
    split: str
    task: Task | None = None
    transform: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        labeled = self.clouds.part is not None
        self.task = self.task or ("segmentation" if labeled else "classification")
        if self.task not in get_args(Task):
            raise InputError(f"task is {self.task!r}; it is {' or '.join(get_args(Task))}")
        if self.task == "segmentation" and not labeled:
            raise InputError(f"{self.name}: has no part labels, so there is nothing to segment by")
        parts = self.taxonomy.parts or None
        for what, names in (("category", self.taxonomy.categories), ("part", parts)):
            label = getattr(self.clouds, what)
            if label is None or names is None or label.device.type != "cpu" or not len(label):
                continue  # labels on another device were checked on the CPU
            if (largest := int(label.max())) >= len(names):
                raise InputError(
                    f"{self.name}: {what} {largest} has no name: there are {len(names)}, from 0 on"
                )

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, index: Index) -> Any:
        """Return one item for a number, and a data set for a slice, a list of ids or a mask.

        A number out of range is an IndexError, which ends a loop over the items.
        """
        try:
            number = operator.index(index)  # type: ignore[arg-type]
        except TypeError:
            return replace(self, clouds=self.clouds[index])
        if not -len(self) <= number < len(self):
            raise IndexError(f"{self.name} {self.split} has {len(self)} clouds, not {number}")
        # torch-geometric takes seconds to import, and only items need it.
        from torch_geometric.data import Data

        cloud = self.clouds[number]
        item = Data(name=cloud.names[0], **tensors_of(cloud))
        del item.ptr
        item.y = item.part if self.task == "segmentation" else item.category
        return item if self.transform is None else self.transform(item)
