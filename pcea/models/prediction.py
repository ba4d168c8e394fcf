"""What a model answers for one shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pcea.formats import Cloud, Mesh
from pcea.models.encoding import EncodedSample, notes_of

if TYPE_CHECKING:
    from pcea.models.base import PointModel


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What a model answers for one shape: the mean over votes, each one forward pass.

    Args:
        model: the model.
        shape: the shape.
        up: the axis that was taken for up.
        up_confidence: how sure the guess of it is, 0 to 1; None where the axis was given.
        given: the id of the category that a segmenter was given; None: it decides.
        encoded: the votes.
    """

    model: PointModel
    shape: Mesh | Cloud
    up: str
    up_confidence: float | None
    given: int | None
    encoded: tuple[EncodedSample, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary})"

    @property
    def summary(self) -> str:
        """One line: the shape, the model, and its answer."""
        sure = "given" if self.given is not None else f"{100 * self.best()[0][1]:.1f} %"
        return (
            f"{self.shape.name or 'a shape'} by {self.model.info.name}: {self.category} ({sure}), "
            f"{self.up} up, {len(self.encoded)} votes"
        )

    @cached_property
    def sample(self) -> Cloud:
        """The P = votes · ``num_points`` points that the model took, one vote after the other.

        They are in the shape's own unit and axes; those of a mesh know their faces.
        """
        return Cloud.join([each.input.cloud for each in self.encoded])

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how the shape was read and what was done to its points.

        Each is one sentence.
        """
        done = notes_of([each.input for each in self.encoded])
        return tuple(dict.fromkeys((*self.shape.notes, *done)))

    @cached_property
    def probability(self) -> Tensor:
        """The answer: (categories,), the mean of the votes; of a segmenter (P, parts).

        All parts compete, whatever the category.
        """
        votes = [each.logits.detach().float().softmax(-1).cpu() for each in self.encoded]
        if self.model.task == "classification":
            return torch.stack(votes).mean(0)
        return torch.cat(votes)

    @cached_property
    def category_probability(self) -> Tensor:
        """(categories,) the probability of each category; of a segmenter what its parts get."""
        return self.model.category_probability(self.probability)

    @property
    def category_id(self) -> int:
        """The id of the category: the one that was given, or the likeliest."""
        return int(self.category_probability.argmax()) if self.given is None else self.given

    @property
    def category(self) -> str:
        """The category: the one that was given, or the likeliest."""
        return self.model.info.taxonomy.categories[self.category_id]

    def best(self, top: int = 1) -> list[tuple[str, float]]:
        """Name the likeliest categories with their probabilities, the likeliest first."""
        names = self.model.info.taxonomy.categories
        best = self.category_probability.topk(min(top, len(names)))
        found = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        return [(names[i], probability) for probability, i in found]
