"""A model's prediction for one shape, with the input and output of each forward pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from pcea.attention import Attention
from pcea.formats import Cloud, Mesh
from pcea.geometry import UP_AXES
from pcea.models.embedding import Tokens
from pcea.models.familiarity import strangeness

if TYPE_CHECKING:
    from pcea.models.base import PointModel

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


@dataclass(frozen=True, eq=False, repr=False)
class ModelInput:
    """The points of a shape that a model takes in one vote.

    Args:
        cloud: ``num_points`` points in the shape's own unit and axes.
        pos: (1, num_points, 3) the same points, y up, in the unit sphere.
        normal: (1, num_points, 3), estimated where the model needs unknown ones.
        stand_in: (num_points,) which point replaces each one: for a stray its nearest kept point,
            else the point itself.
        why_estimated: why normals were estimated; None: they were not.
    """

    cloud: Cloud
    pos: Tensor
    normal: Tensor | None
    stand_in: Tensor
    why_estimated: str | None

    @property
    def strays(self) -> int:
        """How many points were left out."""
        return int((self.stand_in != torch.arange(len(self.stand_in))).sum())

    @property
    def places(self) -> Tensor:
        """(num_points, 3) the position taken for each point, in the shape's own unit and axes."""
        return self.cloud.pos[self.stand_in.to(self.cloud.pos.device)]


class LayerInput(NamedTuple):
    """The input of one attention layer in a forward pass."""

    attention: Attention
    x: Tensor  # (B, M, C)
    pos: Tensor  # (B, M, 3)
    mask: Tensor | None  # (B, M)

    def weights(self) -> Tensor:
        """The attention map, (B, H, M, S) or (B, H, M, M)."""
        return self.attention.attend(self.x, self.pos, self.mask)[1]


@dataclass
class Recording:
    """The tokens and the attention inputs of an encoder's last forward pass."""

    levels: list[Tokens] = field(default_factory=list)  # from all points to the fused tokens
    layers: list[LayerInput] = field(default_factory=list)

    def clouds(self, num: int) -> Iterator["Recording"]:
        """What went through of each of the ``num`` clouds of the batch, as a batch of one."""
        for i in range(num):

            def one(values: Tensor | None, i: int = i) -> Any:
                return None if values is None else values[i : i + 1]

            yield Recording(
                [Tokens(*map(one, level)) for level in self.levels],
                [LayerInput(each.attention, *map(one, each[1:])) for each in self.layers],
            )


@contextmanager
def recording(encoder: nn.Module) -> Iterator[Recording]:
    """Record an encoder's forward pass by hooks, which do not change its result.

    Compiled parts may not call the hooks, so that nothing is recorded of them.
    """
    found = Recording()

    def keep_input(attention: Attention, given: tuple[Tensor, Tensor, Tensor | None]) -> None:
        found.layers.append(LayerInput(attention, *given))

    def keep_levels(encoder: nn.Module, given: tuple[Any, ...], levels: list[Tokens]) -> None:
        found.levels = levels

    attentions = [module for module in encoder.modules() if isinstance(module, Attention)]
    hooks = [each.register_forward_pre_hook(keep_input) for each in attentions]
    hooks.append(encoder.register_forward_hook(keep_levels))
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


class EncodedSample(NamedTuple):
    """The input and the output of one forward pass, on one sampling of a shape."""

    input: ModelInput
    logits: Tensor  # (categories,) of a classifier, (num_points, parts) of a segmenter
    recorded: Recording
    distance: float | None  # from what the model was trained on; None: not known


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """A model's prediction for one shape: the mean over votes, each one forward pass.

    Args:
        model: the model.
        shape: the shape.
        up: the up axis that was used.
        guess: the guess of it; None if the axis was given.
        given: the id of the category that a segmenter was given; None: none was.
        encoded: the votes.
        over_axes: (categories,) the probability of each category, combined over all axes that may
            be up; None if the category or the axis was given, or the guess of the axis is settled.
    """

    model: "PointModel"
    shape: Mesh | Cloud
    up: str
    guess: UpGuess | None
    given: int | None
    encoded: tuple[EncodedSample, ...]
    over_axes: Tensor | None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary})"

    @property
    def summary(self) -> str:
        """One line: the shape, the model, and its answer."""
        return (
            f"{self.shape.name or 'a shape'} by {self.model.info.name}: {self.answer}, "
            f"{self.up} up, {len(self.encoded)} votes"
        )

    @property
    def answer(self) -> str:
        """The category and how sure it is: ``table (42.1 %, unsure)``, or ``table (given)``."""
        sure = "given" if self.given is not None else f"{100 * self.best()[0][1]:.1f} %"
        return f"{self.category} ({sure}{', unsure' if self.unsure else ''})"

    @property
    def up_confidence(self) -> float | None:
        """The probability of the guess of the up axis, 0 to 1; None if the axis was given."""
        return None if self.guess is None else self.guess.confidence

    @cached_property
    def sample(self) -> Cloud:
        """The P = votes · ``num_points`` points that the model took, one vote after the other.

        They are in the shape's own unit and axes; those of a mesh have the index of their face.
        """
        return Cloud.join([each.input.cloud for each in self.encoded])

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """How the shape was read and what was done to its points, one sentence each."""
        notes, strays = list(self.shape.notes), sum(each.input.strays for each in self.encoded)
        if strays:
            notes.append(
                f"{strays:,} of the {len(self.sample):,} sampled points lie apart from the shape "
                "and were left out"
            )
        reasons = [each.input.why_estimated for each in self.encoded if each.input.why_estimated]
        notes += [
            f"normals, which the model needs, were estimated: {reason}" for reason in reasons[:1]
        ]
        if self.guess is not None and not self.guess.settled:
            segments, combined = self.model.task == "segmentation", self.over_axes is not None
            parts = f"the parts are those with {self.up} up; " if segments else ""
            category = "the category is that of all six axes together; " if combined else ""
            notes.append(
                f"which way is up is not sure ({self.up}: {100 * self.guess.confidence:.0f} %): "
                f"{parts}{category}if you know the axis, give it"
            )
        notes += [f"the answer is unsure: {doubt}" for doubt in self.doubts]
        return tuple(notes)

    @cached_property
    def probability(self) -> Tensor:
        """(categories,) the mean of the votes; for a segmenter (P, parts), over all parts."""
        votes = [each.logits.detach().float().softmax(-1).cpu() for each in self.encoded]
        if self.model.task == "classification":
            return torch.stack(votes).mean(0)
        return torch.cat(votes)

    @cached_property
    def category_probability(self) -> Tensor:
        """(categories,) :attr:`over_axes`, else see :meth:`PointModel.category_probability`."""
        if self.over_axes is not None:
            return self.over_axes
        return self.model.category_probability(self.probability)

    @property
    def distance(self) -> float | None:
        """How unlike the training shapes it is, the mean of the votes; None: not known.

        See :class:`pcea.models.familiarity.Familiarity`: 1 is usual.
        """
        known = [each.distance for each in self.encoded if each.distance is not None]
        return sum(known) / len(known) if known else None

    @property
    def strangeness(self) -> float | None:
        """A score of how much the shape seems to be of an unknown kind; None: not known.

        See :func:`pcea.models.familiarity.strangeness`. It is that of the axis that was used, even
        where the probabilities of the categories are combined over all axes.
        """
        if self.distance is None:
            return None
        probability = self.model.category_probability(self.probability)
        return float(strangeness(torch.tensor(self.distance), probability))

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """What makes the answer unsure, one sentence each, by the limits of the model."""
        limits, found = self.model.info.limits, list[str]()
        least, most = limits.get("probability"), limits.get("strangeness")
        likeliest = float(self.category_probability.max())
        if least is not None and self.given is None and likeliest < least:
            found.append(
                f"the likeliest category has a probability of {100 * likeliest:.0f} %, "
                f"less than {100 * least:.0f} %"
            )
        strange = self.strangeness
        if most is not None and strange is not None and strange > most:
            found.append(
                f"it may be of a kind that the model was not trained on (strangeness "
                f"{strange:.2f}; 19 of 20 validation shapes have at most {most:.2f})"
            )
        return tuple(found)

    @property
    def unsure(self) -> bool | None:
        """Whether the answer is unsure; None if it was given, or the model has no such limits."""
        limits = self.model.info.limits
        known = "probability" in limits or ("strangeness" in limits and self.distance is not None)
        known = known and self.given is None
        return bool(self.doubts) if known else None

    @property
    def category_id(self) -> int:
        """The id of the category: the one that was given, or the likeliest."""
        return int(self.category_probability.argmax()) if self.given is None else self.given

    @property
    def category(self) -> str:
        """The name of the category."""
        return self.model.info.taxonomy.categories[self.category_id]

    def best(self, top: int = 1) -> list[tuple[str, float]]:
        """List the likeliest categories with their probabilities, the likeliest first."""
        names = self.model.info.taxonomy.categories
        best = self.category_probability.topk(min(top, len(names)))
        found = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        return [(names[i], probability) for probability, i in found]
