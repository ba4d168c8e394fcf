"""One shape as one model takes it: worked out once, and kept."""

import re
from functools import cached_property

from pcea.defaults import VIEW_VOTES
from pcea.errors import checked
from pcea.explanation import explain
from pcea.formats import Cloud, Mesh, ShapeLike, as_shape
from pcea.models import PointModel
from pcea.pictures.refine import Refined
from pcea.viewer.panels import PANELS, Columns, Panel, Parts

# Fewer triangles than this are cut finer: colors stand at their corners.
ENOUGH_FACES = 5_000
# Categories of the prediction.
TOP = 5


class Study:
    """A shape as one model takes it, and what the panels make of that, each computed once.

    Args:
        model: a classifier or a part segmenter.
        shape: a mesh or cloud in any unit, or what else :func:`pcea.as_shape` takes.
        up: its up axis, or ``auto`` to have it guessed.
        votes: how many samplings of the shape are averaged.
    """

    @checked(votes=1)
    def __init__(
        self, model: PointModel, shape: ShapeLike, up: str = "y", votes: int = VIEW_VOTES
    ) -> None:
        self.model = model
        self.shape = as_shape(shape)
        self.votes = votes
        self.title = title_of(model)
        self.explanation = explain(model, self.shape, up=up, votes=votes, importance=False, slots=9)
        """What the model answers, and its attention."""
        self.up = self.explanation.up
        self.notes = self.explanation.notes
        """What a person should know of how the file was read, and of what was done to it."""
        self.prediction = tuple(self.explanation.best(TOP))
        """The likeliest categories, each with its probability or its parts' share of it."""
        refined = Refined(self.explanation, ENOUGH_FACES)
        self.drawn: Mesh | Cloud = refined.shape
        """The shape as it is drawn: a mesh of few triangles is cut finer."""
        self.sample: Cloud = refined.sample
        """The sampled points, with the faces of what is drawn."""
        self.carry = refined.carry
        """Brings values at the sampled points (P, C) to the whole shape, (V, C)."""
        self._values: dict[tuple[str, int], Columns | Parts] = {}

    def __repr__(self) -> str:
        return f"Study({self.shape.name or 'a shape'} by {self.title})"

    @cached_property
    def panels(self) -> dict[str, tuple[Panel, tuple[str, ...]]]:
        """The panels that there is something for, each with its choices, in the page's order."""
        ranked = sorted(PANELS.entries().items(), key=lambda each: each[1].rank)
        made = {name: panel() for name, panel in ranked}
        found = {name: (panel, panel.choices(self)) for name, panel in made.items()}
        return {name: each for name, each in found.items() if each[1]}

    def values(self, panel: str, choice: int = 0) -> Columns | Parts:
        """Give the values of a choice of one of :attr:`panels`."""
        if (panel, choice) not in self._values:
            self._values[panel, choice] = self.panels[panel][0].values(self, choice)
        return self._values[panel, choice]


def title_of(model: PointModel) -> str:
    """Name a model and its attention in words: ``eat-tiny, external attention``."""
    if not model.encoder.layers:
        return f"{model.info.name}, no attention"
    name = type(model.encoder.layers[0].attention).__name__
    return f"{model.info.name}, {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name).lower()}"
