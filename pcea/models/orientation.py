"""Guessing which axis of a shape points up, from how sure a model is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from pcea.formats import ShapeLike, as_shape
from pcea.geometry import UP_AXES, upright
from pcea.models.base import PointModel, evaluating
from pcea.models.weights import list_pretrained, load_model, ships

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
    guides = _guides(str(model.device)) if ships(model) else (model,)
    return agree([(guess_up(each, shape), SUREST[each.task]) for each in guides])


@cache
def _guides(device: str) -> tuple[PointModel, ...]:
    return tuple(load_model(name, device) for name in list_pretrained())


def agree(guesses: Sequence[tuple[UpGuess, float]]) -> UpGuess:
    """Choose among the guesses of models, each with how sure it must be of another axis than y.

    The choice is y where a model is as sure of it as it must be of another axis. Else it is the
    other axis of which a model is surest, over what it must be, if that axis beats y by
    :data:`MARGIN` in the sum over all models too. Else it is y.
    """

    def weight(each: tuple[UpGuess, float]) -> tuple[int, float]:
        guess, least = each
        over = guess.confidence - least
        return 1 if guess.up != "y" else 2 if over >= 0 else 0, over

    best = max(guesses, key=weight)[0]
    ahead = sum(guess.sure[UP_AXES.index(best.up)] - guess.of_y for guess, _ in guesses)
    if best.up == "y" or ahead > MARGIN:
        return best
    return UpGuess("y", max((guess for guess, _ in guesses), key=lambda each: each.of_y).sure)


def guess_up(
    model: PointModel, shape: ShapeLike, margin: float = MARGIN, least: float | None = None
) -> UpGuess:
    """Guess the up axis of a shape: the one with which the model is surest of its answer.

    A model is taught shapes that stand one way, and is surer of a shape that stands so. "Up" is
    therefore what was up in its training data. ``margin`` and ``least`` are those of
    :func:`choose_up`; ``least`` is by default what :data:`SUREST` has for the model's task.
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

    def turned(vectors: Tensor | None) -> Tensor | None:
        return None if vectors is None else torch.cat([upright(vectors, up) for up in UP_AXES])

    with evaluating(model):
        for seed in range(votes):
            taken = model.sample(shape, seed)
            found.append(model(turned(taken.pos), turned(taken.normal)).float().softmax(-1).cpu())
    return model.category_probability(torch.stack(found).mean(0))
