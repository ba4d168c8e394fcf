"""Guess which axis of a shape points up."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats import ShapeLike, as_shape
from pcea.geometry import UP_AXES, upright, upright_turns
from pcea.models.base import PointModel, at_temperature, evaluating
from pcea.models.prediction import UpGuess
from pcea.models.weights import GUIDE_FILE, load_model, ships

VOTES = 2
# What is assumed before a shape is seen: in most files y is up, in many z, and seldom another axis.
PRIOR = {"y": 0.5, "z": 0.2}
# How much the confidence of a model that guesses alone says: it is raised to this power.
SHARPNESS = 4


def find_up(model: PointModel, shape: ShapeLike) -> UpGuess:
    """Guess the up axis of a shape.

    For the models that ship, :data:`pcea.models.weights.GUIDE` guesses, whichever model predicts,
    so that all commands use the same axis for a file. A model with other weights guesses alone,
    because only it knows what was up in its training data: it is surer of a shape that stands as
    those did.
    """
    shape = as_shape(shape)
    if ships(model):
        said = axes_by_guide(_guide(str(model.device)), shape)
        return UpGuess(tuple(weigh_axes(said).tolist()))
    told = categories_by_up(model, shape)
    weight = weigh_axes(axes_by_confidence(model, told))
    return UpGuess(tuple(weight.tolist()), told)


def axes_by_confidence(model: PointModel, told: Tensor) -> Tensor:
    """How well a shape fits to each axis being up, (…, 6), by how sure a model is of a category.

    ``told`` are the (…, 6, categories) of :func:`categories_by_up`. The calibration of a
    segmenter's categories is undone, because ``SHARPNESS`` was chosen without it.
    """
    plain = at_temperature(told, 1 / model.info.category_temperature)
    return plain.amax(-1).pow(SHARPNESS)


@cache
def _guide(device: str) -> PointModel:
    return load_model(GUIDE_FILE, device)


def weigh_axes(likelihood: Tensor, prior: Mapping[str, float] = PRIOR) -> Tensor:
    """Compute the probability that each axis is up, (…, 6), ordered as UP_AXES.

    It is in proportion to the prior times the likelihood.

    Args:
        likelihood: how well the shape fits to each axis being up, (…, 6), 0 or more.
        prior: the probability of some axes before a shape is seen; others share what is left.
    """
    others = (1 - sum(prior.values())) / max(1, len(UP_AXES) - len(prior))
    before = torch.tensor([prior.get(axis, others) for axis in UP_AXES])
    weight = before * likelihood
    return weight / weight.sum(-1, keepdim=True)


@torch.no_grad()
def axes_by_guide(guide: PointModel, shape: ShapeLike, votes: int = VOTES) -> Tensor:
    """Ask a model of the data set ``upright`` how likely each axis is up: (6,), which sum to 1.

    It sees the shape with each axis turned up, and the mean of its answers is taken, so that the
    answer hardly depends on how the shape lies. It is an InputError if the model is another one.
    """
    if guide.info.taxonomy.categories != UP_AXES:
        raise InputError(f"{guide.info.name!r} does not tell which of {', '.join(UP_AXES)} is up")
    turns, axes = upright_turns(), _axis_vectors()
    # Where each axis of the shape is when another one is turned up: (6 turned up, 6).
    place = (axes @ turns @ axes.T).argmax(-1)
    each_vote = [_logits_by_up(guide, shape, seed).softmax(-1) for seed in range(votes)]
    return torch.stack(each_vote).mean(0).gather(1, place).mean(0)


def _axis_vectors() -> Tensor:
    """The unit vectors of UP_AXES, (6, 3): those that are turned to y."""
    return upright_turns()[..., 1]


def combined_categories(model: PointModel, shape: ShapeLike, guess: UpGuess) -> Tensor:
    """Compute the probability of each category, (categories,), whichever axis is up.

    It is the mean of the answers with each axis up, weighted by the probability of the axis.
    """
    found = categories_by_up(model, shape) if guess.categories is None else guess.categories
    return torch.tensor(guess.by_axis) @ found


def categories_by_up(model: PointModel, shape: ShapeLike, votes: int = VOTES) -> Tensor:
    """Predict the probability of each category with each axis up: (6, categories)."""
    found = [_logits_by_up(model, shape, seed).softmax(-1) for seed in range(votes)]
    return model.category_probability(torch.stack(found).mean(0))


@torch.no_grad()
def _logits_by_up(model: PointModel, shape: ShapeLike, seed: int) -> Tensor:
    """Run a model on one sampling of a shape with each axis up: (6, …) logits on the CPU."""

    def turned(vectors: Tensor | None) -> Tensor | None:
        return None if vectors is None else torch.cat([upright(vectors, up) for up in UP_AXES])

    with evaluating(model):
        taken = model.sample(shape, seed)
        logits: Tensor = model(turned(taken.pos), turned(taken.normal))
    return logits.float().cpu()
