"""What one model predicts of one shape: computed once, and kept."""

import re
from functools import cached_property

from pcea.defaults import VIEW_VOTES
from pcea.errors import checked
from pcea.explanation import explain
from pcea.formats import Cloud, Mesh, ShapeLike, as_shape
from pcea.models import PointModel
from pcea.models.prediction import UpGuess
from pcea.pictures.refine import Refined
from pcea.viewer.panels import PANELS, Columns, Panel, Parts

# Meshes with fewer triangles are subdivided, because colors stand at the corners of triangles.
ENOUGH_FACES = 5_000
# The number of categories in the prediction.
TOP = 5


class Study:
    """What a model predicts of a shape, and the values of the panels, each computed once.

    Args:
        model: a classifier or a part segmenter.
        shape: a mesh or cloud in any unit, or anything that :func:`pcea.as_shape` takes.
        up: its up axis, or ``auto`` to guess it.
        votes: how many samplings of the shape are averaged.
        guess: a guess of the up axis that was made before, which ``auto`` takes.
        drawn_up: the axis that is up on the page. Default: the one that is used.
    """

    @checked(votes=1)
    def __init__(
        self,
        model: PointModel,
        shape: ShapeLike,
        up: str = "y",
        votes: int = VIEW_VOTES,
        guess: UpGuess | None = None,
        drawn_up: str | None = None,
    ) -> None:
        self.model = model
        self.shape = as_shape(shape)
        self.votes = votes
        self.title = title_of(model)
        self.explanation = explain(
            model, self.shape, up=up, votes=votes, importance=False, slots=9, guess=guess
        )
        """The prediction of the model, and its attention."""
        self.up = drawn_up or self.explanation.up
        """The axis that is up on the page."""
        self.notes = self.explanation.notes
        """Notes on how the file was read, and on how the shape was prepared."""
        self.prediction = tuple(self.explanation.best(TOP))
        """The likeliest categories, each with its probability."""
        refined = Refined(self.explanation, ENOUGH_FACES)
        self.drawn: Mesh | Cloud = refined.shape
        """The shape as it is drawn: a mesh of few triangles is subdivided."""
        self.sample: Cloud = refined.sample
        """The sampled points, with the faces of the drawn mesh on which they lie."""
        self.carry = refined.carry
        """Interpolates values at the sampled points (P, C) to the whole shape, (V, C)."""
        self._values: dict[tuple[str, int], Columns | Parts] = {}

    def __repr__(self) -> str:
        return f"Study({self.shape.name or 'a shape'} by {self.title})"

    @cached_property
    def panels(self) -> dict[str, tuple[Panel, tuple[str, ...]]]:
        """The panels that have values here, each with its choices, in the order of the page."""
        ranked = sorted(PANELS.entries().items(), key=lambda each: each[1].rank)
        made = {name: panel() for name, panel in ranked}
        found = {name: (panel, panel.choices(self)) for name, panel in made.items()}
        return {name: each for name, each in found.items() if each[1]}

    def values(self, panel: str, choice: int = 0) -> Columns | Parts:
        """Return the values of a choice of one of :attr:`panels`."""
        if (panel, choice) not in self._values:
            self._values[panel, choice] = self.panels[panel][0].values(self, choice)
        return self._values[panel, choice]


def title_of(model: PointModel) -> str:
    """Name a model by its recipe, and its attention: ``parts-eat-tiny, external attention``."""
    own = model.info.training.get("recipe") or model.info.name
    if not model.encoder.layers:
        return f"{own}, no attention"
    name = type(model.encoder.layers[0].attention).__name__
    return f"{own}, {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name).lower()}"
