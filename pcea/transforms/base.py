"""What a transform is: a registered class with values, applied to a batch or to one PyG item."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, TypeVar, overload

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch
from pcea.errors import InputError
from pcea.geometry import gather
from pcea.registry import Registry, write_call

if TYPE_CHECKING:
    from torch_geometric.data import Data

C = TypeVar("C", bound="type[Transform]")

TRANSFORMS: Registry[type[Transform]] = Registry("transform", "pcea.transforms")


def register_transform(name: str) -> Callable[[C], C]:
    """Make a transform known by a name, which recipes and the command line then take.

    Args:
        name: lower case, words joined by hyphens.
    """

    def add(transform: C) -> C:
        transform.name = name
        return TRANSFORMS.register(name)(transform)

    return add


def list_transforms() -> list[str]:
    """Name every transform, sorted."""
    return TRANSFORMS.names()


@dataclass(frozen=True)
class Transform(ABC):
    """A random change to each cloud of a batch; its values are the fields of a dataclass.

    Calling it with a batch gives a new batch on the same device; the given one stays as it is. All
    randomness comes from the generator, so that the same seed gives the same batch; numbers are
    drawn where the generator lives. Calling it with a ``torch_geometric.data.Data`` gives a
    ``Data``, whose further values of each point are carried along.

    A batch stays rectangular. Where every cloud gains or loses the same number of points, N
    changes; where the number is drawn for each cloud, N stays: added points take the places of
    others, and in place of those left out stand copies of kept ones, each once before any twice.

    Args:
        probability: of each cloud to be changed. Default 1.
    """

    name: ClassVar[str] = ""
    mixes: ClassVar[bool] = False
    """Whether it mixes clouds of a batch, and so cannot be applied to one alone."""

    probability: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, list):
                object.__setattr__(self, each.name, tuple(value))
        self.require("probability", 0, 1)
        self.check()

    def check(self) -> None:  # noqa: B027 - most values need no more than their type
        """Refuse values that make no sense, by :meth:`require`."""

    @abstractmethod
    def apply(self, batch: Batch, generator: Generator) -> Batch:
        """Change every cloud of a batch.

        Args:
            batch: without padding, on any device; it is not to be changed.
            generator: what to draw from.

        Returns:
            Another batch, made by :func:`changed`.
        """

    @overload
    def __call__(self, item: Batch, generator: Generator | None = None) -> Batch: ...

    @overload
    def __call__(self, item: Data, generator: Generator | None = None) -> Data: ...

    def __call__(self, item: Batch | Data, generator: Generator | None = None) -> Batch | Data:
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
        return self._choose(chosen, self.apply(item, generator), item)

    def _choose(self, chosen: Tensor, after: Batch, before: Batch) -> Batch:
        if after.pos.shape != before.pos.shape:
            raise InputError(f"{self}: it changes the number of points, for all clouds or for none")
        merged = {}
        if after.mixed_category is not None:
            before = changed(before, **labels_of(before, after.mixed_category.shape[1]))
        for key, new in vars(after).items():
            old = getattr(before, key)
            if new is not None and new is not old:
                old = torch.zeros_like(new) if old is None else old
                merged[key] = torch.where(chosen.view(-1, *[1] * (new.dim() - 1)), new, old)
        return changed(after, **merged)

    def _change_data(self, data: Data, generator: Generator) -> Data:
        if self.mixes:
            raise InputError(f"{self}: it mixes the clouds of a batch, and this is one cloud")
        if getattr(data, "pos", None) is None:
            raise InputError(f"{self}: cannot be applied to {data!r}, which has no pos")
        normal = data.get("normal")
        # Numbered points say where each one came from.
        number = torch.arange(len(data.pos), device=data.pos.device)
        one = Batch(
            data.pos.unsqueeze(0),
            number.new_zeros(1),
            None if normal is None else normal.unsqueeze(0),
            number.unsqueeze(0),
        )
        done = self(one, generator)
        assert done.part is not None
        source = done.part[0]
        if ("edge_index" in data or "face" in data) and not torch.equal(source, number):
            raise InputError(f"{self}: the points of {data!r} are joined, and not all of them stay")
        out = copy.copy(data)
        for key in data.keys():  # noqa: SIM118
            if key not in ("pos", "normal") and data.is_node_attr(key):
                out[key] = data[key][source]
        out.pos = done.pos[0].to(data.pos.dtype)
        if done.normal is not None:
            out.normal = done.normal[0].to(data.pos.dtype)
        return out

    def __str__(self) -> str:
        """What :func:`as_transforms` reads as the same transform."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        if values["probability"] == 1:
            del values["probability"]
        return write_call(self.name or type(self).__name__, values)

    def require(
        self,
        name: str,
        least: float = -math.inf,
        most: float = math.inf,
        *,
        pair: bool = False,
        whole: bool = False,
    ) -> None:
        """Refuse a value that is no number between two bounds.

        Args:
            name: which field.
            least: the lower bound, included.
            most: the upper bound, included.
            pair: whether two numbers in order are allowed, too.
            whole: whether the numbers must be whole.

        Raises:
            InputError: it is something else.
        """
        value = getattr(self, name)
        given = value if pair and isinstance(value, tuple) and len(value) == 2 else (value,)
        kind: type | tuple[type, ...] = int if whole else (int, float)
        numbers = all(isinstance(each, kind) and not isinstance(each, bool) for each in given)
        if numbers and least <= given[0] <= given[-1] <= most:
            return
        what = ("a whole number" if whole else "a number") + (" or two in order" if pair else "")
        bounds = f", at least {least:g}" if least > -math.inf else ""
        bounds += f", at most {most:g}" if most < math.inf else ""
        raise InputError(f"{self.name}: {name} is {value!r}; it must be {what}{bounds}")


def changed(batch: Batch, **tensors: Tensor | None) -> Batch:
    """The same batch with other tensors, which are not checked again."""
    other = copy.copy(batch)
    vars(other).update(tensors)
    return other


def take(batch: Batch, index: Tensor) -> Batch:
    """Some points of each cloud, with their normals and parts.

    Args:
        batch: the batch.
        index: (B, M) int64 which points.
    """
    return changed(
        batch,
        pos=gather(batch.pos, index),
        normal=None if batch.normal is None else gather(batch.normal, index),
        part=None if batch.part is None else batch.part.gather(1, index),
    )


def keep(batch: Batch, order: Tensor, count: int | Tensor) -> Batch:
    """The first points of each cloud in some order.

    Args:
        batch: the batch.
        order: (B, N) int64 the points, those to keep first.
        count: how many to keep: of every cloud the same, which is the new N, or (B, 1) int64, at
            least 1, where N stays and kept points are repeated in turn.
    """
    if isinstance(count, int):
        return take(batch, order[:, :count])
    turn = torch.arange(order.shape[1], device=order.device) % count
    return take(batch, order.gather(1, turn))


def uniform(
    shape: tuple[int, ...], low: float, high: float, like: Tensor, generator: Generator
) -> Tensor:
    """Draw real numbers in [low, high), of the type and on the device of ``like``."""
    drawn = torch.rand(shape, generator=generator, device=generator.device, dtype=like.dtype)
    return (low + (high - low) * drawn).to(like.device)


def normal_noise(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    """Draw standard normal numbers, of the type and on the device of ``like``."""
    drawn = torch.randn(shape, generator=generator, device=generator.device, dtype=like.dtype)
    return drawn.to(like.device)


def whole_numbers(
    shape: tuple[int, ...], low: int, high: int, like: Tensor, generator: Generator
) -> Tensor:
    """Draw int64 numbers in low … high, both included, on the device of ``like``."""
    drawn = torch.randint(low, high + 1, shape, generator=generator, device=generator.device)
    return drawn.to(like.device)


def transform_normals(normal: Tensor | None, matrix: Tensor) -> Tensor | None:
    """Turn normals as the surface turns whose points are multiplied by matrices on the right.

    Args:
        normal: (B, N, 3), or None.
        matrix: (B, 3, 3), or (B, N, 3, 3) of each point.

    Returns:
        (B, N, 3) of length 1, zero where they were; n times the cofactors of the matrix, which
        unlike its inverse always exist.
    """
    if normal is None:
        return None
    a, b, c = matrix.unbind(-2)
    cofactors = torch.stack(
        [torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], -2
    )
    if matrix.dim() == 3:
        cofactors = cofactors.unsqueeze(1)
    turned = (normal.unsqueeze(-2) @ cofactors).squeeze(-2)
    return torch.nn.functional.normalize(turned, dim=-1)


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
