"""Guess which axis of a shape points up, from how confident models are with each axis up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

from pcea.datasets.dataset import Task
from pcea.formats import ShapeLike, as_shape
from pcea.geometry import UP_AXES, upright
from pcea.models.base import PointModel, evaluating
from pcea.models.weights import list_pretrained, load_model, ships

VOTES = 2
# What is assumed before a shape is seen: in most files y is up, in many z, and seldom another axis.
PRIOR = {"y": 0.5, "z": 0.2}
# How much the confidence of a model says: its weight is raised to this power. Both were chosen by
# scripts/measure_orientation.py.
SHARPNESS = 4
# A guess of a lower probability is not settled: the answers with all axes up are combined.
SETTLED = 0.95


@dataclass(frozen=True)
class UpGuess:
    """A guess of the up axis.

    Args:
        by_axis: the probability that each of :data:`pcea.geometry.UP_AXES` is up; they sum to 1.
        categories: (6, categories) what the model that predicts says with each axis up; None if it
            was not asked.
    """

    by_axis: tuple[float, ...]
    categories: Tensor | None = field(default=None, compare=False, repr=False)

    @property
    def up(self) -> str:
        """The likeliest axis, one of :data:`pcea.geometry.UP_AXES`."""
        return UP_AXES[self.by_axis.index(max(self.by_axis))]

    @property
    def confidence(self) -> float:
        """The probability of that axis, 0 to 1."""
        return max(self.by_axis)

    @property
    def settled(self) -> bool:
        """Whether the guess is so sure that other axes need not be considered."""
        return self.confidence >= SETTLED


def find_up(model: PointModel, shape: ShapeLike) -> UpGuess:
    """Guess the up axis of a shape.

    The models that ship were trained on shapes with y up, each on other shapes. The default ones
    guess together, one of each task, whichever model predicts, so that all commands use the same
    axis for a file. A model with other weights guesses alone, because only it knows what was up in
    its training data.
    """
    shape = as_shape(shape)
    guides = _guides(str(model.device)) if ships(model) else (model,)
    told = [categories_by_up(each, shape) for each in guides]
    weight = weigh_axes([each.amax(-1) for each in told])
    pairs = zip(guides, told, strict=True)
    own = next((found for guide, found in pairs if guide.info == model.info), None)
    return UpGuess(tuple(weight.tolist()), own)


@cache
def _guides(device: str) -> tuple[PointModel, ...]:
    return tuple(load_model(name, device) for name in guide_names())


def guide_names() -> list[str]:
    """Name the models that guess the up axis together: the default of each task."""
    tasks: tuple[Task, ...] = "classification", "segmentation"
    return [list_pretrained(task)[0] for task in tasks]


def weigh_axes(
    confidences: Sequence[Tensor],
    prior: Mapping[str, float] = PRIOR,
    sharpness: float = SHARPNESS,
) -> Tensor:
    """Compute the probability that each axis is up, (…, 6), ordered as UP_AXES.

    A model is more confident if a shape stands as those that it was trained on. The probability of
    an axis is in proportion to its prior times the sum, over the models, of the confidence with
    this axis up to the power of the sharpness. So the most confident model has the most to say, and
    one that does not know the shape little.

    Args:
        confidences: of each model, the probability of the likeliest category with each axis up,
            (…, 6).
        prior: the probability of some axes before a shape is seen; others share what is left.
        sharpness: 0 or more.
    """
    others = (1 - sum(prior.values())) / max(1, len(UP_AXES) - len(prior))
    before = torch.tensor([prior.get(axis, others) for axis in UP_AXES])
    weight = before * torch.stack(list(confidences)).pow(sharpness).sum(0)
    return weight / weight.sum(-1, keepdim=True)


def combined_categories(model: PointModel, shape: ShapeLike, guess: UpGuess) -> Tensor:
    """Compute the probability of each category, (categories,), whichever axis is up.

    It is the mean of the answers with each axis up, weighted by the probability of the axis.
    """
    found = categories_by_up(model, shape) if guess.categories is None else guess.categories
    return torch.tensor(guess.by_axis) @ found


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
