"""Shuffling a model's weights block by block, from its output to its input."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor, nn

from pcea.explanation.faithfulness.curves import Labeled
from pcea.models import PointModel

_NORMS = nn.modules.batchnorm._BatchNorm


def shuffle_from_the_output(
    model: PointModel, clouds: Labeled, batch_size: int, generator: Generator
) -> Iterator[str]:
    """Shuffle a model's weights in place, one more block at a time, and give the block's name.

    The first block is the head, and the last one the embedding. Each parameter keeps its numbers,
    at random places, so that their sizes are those of the trained model. BatchNorm's statistics of
    the shuffled blocks are measured again on at least two clouds, without labels, because those of
    other weights would saturate or silence the features.
    """
    shuffled = list[str]()
    for block, parameters in _blocks(model).items():
        for parameter in parameters:
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order.to(parameter.device)].view_as(parameter))
        shuffled.append(block)
        norms = [
            module
            for name, module in model.named_modules()
            if isinstance(module, _NORMS) and _block_of(name) in shuffled
        ]
        _measure_statistics(model, norms, clouds, batch_size)
        yield block


def _blocks(model: nn.Module) -> dict[str, list[Tensor]]:
    """Collect the parameters by block, the last block first."""
    found: dict[str, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        found.setdefault(_block_of(name), []).append(parameter.data)
    head = {"head": found.pop("head")} if "head" in found else {}
    return head | dict(reversed(found.items()))


def _block_of(name: str) -> str:
    """Name the block of a module or parameter: a layer, another part of the encoder, or head."""
    first, _, rest = name.partition(".")
    if first != "encoder":
        return "head"
    block, number, *_ = [*rest.split("."), ""]
    return f"layer {number}" if block == "layers" else block


@torch.no_grad()
def _measure_statistics(
    model: PointModel, norms: list[_NORMS], clouds: Labeled, batch_size: int
) -> None:
    before = [(norm, norm.momentum) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over all batches
        norm.train()
    # No batch is smaller: BatchNorm after pooling cannot measure a single cloud.
    several = torch.arange(len(clouds.pos)).tensor_split(max(len(clouds.pos) // batch_size, 1))
    for index in several:
        some = clouds.select(index)
        model(some.pos, some.normal, some.category if some.category_given else None)
    for norm, momentum in before:
        norm.eval()
        norm.momentum = momentum
