"""One shape as one model takes it: worked out once, and kept."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Any

import trimesh
from numpy.typing import NDArray
from torch import Tensor

from pcea.defaults import VIEW_VOTES
from pcea.explanation import Explanation, Importance, explain, importance
from pcea.formats import Cloud, Mesh, ShapeLike, as_shape
from pcea.geometry import upright
from pcea.models import PointModel
from pcea.pictures.refine import Refined
from pcea.viewer.panels import PANELS, Columns, Panel, Parts

# Fewer triangles than this are cut finer: colors stand at their corners.
ENOUGH_FACES = 5_000
# So many values are carried over the surface at once: most often all slots of a layer, so that
# only the first has to be waited for.
AT_ONCE = 1_000_000
# Categories of the prediction.
TOP = 5


class Study:
    """A shape as one model takes it. Everything is computed when it is first wanted, and kept.

    Args:
        model: a classifier or a part segmenter.
        shape: a mesh or cloud in any unit, or what else :func:`pcea.as_shape` takes.
        up: its up axis, or ``auto`` to have it guessed.
        votes: how many samplings of the shape are averaged.
    """

    def __init__(
        self, model: PointModel, shape: ShapeLike, up: str = "y", votes: int = VIEW_VOTES
    ) -> None:
        self.model = model
        self.shape = as_shape(shape)
        self.votes = votes
        self._up = up

    def __repr__(self) -> str:
        return f"Study({self.shape.name or 'a shape'} by {self.title})"

    @property
    def title(self) -> str:
        """The model's name and its attention."""
        return title_of(self.model)

    @cached_property
    def explanation(self) -> Explanation:
        """What the model answers, and its attention."""
        return explain(
            *(self.model, self.shape), up=self._up, votes=self.votes, importance=False, slots=9
        )

    @property
    def up(self) -> str:
        """The shape's up axis."""
        return self.explanation.up

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how the file was read, and of what was done to it."""
        return self.explanation.notes

    @property
    def prediction(self) -> tuple[tuple[str, float], ...]:
        """The likeliest categories, each with its probability or its parts' share of it."""
        return tuple(self.explanation.best(TOP))

    def importance(self, target: str) -> Importance:
        """Find which points decide for a category, or for a part."""
        return importance(self.model, self.shape, target, votes=self.votes, up=self.up)

    @cached_property
    def _refined(self) -> Refined:
        return Refined(self.explanation, ENOUGH_FACES)

    @property
    def drawn(self) -> Mesh | Cloud:
        """The shape as it is drawn: a mesh of few triangles is cut finer."""
        return self._refined.shape

    @property
    def sample(self) -> Cloud:
        """The sampled points, with the faces of what is drawn."""
        return self._refined.sample

    def carry(self, values: Tensor) -> Tensor:
        """Bring values at the sampled points (P, C) to the whole shape, (V, C)."""
        return self._refined.carry(values)

    def column(self, values: Columns, head: int | None, column: int) -> Tensor:
        """Bring one column of a panel to the whole shape, (V,); ``head`` None: the mean of all."""
        width = max(1, AT_ONCE // len(places(self.drawn)))
        start = column - column % width
        return _carried(self, values, head, start, width)[:, column - start]

    @cached_property
    def panels(self) -> dict[str, tuple[Panel, tuple[str, ...]]]:
        """The panels that there is something for, each with its choices, in the page's order."""
        ranked = sorted(PANELS.entries().items(), key=lambda each: each[1].rank)
        found = {name: (panel, panel.choices(self)) for name, panel in ranked}
        return {name: each for name, each in found.items() if each[1]}

    def values(self, panel: str, choice: int = 0) -> Columns | Parts | None:
        """Give the values of a panel's choice, or of its last; None where there are none."""
        if panel not in self.panels:
            return None
        return _values(self, panel, max(0, min(choice, len(self.panels[panel][1]) - 1)))

    def part(self, parts: Parts) -> Tensor:
        """(V,) which of the parts each vertex or point of what is drawn belongs to."""
        return _carried(self, parts, None, 0, len(parts.names)).argmax(-1)


# What is kept of all studies together: what had to make room is computed again when wanted.
@lru_cache(16)
def _values(study: Study, panel: str, choice: int) -> Columns | Parts:
    return study.panels[panel][0].values(study, choice)


@lru_cache(32)
def _carried(
    study: Study, values: Columns | Parts, head: int | None, start: int, width: int
) -> Tensor:
    return study.carry(values.of_head(head)[:, start : start + width])


def forget_all() -> None:
    """Let go of what was kept of all studies."""
    _values.cache_clear()
    _carried.cache_clear()


def places(shape: Mesh | Cloud) -> Tensor:
    """Where a shape has a color: the vertices of a mesh (V, 3), the points of a cloud (N, 3)."""
    return shape.vertices if isinstance(shape, Mesh) else shape.pos


def vertex_normals(mesh: Mesh) -> NDArray[Any]:
    """(V, 3) the mean normal of the faces around each vertex; 0 where there are none."""
    faces = mesh.faces.numpy()
    return trimesh.Trimesh(mesh.vertices.numpy(), faces, process=False).vertex_normals


def title_of(model: PointModel) -> str:
    """Name a model and its attention in words: ``eat-tiny, external attention``."""
    name = type(model.encoder.layers[0].attention).__name__
    return f"{model.info.name}, {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name).lower()}"


def stand(shape: Mesh | Cloud, pos: Tensor, up: str) -> Tensor:
    """Turn points (N, 3) y up, with the shape's bounding box in the middle and of size 2."""
    all_places = places(shape)
    if isinstance(shape, Mesh) and len(shape.faces):
        all_places = all_places[shape.faces.unique()]  # a stray vertex must not move the camera
    low, high = all_places.min(0).values, all_places.max(0).values
    size = (high - low).norm().clamp(min=1e-30)
    return upright((pos - (low + high) / 2) * (2 / size), up).float()
