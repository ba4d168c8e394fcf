"""What a model makes of one shape, worked out once and kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pcea.explanation import Explanation, explain, importance
from pcea.formats import Cloud, Mesh, ShapeLike, as_shape
from pcea.geometry import SurfaceCarrier, upright
from pcea.models import Classifier, PointModel
from pcea.pictures.palette import part_colors
from pcea.pictures.refine import refine
from pcea.viewer.kept import Kept

# Fewer triangles than this are cut finer: colours stand at their corners.
ENOUGH_FACES = 5_000
# So many values are carried over the surface at once: most often all slots of a layer, so that
# only the first has to be waited for.
AT_ONCE = 1_000_000
# Bytes: of what was carried, a few dozen layers of 64 slots stay, and of importance all that a page
# offers.
MOST_CARRIED = 128 << 20
MOST_IMPORTANCE = 16 << 20
TOP = 5


@dataclass(frozen=True, eq=False)
class Stack:
    """Values at the seen points of a shape, many columns of them.

    Args:
        title: what they are: ``layer 0``, ``importance``.
        values: (H, P, K) with H heads, P seen points and K columns.
        columns: what each column is.
        query: (Q, 3) where the last Q columns were asked from; default: they were not.
    """

    title: str
    values: Tensor
    columns: tuple[str, ...]
    query: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Parts:
    """A shape split into parts.

    Args:
        category: the category whose parts competed.
        ids: (V,) the part of each place that is drawn, counted within the category.
        seen: (P,) the same of each seen point.
        names: the category's parts.
        shares: how much of the seen points each part has.
        colors: (parts, 3) uint8, those of `pcea segment`.
    """

    category: str
    ids: Tensor
    seen: Tensor
    names: tuple[str, ...]
    shares: tuple[float, ...]
    colors: Tensor


class Study:
    """A shape as one model sees it. What is asked for is computed at the first asking, and kept.

    What a page asks for again and again, columns that were carried to the whole shape and the
    importance for a target, is kept within bounds: where it grows too much, what was asked for
    longest ago is forgotten, and computed again when it is next asked for.

    Args:
        model: a classifier or a part segmenter.
        shape: a mesh or cloud in any unit, or what else :func:`pcea.as_shape` takes.
        up: its up axis, or ``auto`` to have it guessed. Default ``y``.
        votes: how many samplings of the shape the model looks at. Default 1.
    """

    def __init__(self, model: PointModel, shape: ShapeLike, up: str = "y", votes: int = 1) -> None:
        self.model = model
        self.shape = as_shape(shape)
        self.votes = votes
        self._up = up
        self._carried = Kept[tuple[str, int, int], Tensor](MOST_CARRIED)
        self._importance = Kept[str | None, Stack](MOST_IMPORTANCE)

    @property
    def title(self) -> str:
        """The model's name and its attention."""
        return title_of(self.model)

    @cached_property
    def up(self) -> str:
        """The shape's up axis."""
        return self.explanation.up

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how the file was read, and of what the model saw."""
        return self.explanation.notes

    @cached_property
    def explanation(self) -> Explanation:
        """What the model answers, and its attention."""
        return explain(
            *(self.model, self.shape), up=self._up, votes=self.votes, importance=False, slots=9
        )

    @cached_property
    def _fine(self) -> tuple[Mesh | Cloud, Cloud]:
        if isinstance(self.shape, Mesh):
            return refine(self.shape, self.explanation.sample, ENOUGH_FACES)
        return self.shape, self.explanation.sample

    @property
    def drawn(self) -> Mesh | Cloud:
        """The shape as it is drawn: a mesh of few triangles is cut finer."""
        return self._fine[0]

    @property
    def sample(self) -> Cloud:
        """The seen points, with the faces of what is drawn."""
        return self._fine[1]

    @cached_property
    def _carrier(self) -> SurfaceCarrier | None:
        drawn, sample = self._fine
        if isinstance(drawn, Cloud):
            return None
        assert sample.face is not None
        return SurfaceCarrier(drawn.vertices, drawn.faces, sample.pos, sample.face)

    def carry(self, values: Tensor) -> Tensor:
        """Bring values at the seen points (P, C) to the whole shape, (V, C)."""
        if self._carrier is None:
            return self.drawn.carry_back(self.sample, values)
        return self._carrier.carry(values)

    @cached_property
    def layers(self) -> tuple[Stack, ...]:
        """The attention maps, a stack a layer."""
        return tuple(
            Stack(f"layer {each.layer}", each.values.cpu(), each.columns, each.query)
            for each in self.explanation.maps
        )

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """What importance can be asked for: likely categories, or the parts that are there."""
        if self.parts is None:
            return tuple(name for name, _ in self.prediction)
        taxonomy, shares = self.model.info.taxonomy, self.parts.shares
        own = taxonomy.parts_of[taxonomy.category_id(self.parts.category)]
        order = sorted(range(len(own)), key=lambda i: -shares[i])
        return tuple(taxonomy.parts[own[i]] for i in order if shares[i] > 0)

    def importance(self, target: str | None = None) -> Stack:
        """Say which points decide.

        Args:
            target: a category, or a part as ``Category/part``. Default: the model's first choice.

        Returns:
            The columns ``critical``, ``nearby`` and ``saliency``, as far as the model has them.
        """
        return self._importance.get(target, lambda: self._find_importance(target))

    def _find_importance(self, target: str | None) -> Stack:
        found = importance(self.model, self.shape, target, votes=self.votes, up=self.up)
        named = {
            "critical": found.critical,
            "nearby": found.nearby,
            "saliency": found.saliency,
        }
        # A model that pools no maximum has no critical points.
        known = {name: value for name, value in named.items() if not value.isnan().any()}
        values = torch.stack(list(known.values()), dim=-1)[None]  # (1, P, K)
        stack = Stack(f"importance for {found.target}", values, tuple(known))
        # Who asked for the model's first choice may ask for it by its name next.
        return self._importance.get(found.target, lambda: stack)

    @cached_property
    def prediction(self) -> tuple[tuple[str, float], ...]:
        """The likeliest categories, each with its probability or its parts' share of it."""
        return tuple(self.explanation.best(TOP))

    @cached_property
    def parts(self) -> Parts | None:
        """The parts of the likeliest category; None where the model is no segmenter."""
        if isinstance(self.model, Classifier):
            return None
        taxonomy, category = self.model.info.taxonomy, self.prediction[0][0]
        own = list(taxonomy.parts_of[taxonomy.category_id(category)])
        probability = self.explanation.probability.float().cpu()[:, own]  # (P, parts)
        # Only the parts of one category compete, as in `pcea segment`.
        probability = probability / probability.sum(-1, keepdim=True).clamp(min=1e-12)
        seen = probability.argmax(-1)
        shares = seen.bincount(minlength=len(own)) / len(seen)
        names = tuple(taxonomy.parts[i].rpartition("/")[2] for i in own)
        ids = self.carry(probability).argmax(-1)
        colors = part_colors(len(taxonomy.parts), taxonomy.parts_of)[own]
        return Parts(category, ids, seen, names, tuple(shares.tolist()), colors)

    def carried(self, stack: Stack, head: int | None, column: int) -> Tensor:
        """Bring one column to the whole shape.

        Args:
            stack: one of this study's.
            head: which head; None: the mean of all.
            column: which column.

        Returns:
            (V,) values at the vertices or points of what is drawn.
        """
        values = stack.values.mean(0) if head is None else stack.values[head]  # (P, K)
        width = max(1, AT_ONCE // len(places(self.drawn)))
        start = column - column % width
        key = (stack.title, -1 if head is None else head, start)
        carried = self._carried.get(key, lambda: self.carry(values[:, start : start + width]))
        return carried[:, column - start]


def places(shape: Mesh | Cloud) -> Tensor:
    """Where a shape has a colour: the vertices of a mesh (V, 3), the points of a cloud (N, 3)."""
    return shape.vertices if isinstance(shape, Mesh) else shape.pos


def title_of(model: PointModel) -> str:
    """Name a model and its attention in words: ``eat-tiny, external attention``."""
    name = type(model.encoder.layers[0].attention).__name__
    return f"{model.info.name}, {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name).lower()}"


def stand(shape: Mesh | Cloud, pos: Tensor, up: str) -> Tensor:
    """Place points of a shape for a page: y up, the shape's bounding box in the middle, size 2.

    Args:
        shape: what decides where the middle is.
        pos: (N, 3) the points, in the shape's own unit and axes.
        up: the shape's up axis.

    Returns:
        (N, 3) float32.
    """
    all_places = places(shape)
    if isinstance(shape, Mesh) and len(shape.faces):
        all_places = all_places[shape.faces.unique()]  # a stray vertex must not move the camera
    low, high = all_places.min(0).values, all_places.max(0).values
    size = (high - low).norm().clamp(min=1e-30)
    return upright((pos - (low + high) / 2) * (2 / size), up).float()
