"""The optimizer, and how its learning rate moves."""

from __future__ import annotations

import math

import torch
from torch import nn

from pcea.recipes import Recipe


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the recipe's optimizer.

    Args:
        model: what is trained; weight decay acts on its matrices, not on biases or norms.
        recipe: names the optimizer, its learning rate and weight decay.

    Returns:
        The optimizer, its learning rate still the recipe's highest.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.lr, momentum=0.9)
    return torch.optim.AdamW(groups, lr=recipe.lr, fused=True)


def learning_rate(step: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine down to the final rate.

    Args:
        step: steps done so far.
        steps_per_epoch: steps of an epoch.
        recipe: gives epochs, warm-up and rates.

    Returns:
        The learning rate of the next step.

    Source:
        Loshchilov and Hutter, *SGDR*, equation 5, without restarts.
    """
    total = recipe.epochs * steps_per_epoch
    warmup = min(recipe.warmup_epochs * steps_per_epoch, total)
    if step < warmup:
        return recipe.lr * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1.0, total - warmup)
    fall = (recipe.lr - recipe.final_lr) / 2
    return recipe.final_lr + fall * (1 + math.cos(math.pi * min(1.0, progress)))
