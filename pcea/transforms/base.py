"""The base of transforms: registered classes with values, for batches and items of PyG."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_type_hints

import torch
from torch import Generator, Tensor
from typing_extensions import dataclass_transform

from pcea.datasets.clouds import Batch
from pcea.errors import GREATEST, InputError, require
from pcea.geometry import gather
from pcea.registry import Registry, as_plain, write_call
from pcea.transforms.drawing import uniform

if TYPE_CHECKING:
    from torch_geometric.data import Data

C = TypeVar("C", bound="type[Transform]")
Item = TypeVar("Item", Batch, "Data")

TRANSFORMS: Registry[type[Transform]] = Registry("transform", "pcea.transforms")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def register_transform(name: str) -> Callable[[C], C]:
    """Register a class as a transform under a name, in lower case with hyphens.

    Recipes and the command line take the name. If the class is no dataclass yet, it becomes a
    frozen one, whose fields are the values of the transform.
    """

    def add(transform: C) -> C:
        if "__dataclass_fields__" not in vars(transform):
            dataclass(frozen=True)(transform)
        transform.name = name
        return TRANSFORMS.register(name)(transform)

    return add


def list_transforms() -> list[str]:
    """Name every transform, sorted."""
    return TRANSFORMS.names()


def number(
    default: Any,
    least: float = -GREATEST,
    most: float = GREATEST,
    *,
    whole: bool = False,
    pair: bool = False,
) -> Any:
    """Make a field of a transform for a number within bounds; others are an ``InputError``.

    Args:
        default: the default.
        least: the least value.
        most: the greatest value; ``math.inf`` allows infinity.
        whole: whether the number must be whole.
        pair: whether the value may also be a pair of numbers, which is a range to draw from.
    """
    kind: Any = int if whole else float
    if pair:
        kind |= tuple[kind, kind]
    return field(default=default, metadata={"bounds": (kind, least, most)})


@dataclass(frozen=True)
class Transform(ABC):
    """A random change to each cloud of a batch; its values are the fields of a dataclass.

    Calling it with a batch returns a new batch on the same device and does not change the given
    one. All random numbers come from the generator and are drawn on its device, so that the same
    seed gives the same batch. Calling it with a ``torch_geometric.data.Data`` returns a ``Data``,
    in which further values of the points follow their points.

    A batch stays rectangular. If every cloud gains or loses the same number of points, N changes.
    If the number is drawn for each cloud, N stays: added points replace others, and copies of the
    kept points, taken in turn, replace those that are left out.

    Args:
        probability: the probability that a cloud is changed.
    """

    name: ClassVar[str] = ""
    mixes: ClassVar[bool] = False
    """Whether it mixes the clouds of a batch, and so cannot be applied to a single cloud."""
    categories: ClassVar[tuple[str, ...] | None] = None
    """The categories among which it changes that of a cloud; None: categories stay."""

    probability: float = field(default=1.0, kw_only=True)

    @property
    def varies(self) -> bool:
        """Whether the number of points N differs from batch to batch."""
        return False

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for each in fields(self):
            value = as_plain(getattr(self, each.name))
            object.__setattr__(self, each.name, value)
            what, bounds = f"{self.name}: {each.name}", each.metadata.get("bounds")
            usual = (float, 0, 1) if each.name == "probability" else (kinds[each.name],)
            require(what, value, *(bounds or usual))
            if bounds and isinstance(value, tuple) and value[0] > value[1]:
                raise InputError(f"{what} is {value}; the smaller number must come first")

    @abstractmethod
    def apply(self, batch: Batch, generator: Generator) -> Batch:
        """Return a batch, made by :func:`changed`, in which every cloud is changed; no padding."""

    def __call__(self, item: Item, generator: Generator | None = None) -> Item:
        """Change a batch, or one cloud.

        Args:
            item: the batch, or a ``Data`` with ``pos`` (N, 3).
            generator: draws all random numbers. Default: torch's own, of ``torch.manual_seed``.

        Raises:
            InputError: the batch has padding, the transform mixes clouds or changes categories but
                gets a ``Data``, or it changes the number of points but has a probability below 1.
        """
        generator = torch.default_generator if generator is None else generator
        if not isinstance(item, Batch):
            return self._change_data(item, generator)
        if item.mask is not None:
            raise InputError(
                f"{self}: the batch has padding: draw the same number of points from each cloud"
            )
        if self.probability == 1:
            return self.apply(item, generator)
        chosen = uniform((len(item),), 0, 1, item.pos, generator) < self.probability  # (B,)
        after = self.apply(item, generator)
        if after.pos.shape != item.pos.shape:
            raise InputError(
                f"{self}: it changes the number of points, so its probability must be 1"
            )
        if after.mixed_category is not None:
            item = changed(item, **labels_of(item, after.mixed_category.shape[1]))
        merged = {}
        for key, new in vars(after).items():
            old = getattr(item, key)
            if new is not old:
                merged[key] = choose(chosen, new, torch.zeros_like(new) if old is None else old)
        return changed(after, **merged)

    def _change_data(self, data: Data, generator: Generator) -> Data:
        if self.mixes:
            raise InputError(f"{self}: it mixes the clouds of a batch, and this is one cloud")
        if self.categories is not None:
            raise InputError(f"{self}: it changes categories, and {data!r} is only a cloud")
        if getattr(data, "pos", None) is None:
            raise InputError(f"{self}: cannot be applied to {data!r}, which has no pos")
        normal = data.get("normal")
        # As parts, the points get numbers, which afterwards say where each point came from.
        source = torch.arange(len(data.pos), device=data.pos.device)
        normals = None if normal is None else normal[None]
        done = self(Batch(data.pos[None], source.new_zeros(1), normals, source[None]), generator)
        assert done.part is not None
        if ("edge_index" in data or "face" in data) and not torch.equal(done.part[0], source):
            raise InputError(
                f"{self}: it would change the points that edges or faces of {data!r} refer to"
            )
        out = copy.copy(data)
        for key in data.keys():  # noqa: SIM118
            if key not in ("pos", "normal") and data.is_node_attr(key):
                out[key] = data[key][done.part[0]]
        out.pos = done.pos[0].to(data.pos.dtype)
        if done.normal is not None:
            out.normal = done.normal[0].to(data.pos.dtype)
        return out

    def __str__(self) -> str:
        """Write the transform so that :func:`as_transforms` reads the same one."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        if values["probability"] == type(self).probability:
            del values["probability"]
        return write_call(self.name or type(self).__name__, values)


def changed(batch: Batch, **tensors: Tensor | None) -> Batch:
    """Copy a batch with other tensors, which are not checked again."""
    other = object.__new__(Batch)  # several times as quick as copy.copy
    vars(other).update(vars(batch), **tensors)
    return other


def choose(chosen: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Take ``new`` where ``chosen`` is true, else ``old``; further dimensions are broadcast."""
    return torch.where(chosen.view(*chosen.shape, *[1] * (new.dim() - chosen.dim())), new, old)


def points_of(batch: Batch) -> dict[str, Tensor]:
    """Give the positions, and the normals and parts if there are any."""
    return {key: x for key in ("pos", "normal", "part") if (x := getattr(batch, key)) is not None}


def take(batch: Batch, index: Tensor) -> Batch:
    """Take points of each cloud by (B, M) int64 indices, with their normals and parts."""
    taken = {
        key: x.gather(1, index) if x.dim() == 2 else gather(x, index)
        for key, x in points_of(batch).items()
    }
    return changed(batch, **taken)


def add_points(batch: Batch, source: Tensor, pos: Tensor, *, normals: bool = False) -> Batch:
    """Add points at (B, M, 3) positions, which get the parts of (B, M) int64 source points.

    Their normals are those of the source points with ``normals``, else zero: unknown.
    """
    added = points_of(take(batch, source)) | {"pos": pos}
    if "normal" in added and not normals:
        added["normal"] = torch.zeros_like(added["normal"])
    both = {key: torch.cat([x, added[key]], 1) for key, x in points_of(batch).items()}
    return changed(batch, **both)


def keep(batch: Batch, order: Tensor, count: int | Tensor) -> Batch:
    """Keep the first points of each cloud in (B, N) int64 order: one count, or (B, 1) counts.

    One count is the new N; if it is above the old N, points are repeated in turn. With a count for
    each cloud, N stays, and the kept points are repeated in turn.
    """
    total = order.shape[1]
    if isinstance(count, int):
        return take(batch, order[:, torch.arange(count, device=order.device) % total])
    return take(batch, order.gather(1, torch.arange(total, device=order.device) % count))


def labels_of(batch: Batch, width: int) -> dict[str, Tensor]:
    """Give the categories and shares of a batch, (B, width) each; unmixed clouds have share 1."""
    if batch.mixed_category is None or batch.mixed_share is None:
        category = batch.category.unsqueeze(1)
        share = torch.ones_like(category, dtype=batch.pos.dtype)
    else:
        category, share = batch.mixed_category, batch.mixed_share
    missing = width - category.shape[1]
    return {
        "mixed_category": torch.cat([category, category[:, :1].expand(-1, missing)], 1),
        "mixed_share": torch.cat([share, share.new_zeros(len(share), missing)], 1),
    }
