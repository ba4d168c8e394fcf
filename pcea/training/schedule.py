"""The optimizer, and the schedule of its learning rate."""

import math

import torch
from torch import nn

from pcea.errors import InputError
from pcea.recipes import Recipe


def build_optimizer(
    trained: nn.Module, recipe: Recipe, model: nn.Module | None = None
) -> torch.optim.Optimizer:
    """Make the recipe's optimizer for the parameters that train; only matrices get weight decay.

    ``scaled`` of a parameter group is the factor between its learning rate and the schedule's.
    ``model`` is the model in what is trained, if that is a training method.
    """
    model = trained if model is None else model
    own = getattr(model, "module", model)
    encoder = getattr(own, "encoder", None)
    if recipe.head_lr is not None and not isinstance(encoder, nn.Module):
        raise InputError("head_lr needs a model with a module 'encoder'; the rest is its head")
    inner = set() if encoder is None else {id(parameter) for parameter in encoder.parameters()}
    head_scale = 1.0 if recipe.head_lr is None else recipe.head_lr / recipe.lr
    groups = [
        {
            "params": [
                parameter
                for parameter in trained.parameters()
                if parameter.requires_grad
                and (parameter.dim() >= 2) == matrices
                and (recipe.head_lr is not None and id(parameter) not in inner) == head
            ],
            "weight_decay": recipe.weight_decay if matrices else 0.0,
            "scaled": head_scale if head else 1.0,
        }
        for head in (False, True)
        for matrices in (True, False)
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.lr, momentum=0.9)
    return torch.optim.AdamW(groups, lr=recipe.lr, fused=True)


def learning_rate(step: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """Compute the learning rate of the next step: linear warm-up, then a falling cosine.

    Both begin again after each epoch of ``restarts``. Source: Loshchilov and Hutter, *SGDR*,
    equation 5.
    """
    bounds = (0, *recipe.restarts, recipe.epochs)
    begun = [each for each in bounds[:-1] if each * steps_per_epoch <= step]
    step -= begun[-1] * steps_per_epoch
    total = (bounds[len(begun)] - begun[-1]) * steps_per_epoch
    warmup = min(recipe.warmup_epochs * steps_per_epoch, total)
    if step < warmup:
        return recipe.lr * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1.0, total - warmup)
    fall = (recipe.lr - recipe.final_lr) / 2
    return recipe.final_lr + fall * (1 + math.cos(math.pi * min(1.0, progress)))
