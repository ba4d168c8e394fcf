"""One vote of a model on a shape: the points that it takes, and what one forward pass gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from pcea.attention import Attention, MapKind
from pcea.formats import Cloud
from pcea.models.embedding import Tokens


class ModelInput(NamedTuple):
    """The points of a shape that a model takes in one vote."""

    cloud: Cloud  # num_points points in the shape's own unit and axes
    pos: Tensor  # (1, num_points, 3) the same points, y up, in the unit sphere
    normal: Tensor | None  # (1, num_points, 3), estimated where the model needs unknown ones
    stand_in: Tensor  # (num_points,) which point each one stands for: a stray for a kept one
    strays: int  # how many points were left out
    estimated: bool  # whether normals were estimated

    def __repr__(self) -> str:
        normals = "no" if self.normal is None else "estimated" if self.estimated else "known"
        return (
            f"ModelInput({self.cloud.name or 'a shape'}: {len(self.cloud)} points, "
            f"{self.strays} strays left out, {normals} normals)"
        )

    @property
    def places(self) -> Tensor:
        """(num_points, 3) where the model has each point, in the shape's own unit and axes."""
        return self.cloud.pos[self.stand_in.to(self.cloud.pos.device)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of what was done to the points, a sentence each."""
        return notes_of([self])


def notes_of(inputs: Sequence[ModelInput]) -> tuple[str, ...]:
    """Say what was done to the points of several votes, a sentence each."""
    strays, total = sum(each.strays for each in inputs), sum(len(each.cloud) for each in inputs)
    notes = list[str]()
    if strays:
        notes.append(
            f"{strays:,} of the {total:,} sampled points lie apart from the shape and were left out"
        )
    if any(each.estimated for each in inputs):
        notes.append("normals, which the model needs and the shape lacks, were estimated")
    return tuple(notes)


class LayerInput(NamedTuple):
    """What one attention layer was given in a forward pass."""

    attention: Attention
    x: Tensor  # (B, M, C)
    pos: Tensor  # (B, M, 3)
    mask: Tensor | None  # (B, M)

    @property
    def kind(self) -> MapKind:
        """Whether the attention is over slots or among points."""
        return self.attention.map_kind

    def weights(self) -> Tensor:
        """The attention map, (B, H, M, S) or (B, H, M, M)."""
        return self.attention.attend(self.x, self.pos, self.mask)[1]


@dataclass(frozen=True, eq=False, repr=False)
class EncodedSample:
    """What one forward pass gives for one sampling of a shape.

    Args:
        input: the points that the model took.
        pos: (1, num_points, 3) the same as the network has them, strays set onto kept points.
        logits: (categories,) of a classifier, (num_points, parts) of a segmenter.
        tokens: the fused tokens, (1, M, fused).
        layers: what each attention layer was given; with ``pos`` and ``tokens`` it was recorded.
    """

    input: ModelInput
    pos: Tensor | None
    logits: Tensor
    tokens: Tokens | None
    layers: tuple[LayerInput, ...]


class Recording:
    """What went through a model in its last forward pass."""

    def __init__(self) -> None:
        self.pos: Tensor | None = None
        self.tokens: Tokens | None = None
        self.layers: list[LayerInput] = []


@contextmanager
def recording(encoder: nn.Module) -> Iterator[Recording]:
    """Record what goes through an encoder, which computes as it does without.

    Where parts of it are compiled, nothing may be recorded of them.
    """
    found = Recording()

    def keep_input(attention: Attention, given: tuple[Tensor, Tensor, Tensor | None]) -> None:
        x, pos, mask = given
        found.layers.append(LayerInput(attention, x.detach(), pos.detach(), mask))

    def keep_tokens(_: nn.Module, given: tuple[Any, ...], levels: list[Tokens]) -> None:
        found.pos = given[0].detach()
        pos, x, mask = levels[-1]
        found.tokens = Tokens(pos.detach(), x.detach(), mask)

    attentions = [module for module in encoder.modules() if isinstance(module, Attention)]
    hooks = [each.register_forward_pre_hook(keep_input) for each in attentions]
    hooks.append(encoder.register_forward_hook(keep_tokens))
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
