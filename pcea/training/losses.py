"""The loss that training minimizes."""

import torch.nn.functional as F
from torch import Tensor

from pcea.datasets import Batch
from pcea.recipes import Recipe


def batch_loss(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """Mean cross-entropy with label smoothing, of logits (B, categories) or (B, N, parts)."""
    if logits.dim() == 3:
        assert batch.part is not None
        logits, target = logits.flatten(0, 1), batch.part.flatten()
    else:
        target = batch.soft_category(logits.shape[1])
    return F.cross_entropy(logits, target, label_smoothing=recipe.label_smoothing)
