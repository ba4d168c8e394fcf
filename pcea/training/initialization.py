"""Modules that start from the features of training clouds, such as a dictionary of them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, nn

from pcea.datasets import Clouds
from pcea.errors import InputError, checked
from pcea.models.base import evaluating
from pcea.training.batches import mix_seed, training_batch
from pcea.transforms import Transform

# Limits: the points of all clouds of the batch together, and the features that a module gets.
MOST_POINTS, MOST_FEATURES = 1 << 16, 1 << 13


@checked(num_points=1)
@torch.no_grad()
def initialize_from_data(
    model: nn.Module,
    clouds: Clouds,
    num_points: int = 1024,
    seed: int = 0,
    transforms: Sequence[Transform] = (),
) -> list[str]:
    """Initialize the modules of a fresh model that have a method ``initialize_from(features)``.

    One batch of training clouds, with 65,536 points at most, goes through the model in training
    mode. When the forward pass reaches such a module, the module is initialized from its input, at
    most 8,192 features, and then computes the output that the later modules get. Everything else
    stays as it is, also the statistics of BatchNorm. :func:`pcea.train` calls this before the first
    step of a model that it builds itself; call it for a model of your own.

    Args:
        model: takes ``(pos, normal, category)``, like the models of this package.
        clouds: the training clouds.
        num_points: points of each cloud that the model takes.
        seed: determines which clouds, points and features are drawn, the transforms, and what
            torch's generator draws in ``initialize_from``.
        transforms: those of the training.

    Returns:
        One line that says what was initialized, or nothing if the model has no such module.

    Raises:
        InputError: the model has such modules, and there are fewer than two clouds.
    """
    modules = [each for each in model.modules() if hasattr(each, "initialize_from")]
    if not modules:
        return []
    if len(clouds) < 2:
        raise InputError("a model cannot be initialized from one cloud: at least 2 are needed")
    # The draws are those of the CPU, the same on every machine.
    generator = Generator().manual_seed(mix_seed(seed, 0, stream=0))
    count = min(len(clouds), max(2, MOST_POINTS // num_points))
    index = torch.randperm(len(clouds), generator=generator)[:count]
    clouds = clouds.select(index.to(clouds.pos.device)).to("cpu")
    drawn = training_batch(clouds, torch.arange(count), num_points, transforms, generator)
    device = next(model.parameters()).device
    inputs = [
        None if each is None else each.to(device)
        for each in (drawn.pos, drawn.normal, drawn.category)
    ]
    reached = dict[nn.Module, int]()

    def initialize(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        if module not in reached:
            features = next(iter((*args, *named.values()))).flatten(0, -2)  # (M, C)
            chosen = torch.randperm(len(features), generator=generator)[:MOST_FEATURES]
            reached[module] = len(chosen)
            initialize_from: Any = module.initialize_from
            initialize_from(features[chosen.to(device)])

    norms = [each for each in model.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    kept = [(buffer, buffer.clone()) for each in norms for buffer in each.buffers()]
    hooks = [each.register_forward_pre_hook(initialize, with_kwargs=True) for each in modules]
    try:
        with evaluating(model), torch.random.fork_rng(devices=[]):
            torch.manual_seed(mix_seed(seed, 0, stream=0))
            model.train()(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
        for buffer, before in kept:
            buffer.copy_(before)
    kinds = ", ".join(sorted({type(each).__name__ for each in modules}))
    return [
        f"initialized from data: {len(reached)} of {len(modules)} modules ({kinds}), each from up "
        f"to {max(reached.values(), default=0):,} features of {count:,} training clouds"
    ]
