"""Guess which axis of a shape points up, from how confident a model is with each axis up."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from pcea.datasets.dataset import Task
from pcea.formats import ShapeLike, as_shape
from pcea.geometry import UP_AXES, upright
from pcea.models.base import PointModel, evaluating
from pcea.models.weights import list_pretrained, load_model, ships

VOTES = 2
# Another axis must beat the confidence of y by the margin, and reach the least confidence of its
# task: a shape that fits no category resembles one of them a little when it lies. Classifiers are
# less confident because of label smoothing. Both were chosen by scripts/measure_orientation.py.
MARGIN = 0.2
LEAST = {"classification": 0.75, "segmentation": 0.85}
_Y = UP_AXES.index("y")


@dataclass(frozen=True)
class UpGuess:
    """A model's guess of the up axis.

    Args:
        up: the guess, one of :data:`pcea.geometry.UP_AXES`.
        by_axis: the probability of the likeliest category with each of these axes up.
    """

    up: str
    by_axis: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """The confidence with the guessed axis up, 0 to 1."""
        return self.by_axis[UP_AXES.index(self.up)]

    @property
    def y_confidence(self) -> float:
        """The confidence with y up, 0 to 1."""
        return self.by_axis[_Y]


def find_up(model: PointModel, shape: ShapeLike) -> UpGuess:
    """Guess the up axis of a shape.

    The models that ship were trained on shapes with y up, each on other shapes. The default ones
    guess, one of each task, whichever model predicts, and :func:`agree` chooses, so that all
    commands use the same axis for a file. A model with other weights guesses alone, because only it
    knows what was up in its training data.
    """
    shape = as_shape(shape)
    guides = _guides(str(model.device)) if ships(model) else (model,)
    return agree([(guess_up(each, shape), LEAST[each.task]) for each in guides])


@cache
def _guides(device: str) -> tuple[PointModel, ...]:
    return tuple(load_model(name, device) for name in guide_names())


def guide_names() -> list[str]:
    """Name the models that guess the up axis together: the default of each task."""
    tasks: tuple[Task, ...] = "classification", "segmentation"
    return [list_pretrained(task)[0] for task in tasks]


def agree(guesses: Sequence[tuple[UpGuess, float]]) -> UpGuess:
    """Choose among the guesses of several models, each with the least confidence of its task.

    The choice is y if a model guesses y with at least its least confidence. Else it is the axis
    whose confidence exceeds the least one by most, if the confidences of all models added up also
    put it ahead of y by more than :data:`MARGIN`. Else it is y.
    """

    def weight(each: tuple[UpGuess, float]) -> tuple[int, float]:
        guess, least = each
        over = guess.confidence - least
        return 1 if guess.up != "y" else 2 if over >= 0 else 0, over

    best = max(guesses, key=weight)[0]
    only = [guess for guess, _ in guesses]
    ahead = sum(each.by_axis[UP_AXES.index(best.up)] - each.y_confidence for each in only)
    if best.up == "y" or ahead > MARGIN:
        return best
    return UpGuess("y", max(only, key=lambda each: each.y_confidence).by_axis)


def guess_up(model: PointModel, shape: ShapeLike) -> UpGuess:
    """Guess the up axis of a shape with one model: the axis with the highest confidence, or y.

    A model is more confident if a shape stands as those that it was trained on. "Up" is therefore
    what was up in its training data.
    """
    confidence = categories_by_up(model, shape).amax(-1)  # (6,)
    up = int(choose_up(confidence, MARGIN, LEAST[model.task]))
    return UpGuess(UP_AXES[up], tuple(confidence.tolist()))


def choose_up(confidence: Tensor, margin: float, least: float) -> Tensor:
    """Choose the axis of the highest confidence, or y: (…, 6), ordered as UP_AXES, to indices (…).

    Another axis must beat the confidence of y by more than ``margin``, and be at least ``least``.
    """
    best = confidence.max(-1)
    clear = (best.values - confidence[..., _Y] > margin) & (best.values >= least)
    return torch.where(clear, best.indices, _Y)


@torch.no_grad()
def categories_by_up(model: PointModel, shape: ShapeLike, votes: int = VOTES) -> Tensor:
    """Predict the probability of each category with each axis up: (6, categories)."""
    shape, found = as_shape(shape), []

    def turned(vectors: Tensor | None) -> Tensor | None:
        return None if vectors is None else torch.cat([upright(vectors, up) for up in UP_AXES])

    with evaluating(model):
        for seed in range(votes):
            taken = model.sample(shape, seed)
            found.append(model(turned(taken.pos), turned(taken.normal)).float().softmax(-1).cpu())
    return model.category_probability(torch.stack(found).mean(0))
