"""The loss that training minimizes."""

import torch.nn.functional as F
from torch import Tensor

from pcea.datasets import Batch
from pcea.recipes import Recipe


def batch_loss(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """Mean cross-entropy with label smoothing, of logits (B, categories) or (B, N, parts)."""
    logits, target = _with_target(logits, batch)
    return F.cross_entropy(logits, target, label_smoothing=recipe.label_smoothing)


def loss_of_clouds(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """Compute :func:`batch_loss` for each cloud by itself, (B,)."""
    each, target = _with_target(logits, batch)
    smoothing = recipe.label_smoothing
    losses = F.cross_entropy(each, target, label_smoothing=smoothing, reduction="none")
    return losses.view(len(logits), -1).mean(1)


def _with_target(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    if logits.dim() == 3:
        assert batch.part is not None
        return logits.flatten(0, 1), batch.part.flatten()
    return logits, batch.soft_category(logits.shape[1])
