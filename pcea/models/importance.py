"""Which points decide what a model says."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, nearest
from pcea.formats import Cloud, ShapeLike, as_shape
from pcea.geometry import knn, three_interpolate
from pcea.models.base import PointModel
from pcea.models.classifier import Classifier
from pcea.models.mode import evaluating


@dataclass(frozen=True, eq=False)
class Importance:
    """How much each seen point matters to a model.

    ``critical`` asks who is heard at all. Each channel of the max pool takes its value from one
    token, which wins it; all other tokens could change a little, or be gone, and the pooled vector
    would stay. A token's share of the channels stands at the point that is its centre. Every other
    point has 0: it wins nothing itself, and counts only through the tokens it is a neighbor of.
    It knows no target, and of a head that pools means as well it shows the maximum's half.

    ``saliency`` asks what the target's score rests on: x_p · ∂score/∂x_p, gradient times input,
    the position x_p being centred and scaled, as the model sees it. To first order it is what the
    score loses when the point moves to the centroid. Above 0 the point speaks for the target; below
    0 it speaks against it. Normals are held, and so is which points are sampled and grouped.

    Args:
        sample: the P = votes · ``num_points`` seen points in the shape's own unit and axes.
        critical: (P,) shares, of sum 1. NaN where the model pools no maximum.
        nearby: (P,) what tokens nearby win: their shares interpolated as attention maps are, in
            units of an even share. For pictures, on which a point among many zeros is lost.
        saliency: (P,) in units of the score; of several votes, each point's in its own.
        target: the category, or the part, whose score it is.

    Source:
        Qi et al., *PointNet*, section 5.3 (critical points). Zheng et al., *PointCloud Saliency
        Maps*, arXiv 1812.01687: the same sign and the same move to the centre; theirs is the
        gradient of the loss by the distance from a median, weighed with a power of it.
    """

    sample: Cloud
    critical: Tensor
    nearby: Tensor
    saliency: Tensor
    target: str


@torch.enable_grad()
def importance(
    model: PointModel,
    shape: ShapeLike,
    target: str | None = None,
    votes: int = 1,
    up: str = "y",
) -> Importance:
    """Find which points of a shape decide what a model says.

    Args:
        model: a classifier or a segmenter.
        shape: a cloud or mesh in any unit, or what else :func:`pcea.as_shape` takes.
        target: a category of a classifier; a part of a segmenter, as its taxonomy names it. A
            category's score is its logit; a part's is the sum of its logits over the points that
            are given it, when the parts of its category compete. Default: the predicted category;
            the part with the most points.
        votes: how many samplings of the shape are looked at. Default 1.
        up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`. Default ``y``.

    Returns:
        The seen points, and what each matters.

    Raises:
        InputError: the model knows no such target, no point is given it, or as
            :meth:`pcea.models.PointModel.look`.
    """
    if votes < 1:
        raise InputError(f"cannot look {votes} times: votes must be at least 1")
    shape, taxonomy = as_shape(shape), model.info.taxonomy
    names = taxonomy.categories if isinstance(model, Classifier) else taxonomy.parts
    wanted = None if target is None else _find(names, target)
    seen = [model.look_at(shape, seed, up) for seed in range(votes)]
    logits, inputs, won = [], [], []
    with evaluating(model):
        for each in seen:
            pos = each.batch.pos.detach().requires_grad_()
            logits.append(model(pos, each.batch.normal)[0])  # (categories,) or (P, parts)
            inputs.append(pos)
            ready = model.prepare(each.batch.pos, each.batch.normal)
            won.append(_won(model, ready.pos, ready.normal))
    if isinstance(model, Classifier):
        if wanted is None:
            wanted = int(torch.stack(logits).softmax(-1).mean(0).argmax())
        scores = [each[wanted] for each in logits]
    else:
        wanted, given = _give(taxonomy, torch.stack(logits).detach(), wanted)
        scores = [
            (each[:, wanted] * points).sum() for each, points in zip(logits, given, strict=True)
        ]
    gradients = [
        torch.autograd.grad(score, pos)[0] for score, pos in zip(scores, inputs, strict=True)
    ]
    saliency = [(g * pos.detach()).sum(-1)[0] for g, pos in zip(gradients, inputs, strict=True)]
    return Importance(
        sample=Cloud.join([each.cloud for each in seen]),
        critical=torch.cat([share for share, _ in won]).float().cpu() / votes,
        nearby=torch.cat([around for _, around in won]).float().cpu(),
        saliency=torch.cat(saliency).float().cpu(),
        target=names[wanted],
    )


def _find(names: tuple[str, ...], target: str) -> int:
    folded = [name.casefold() for name in names]
    if target.casefold() not in folded:
        raise InputError(f"the model knows no target {target!r}{nearest(target, names)}")
    return folded.index(target.casefold())


@torch.no_grad()
def _won(model: PointModel, pos: Tensor, normal: Tensor | None) -> tuple[Tensor, Tensor]:
    """The share of pooled channels that each point wins, and that tokens near it win, (P,) each."""
    tokens = model.encoder(pos, normal)[-1]
    num = tokens.x.shape[1]
    share = tokens.x[0].argmax(0).bincount(minlength=num) / model.encoder.fused  # (M,)
    if isinstance(model, Classifier) and "max" not in model.pooling:
        share = torch.full_like(share, torch.nan)
    center = knn(tokens.pos, pos, 1)[0, :, 0]  # (M,)
    at_center = share.new_zeros(pos.shape[1]).index_add(0, center, share)
    around = three_interpolate(pos, tokens.pos, num * share[None, :, None])[0, :, 0]
    return torch.full_like(at_center, torch.nan) if share.isnan().any() else at_center, around


def _give(taxonomy: Taxonomy, logits: Tensor, wanted: int | None) -> tuple[int, Tensor]:
    """Choose the part, and say which points are given it.

    Args:
        taxonomy: the model's parts.
        logits: (votes, P, parts).
        wanted: the part that is asked for.

    Returns:
        The part, and (votes, P) bool.
    """
    mask = taxonomy.part_mask().to(logits.device)  # (categories, parts)
    share = (logits.float().softmax(-1).mean((0, 1)) * mask).sum(-1)  # (categories,)
    if wanted is not None:
        share = share.masked_fill(~mask[:, wanted], -1.0)
    best = logits.masked_fill(~mask[share.argmax()], -torch.inf).argmax(-1)  # (votes, P)
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
