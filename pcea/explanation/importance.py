"""Which points decide what a model says."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pcea.defaults import EXPLAIN_VOTES, UP
from pcea.errors import InputError, checked, nearest
from pcea.formats import Cloud, ShapeLike
from pcea.geometry import knn, three_interpolate
from pcea.models import Classifier, PointModel, Prediction, competing
from pcea.models.base import uncompiled
from pcea.models.prediction import EncodedSample, Recording


@dataclass(frozen=True, eq=False, repr=False)
class Importance:
    """How much each point that a model took matters to it.

    ``critical`` is the share of the max-pooled channels that a point wins (Qi et al., *PointNet*,
    section 5.3), whatever the target. A token's share stands at the point that is its center; other
    points have 0. ``saliency`` is x · ∂score/∂x, with the position x centered and scaled as the
    model takes it: to first order what the target's score loses when the point moves to the
    centroid. Its sign and move are those of Zheng et al., *PointCloud Saliency Maps*, arXiv
    1812.01687. docs/models.md says what neither is.

    Args:
        sample: the P = votes · ``num_points`` points taken, in the shape's own unit and axes.
        critical: (P,) shares, of sum 1. NaN where the model pools no maximum.
        nearby: (P,) what tokens nearby win: their shares interpolated as attention maps are, in
            units of an even share. For pictures, on which a point among many zeros is lost.
        saliency: (P,) in units of the score; of several votes, each point's in its own.
        target: the category, or the part, whose score it is.
    """

    sample: Cloud
    critical: Tensor
    nearby: Tensor
    saliency: Tensor
    target: str

    def __repr__(self) -> str:
        return f"Importance(of {self.target}, at {len(self.sample)} points)"


@checked(votes=1)
def importance(
    model: PointModel,
    shape: ShapeLike,
    target: str | None = None,
    votes: int = EXPLAIN_VOTES,
    up: str = UP,
) -> Importance:
    """Find which points of a shape decide what a model answers, and nothing else.

    A category's score is its logit; a part's is the sum of its logits over the points that are
    given it, when the parts of its category compete.

    A target is a category, or a part as a segmenter's taxonomy names it; by default the predicted
    category, or the part with the most points. The other arguments are those of
    :meth:`pcea.models.PointModel.predict`.

    Raises:
        InputError: the model knows no such target, or no point is given it.
    """
    check_target(model, target)
    return importance_of(model.predict(shape, votes, up, gradients=True), target)


def targets(model: PointModel) -> tuple[str, ...]:
    """For what points can decide: the categories of a classifier, the parts of a segmenter."""
    taxonomy = model.info.taxonomy
    return taxonomy.categories if model.task == "classification" else taxonomy.parts


def check_target(model: PointModel, target: str | None) -> int | None:
    """Give the id of a target."""
    if target is None:
        return None
    folded = [name.casefold() for name in targets(model)]
    if target.casefold() not in folded:
        raise InputError(f"the model knows no target {target!r}{nearest(target, targets(model))}")
    return folded.index(target.casefold())


@torch.enable_grad()
def importance_of(prediction: Prediction, target: str | None = None) -> Importance:
    """Find which points decide, from a prediction made with ``gradients=True``."""
    model, encoded = prediction.model, prediction.encoded
    wanted = check_target(model, target)
    if model.task == "classification":
        wanted = prediction.category_id if wanted is None else wanted
        scores = [each.logits[wanted] for each in encoded]
    else:
        wanted, given = _points_of(prediction, wanted)
        scores = [
            (vote.logits[:, wanted] * points.to(vote.logits.device)).sum()
            for vote, points in zip(encoded, given, strict=True)
        ]
    saliency = position_saliency(encoded, scores)
    critical, nearby = zip(*(pooled_shares(model, each.recorded) for each in encoded), strict=True)
    return Importance(
        sample=prediction.sample,
        critical=torch.cat(critical).float().cpu() / len(encoded),
        nearby=torch.cat(nearby).float().cpu(),
        saliency=torch.cat(saliency).float().cpu(),
        target=targets(model)[wanted],
    )


def position_saliency(
    encoded: Sequence[EncodedSample], scores: Sequence[Tensor], retain_graph: bool = False
) -> list[Tensor]:
    """Compute x · ∂score/∂x of each point of each vote, (num_points,) each, from one score a vote.

    ``retain_graph`` keeps the graph for further scores of the same votes.
    """
    # A vote's score depends on its own points alone.
    positions = [vote.input.pos for vote in encoded]
    slopes = torch.autograd.grad(torch.stack(list(scores)).sum(), positions, None, retain_graph)
    return [(slope * pos.detach()).sum(-1)[0] for slope, pos in zip(slopes, positions, strict=True)]


@torch.no_grad()
def pooled_shares(model: PointModel, recorded: Recording) -> tuple[Tensor, Tensor]:
    """The share of pooled channels that each point wins, and that tokens near it win, (P,) each."""
    if not recorded.levels:
        raise InputError("the encoder cannot be followed: compile the whole model, not parts of it")
    pos, tokens = recorded.levels[0].pos, recorded.levels[-1]
    num = tokens.x.shape[1]
    share = tokens.x[0].argmax(0).bincount(minlength=num) / tokens.x.shape[2]  # (M,)
    center = knn(tokens.pos, pos, 1)[0, :, 0]  # (M,)
    at_center = share.new_zeros(pos.shape[1]).index_add(0, center, share)
    around = three_interpolate(pos, tokens.pos, num * share[None, :, None])[0, :, 0]
    model = uncompiled(model)
    if isinstance(model, Classifier) and "max" not in model.pooling:
        return torch.full_like(at_center, torch.nan), torch.full_like(around, torch.nan)
    return at_center, around


def own_parts(prediction: Prediction, category: int) -> Tensor:
    """The part of each point if those of a category compete: (votes, num_points) ids of the model.

    Unlike those of a :class:`pcea.models.Segmentation`, they are no common names if the category is
    unsure: each is a target.
    """
    own = torch.tensor(prediction.model.info.taxonomy.parts_of[category])
    return own[torch.stack(competing(prediction, category)).argmax(-1)]


def _points_of(prediction: Prediction, wanted: int | None) -> tuple[int, Tensor]:
    """Choose the part, and say which points are given it: the part, and (votes, P) bool."""
    taxonomy = prediction.model.info.taxonomy
    category = prediction.category_id
    if wanted is not None:
        has = taxonomy.part_mask()[:, wanted]  # (categories,)
        category = int(prediction.category_probability.masked_fill(~has, -1.0).argmax())
    best = own_parts(prediction, category)
    if wanted is None:
        wanted = int(best.flatten().bincount().argmax())
    given = best == wanted
    if not given.any():
        there = {taxonomy.parts[i] for i in best.unique().tolist()}
        raise InputError(
            f"no point is given the part {taxonomy.parts[wanted]!r}; there is "
            f"{', '.join(sorted(there))}"
        )
    return wanted, given
