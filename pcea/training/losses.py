"""The loss that training minimizes."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.datasets import Batch
from pcea.datasets.clouds import UNLABELED
from pcea.datasets.taxonomy import Taxonomy
from pcea.recipes import Recipe


def batch_loss(
    logits: Tensor, batch: Batch, recipe: Recipe, taxonomy: Taxonomy | None = None
) -> Tensor:
    """Mean cross-entropy with label smoothing, of logits (B, categories) or (B, N, parts).

    ``taxonomy`` is needed only where some points have no part label. Such a point says of what
    category it is all the same: its loss is -log of the probability that all parts of its category
    have together.
    """
    classes, target = _with_target(logits, batch)
    smoothing = recipe.label_smoothing
    if taxonomy is None or logits.dim() < 3:
        return F.cross_entropy(classes, target, label_smoothing=smoothing)
    assert batch.part is not None
    each = F.cross_entropy(
        classes, target, label_smoothing=smoothing, reduction="none", ignore_index=UNLABELED
    )
    own = taxonomy.part_mask().to(logits.device)[batch.category].unsqueeze(1)  # (B, 1, parts)
    together = logits.masked_fill(~own, -torch.inf).logsumexp(-1)  # (B, N)
    of_category = logits.logsumexp(-1) - together
    return each.view_as(of_category).where(batch.part != UNLABELED, of_category).mean()


def loss_of_clouds(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """Compute :func:`batch_loss` for each cloud by itself, (B,); each point has its label."""
    each, target = _with_target(logits, batch)
    smoothing = recipe.label_smoothing
    losses = F.cross_entropy(each, target, label_smoothing=smoothing, reduction="none")
    return losses.view(len(logits), -1).mean(1)


def _with_target(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    if logits.dim() == 3:
        assert batch.part is not None
        return logits.flatten(0, 1), batch.part.flatten()
    return logits, batch.soft_category(logits.shape[1])
