"""The interface and the registry of attentions, and the functions that they share."""

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from pcea.errors import InputError, checked, nearest, require
from pcea.registry import Registry

MapKind = Literal["slots", "points"]


class Attention(nn.Module, ABC):
    """Attention over the points of a cloud, (B, N, C) → (B, N, C).

    Row n of the attention map has the weights with which point n reads the slots of a memory
    (``map_kind = "slots"``) or the points of its own cloud (``map_kind = "points"``). If each cloud
    fills the slots itself, row n has the weights with which they read point n. The rest of the
    package uses an attention only through this interface.

    If a mechanism has maps of both kinds, ``map_kind`` may be set on its instances.

    A padded point may hold any values of an ordinary size. No point reads it, and no gradient
    reaches it. Its rows of the output and of the map are zero, and so is its column of a map over
    points.
    """

    map_kind: MapKind
    map_kinds: ClassVar[tuple[MapKind, ...]] = ()
    """The values to which ``map_kind`` may be set; empty: there is one map."""

    complementary: ClassVar[bool] = False
    """Whether ``forward`` also takes ``complement=True``. It then returns (2B, N, C): the outputs
    of all clouds, and then those of a second attention, which reads what the first leaves out."""

    training_method: ClassVar[str] = "plain"
    """The training method of a model with this attention, unless its recipe names another."""

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output of the attention.

        Args:
            x: features, (B, N, C).
            pos: coordinates, (B, N, 3), for the mechanisms that use them.
            mask: (B, N) bool, True at the real points; None: all are real.

        Returns:
            What each point reads, (B, N, C).
        """
        return self.attend(x, pos, mask)[0]

    @abstractmethod
    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output, as ``forward`` does, and the attention map.

        The map is (B, H, N, S) over slots or (B, H, N, N) over points, in float32 or float64; H = 1
        without heads.
        """


# A class takes ``dim`` first, then its options, which all have defaults.
ATTENTIONS: Registry[type[Attention]] = Registry("attention", "pcea.attentions")
register_attention = ATTENTIONS.register


def list_attentions() -> list[str]:
    """List the names of all attentions, also of those in installed plug-ins, sorted."""
    return ATTENTIONS.names()


@checked(dim=1)
def create_attention(name: str, dim: int, **options: Any) -> Attention:
    """Build an attention by name, freshly initialized.

    Args:
        name: one of ``list_attentions()``.
        dim: channels C of its input and output.
        options: the mechanism's own, such as ``slots=64`` or ``heads=4``.

    Raises:
        InputError: the name or an option is unknown, or an option has a wrong value.
    """
    mechanism = ATTENTIONS.get(name)
    known = [option for option in inspect.signature(mechanism).parameters if option != "dim"]
    for option in options:
        if option not in known:
            raise InputError(f"attention {name!r} has no option {option!r}{nearest(option, known)}")
    return mechanism(dim, **options)


def at_least_float32(scores: Tensor) -> Tensor:
    """Convert scores to float32, or keep float64: half precision is too coarse to normalize."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def masked_softmax(scores: Tensor, real: Tensor | None, dim: int) -> Tensor:
    """Take the softmax over the real points of a dimension; padding gets 0, even if all is padding.

    ``real`` is bool and broadcasts to the shape of the scores; None: all are real.
    """
    if real is None:
        return scores.softmax(dim)
    # Not -inf: the softmax of a cloud without real points would then be NaN.
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~real, lowest).softmax(dim).masked_fill(~real, 0.0)


def require_positive(**sizes: int) -> None:
    """Raise an InputError unless each of the named sizes is an int of at least 1."""
    for name, size in sizes.items():
        require(f"attention: {name}", size, int, 1)


def width_of_head(dim: int, heads: int) -> int:
    """Return the channels of each head, or raise an InputError if the heads do not divide them."""
    require_positive(dim=dim, heads=heads)
    if dim % heads:
        raise InputError(
            f"attention: {heads} heads do not divide {dim} channels; "
            f"choose heads among the divisors of {dim}"
        )
    return dim // heads
