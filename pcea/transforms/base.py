"""What a transform is: a registered class with values, applied to a batch or to one PyG item."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import torch
from torch import Generator, Tensor
from typing_extensions import dataclass_transform

from pcea.datasets.clouds import Batch
from pcea.errors import InputError
from pcea.geometry import gather
from pcea.registry import Registry, write_call
from pcea.transforms.drawing import uniform

if TYPE_CHECKING:
    from torch_geometric.data import Data

C = TypeVar("C", bound="type[Transform]")
Item = TypeVar("Item", Batch, "Data")

TRANSFORMS: Registry[type[Transform]] = Registry("transform", "pcea.transforms")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def register_transform(name: str) -> Callable[[C], C]:
    """Make a class a transform under a name, lower case with hyphens.

    Recipes and the command line take the name. The class becomes a frozen dataclass, whose fields
    are the transform's values, unless it is one already.
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
    least: float = -math.inf,
    most: float = math.inf,
    *,
    whole: bool = False,
    pair: bool = False,
) -> Any:
    """A field of a transform that is a number between two bounds, or an ``InputError``.

    Args:
        default: its default.
        least: the lower bound, included.
        most: the upper bound, included.
        whole: whether it must be whole.
        pair: whether two numbers in order will do, too: a range to draw from.
    """
    return field(default=default, metadata={"bounds": (least, most, whole, pair)})


@dataclass(frozen=True)
class Transform(ABC):
    """A random change to each cloud of a batch; its values are the fields of a dataclass.

    Calling it with a batch gives a new batch on the same device; the given one stays as it is. All
    randomness comes from the generator, so that the same seed gives the same batch; numbers are
    drawn where the generator lives. Calling it with a ``torch_geometric.data.Data`` gives a
    ``Data``, whose further values of each point are carried along.

    A batch stays rectangular. Where every cloud gains or loses the same number of points, N
    changes; where the number is drawn for each cloud, N stays: added points take the places of
    others, and copies of kept points, taken in turn, replace those left out.

    Args:
        probability: of each cloud to be changed.
    """

    name: ClassVar[str] = ""
    mixes: ClassVar[bool] = False
    """Whether it mixes clouds of a batch, and so cannot be applied to one alone."""

    probability: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, list):
                value = tuple(value)
                object.__setattr__(self, each.name, value)
            bounds = (0, 1, False, False) if each.name == "probability" else None
            if bounds := each.metadata.get("bounds", bounds):
                _check_number(f"{self.name}: {each.name}", value, *bounds)

    @abstractmethod
    def apply(self, batch: Batch, generator: Generator) -> Batch:
        """Change every cloud of a batch without padding: another one, made by :func:`changed`."""

    def __call__(self, item: Item, generator: Generator | None = None) -> Item:
        """Change a batch, or one cloud.

        Args:
            item: the batch, or a ``Data`` with ``pos`` (N, 3).
            generator: what to draw from. Default: torch's own, which ``torch.manual_seed`` seeds.

        Raises:
            InputError: the batch has padding, the transform mixes clouds and there is one only, or
                a probability is given where the number of points changes.
        """
        generator = torch.default_generator if generator is None else generator
        if not isinstance(item, Batch):
            return self._change_data(item, generator)
        if item.mask is not None:
            raise InputError(f"{self}: the batch has padding: draw the same number of points")
        if self.probability == 1:
            return self.apply(item, generator)
        chosen = uniform((len(item),), 0, 1, item.pos, generator) < self.probability  # (B,)
        after = self.apply(item, generator)
        if after.pos.shape != item.pos.shape:
            raise InputError(f"{self}: it changes the number of points, for all clouds or for none")
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
        if getattr(data, "pos", None) is None:
            raise InputError(f"{self}: cannot be applied to {data!r}, which has no pos")
        normal = data.get("normal")
        # Numbered points say where each one came from.
        source = torch.arange(len(data.pos), device=data.pos.device)
        normals = None if normal is None else normal[None]
        done = self(Batch(data.pos[None], source.new_zeros(1), normals, source[None]), generator)
        assert done.part is not None
        if ("edge_index" in data or "face" in data) and not torch.equal(done.part[0], source):
            raise InputError(f"{self}: the points of {data!r} are joined, and not all of them stay")
        out = copy.copy(data)
        for key in data.keys():  # noqa: SIM118
            if key not in ("pos", "normal") and data.is_node_attr(key):
                out[key] = data[key][done.part[0]]
        out.pos = done.pos[0].to(data.pos.dtype)
        if done.normal is not None:
            out.normal = done.normal[0].to(data.pos.dtype)
        return out

    def __str__(self) -> str:
        """What :func:`as_transforms` reads as the same transform."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        if values["probability"] == type(self).probability:
            del values["probability"]
        return write_call(self.name or type(self).__name__, values)


def _check_number(
    what: str, value: Any, least: float, most: float, whole: bool, pair: bool
) -> None:
    given = value if pair and isinstance(value, tuple) and len(value) == 2 else (value,)
    kinds = (int,) if whole else (int, float)
    fits = all(isinstance(each, kinds) and not isinstance(each, bool) for each in given)
    if fits and least <= given[0] <= given[-1] <= most:
        return
    kind = ("a whole number" if whole else "a number") + (" or two in order" if pair else "")
    bounds = f", at least {least:g}" if least > -math.inf else ""
    bounds += f", at most {most:g}" if most < math.inf else ""
    raise InputError(f"{what} is {value!r}; it must be {kind}{bounds}")


def changed(batch: Batch, **tensors: Tensor | None) -> Batch:
    """The same batch with other tensors, which are not checked again."""
    other = object.__new__(Batch)  # several times as quick as copy.copy
    vars(other).update(vars(batch), **tensors)
    return other


def choose(chosen: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """``new`` where it is chosen, ``old`` elsewhere; further dimensions follow the first ones."""
    return torch.where(chosen.view(*chosen.shape, *[1] * (new.dim() - chosen.dim())), new, old)


def points_of(batch: Batch) -> dict[str, Tensor]:
    """Positions, and normals and parts where there are any."""
    return {key: x for key in ("pos", "normal", "part") if (x := getattr(batch, key)) is not None}


def take(batch: Batch, index: Tensor) -> Batch:
    """Some points of each cloud, (B, M) int64, with their normals and parts."""
    taken = {
        key: x.gather(1, index) if x.dim() == 2 else gather(x, index)
        for key, x in points_of(batch).items()
    }
    return changed(batch, **taken)


def keep(batch: Batch, order: Tensor, count: int | Tensor) -> Batch:
    """The first points of each cloud in (B, N) int64 order: a count for all, or (B, 1) counts."""
    # One count is the new N; beyond the old one, points are repeated in turn. With a count for each
    # cloud, N stays, and the kept points are repeated in turn.
    total = order.shape[1]
    if isinstance(count, int):
        return take(batch, order[:, torch.arange(count, device=order.device) % total])
    return take(batch, order.gather(1, torch.arange(total, device=order.device) % count))


def labels_of(batch: Batch, width: int) -> dict[str, Tensor]:
    """The categories and shares of a batch, (B, width) each; what is not mixed is itself alone."""
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
