"""Guessing which axis of a shape points up, from how sure a model is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from pcea.formats import ShapeLike, as_shape
from pcea.geometry import UP_AXES, upright
from pcea.models.base import PointModel
from pcea.models.mode import evaluating
from pcea.models.pretrained import list_pretrained
from pcea.models.weights import load_model, ships

VOTES = 2
# By how much another axis must beat y, and how sure of it a model must be at least: a shape that
# fits no category resembles one of them a little when it lies. Label smoothing keeps classifiers
# from being surer. Chosen by scripts/measure_orientation.py, see docs/models.md.
MARGIN = 0.2
SUREST = {"classification": 0.75, "segmentation": 0.85}
_Y = UP_AXES.index("y")


@dataclass(frozen=True)
class UpGuess:
    """Which axis points up, as a model has it.

    Args:
        up: the guess, one of :data:`pcea.geometry.UP_AXES`.
        sure: how sure the model is of its answer with each of these axes up, 0 to 1.
    """

    up: str
    sure: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """How sure the model is of its answer with the guessed axis up."""
        return self.sure[UP_AXES.index(self.up)]

    @property
    def of_y(self) -> float:
        """How sure it is of its answer with y up."""
        return self.sure[_Y]


def find_up(model: PointModel, shape: ShapeLike) -> UpGuess:
    """Guess the up axis of a shape, the same for every command and every model that ships.

    Models that ship were trained on shapes that stand with y up. All of them guess, whichever is
    to answer, so that no two commands take one file to stand two ways, and as each knows shapes
    that were not in the other's training; :func:`agree` chooses. A model of other weights guesses
    alone, as only it knows what was up in its training.
    """
    shape = as_shape(shape)
    if not ships(model):
        return guess_up(model, shape)
    guides = _guides(str(model.device))
    return agree([(guess_up(each, shape), SUREST[each.task]) for each in guides])


def agree(guesses: Sequence[tuple[UpGuess, float]]) -> UpGuess:
    """Choose among the guesses of models, each with how sure it must be of another axis than y.

    The choice is y where a model is as sure of it as it must be of another axis. Else it is the
    other axis of which a model is surest, over what it must be, if that axis beats y by
    :data:`MARGIN` in the sum over all models too. Else it is y.
    """
    best = max(guesses, key=lambda each: _weight(*each))[0]
    axis = UP_AXES.index(best.up)
    ahead = sum(guess.sure[axis] - guess.of_y for guess, _ in guesses)
    if best.up == "y" or ahead > MARGIN:
        return best
    return UpGuess("y", max((guess for guess, _ in guesses), key=lambda each: each.of_y).sure)


def _weight(guess: UpGuess, least: float) -> tuple[int, float]:
    sure = guess.confidence - least
    if guess.up == "y":
        return (2 if sure >= 0 else 0), sure
    return 1, sure


@cache
def _guides(device: str) -> tuple[PointModel, ...]:
    return tuple(load_model(name, device) for name in list_pretrained())


def guess_up(
    model: PointModel, shape: ShapeLike, margin: float = MARGIN, least: float | None = None
) -> UpGuess:
    """Guess the up axis of a shape: the one with which the model is surest of its answer.

    A model is taught shapes that stand one way, and is surer of a shape that stands so. "Up" is
    therefore what was up in its training data. The guess is y unless another axis beats it by
    ``margin``, and the model is at least as sure of that axis as ``least`` says, by default what
    :data:`SUREST` has for its task.
    """
    sure = categories_by_up(model, shape).amax(-1)  # (6,)
    up = int(choose_up(sure, margin, SUREST[model.task] if least is None else least))
    return UpGuess(UP_AXES[up], tuple(sure.tolist()))


def choose_up(sure: Tensor, margin: float, least: float) -> Tensor:
    """Choose the axis of which a model is surest, or y: (…, 6), in the order of UP_AXES, to (…).

    Another axis must beat y by ``margin``, and the model be at least ``least`` sure of it.
    """
    best = sure.max(-1)
    clear = (best.values - sure[..., _Y] > margin) & (best.values >= least)
    return torch.where(clear, best.indices, _Y)


@torch.no_grad()
def categories_by_up(model: PointModel, shape: ShapeLike, votes: int = VOTES) -> Tensor:
    """Predict each category's probability with each axis up: (6, categories), ordered as UP_AXES.

    Of a segmenter it is what the parts of the category get.
    """
    shape, found = as_shape(shape), []
    with evaluating(model):
        for seed in range(votes):
            taken = model.sample(shape, seed)
            pos = torch.cat([upright(taken.pos, up) for up in UP_AXES])  # (6, P, 3)
            normal = taken.normal
            if normal is not None:
                normal = torch.cat([upright(normal, up) for up in UP_AXES])
            found.append(model(pos, normal).float().softmax(-1).cpu())
    probability = torch.stack(found).mean(0)  # (6, categories) or (6, P, parts)
    return model.category_probability(probability)
