"""The one interface of every attention, their names, and what the mechanisms share."""

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from pcea.errors import InputError, nearest
from pcea.registry import Registry

MapKind = Literal["slots", "points"]


class Attention(nn.Module, ABC):
    """Attention over the points of a cloud, (B, N, C) → (B, N, C).

    Row n of the map is what point n reads from: the slots of a learned memory
    (``map_kind = "slots"``) or the points of its own cloud (``map_kind = "points"``). The rest of
    the package knows an attention by nothing else.

    A padded point holds any finite values. It is read by nobody, its row of the output is zero,
    its row (and, among points, its column) of the map is zero, and no gradient reaches it.
    """

    map_kind: ClassVar[MapKind]

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Let the points attend.

        Args:
            x: features, (B, N, C).
            pos: coordinates, (B, N, 3), for the mechanisms that use them.
            mask: (B, N) bool, True at the real points; None: all are real.

        Returns:
            What each point read, (B, N, C).
        """
        return self.attend(x, pos, mask)[0]

    @abstractmethod
    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Let the points attend as ``forward`` does, and give the map too.

        It is (B, H, N, S) over slots or (B, H, N, N) over points, float32 or wider; H = 1 without
        heads.
        """


# A class takes ``dim`` first and its options, all with defaults, after.
ATTENTIONS: Registry[type[Attention]] = Registry("attention", "pcea.attentions")
register_attention = ATTENTIONS.register


def list_attentions() -> list[str]:
    """Name every attention, those of installed plug-ins too, sorted."""
    return ATTENTIONS.names()


def create_attention(name: str, dim: int, **options: Any) -> Attention:
    """Build an attention by name, freshly initialized.

    Args:
        name: one of ``list_attentions()``.
        dim: channels C of its input and output.
        options: the mechanism's own, such as ``slots=64`` or ``heads=4``.

    Raises:
        InputError: no such attention, no such option of it, or a value that it cannot take.
    """
    mechanism = ATTENTIONS.get(name)
    known = [option for option in inspect.signature(mechanism).parameters if option != "dim"]
    for option in options:
        if option not in known:
            raise InputError(f"attention {name!r} has no option {option!r}{nearest(option, known)}")
    return mechanism(dim, **options)


def at_least_float32(scores: Tensor) -> Tensor:
    """Turn scores into float32, unless they are float64: what is normalized also under autocast."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def masked_softmax(scores: Tensor, real: Tensor | None, dim: int) -> Tensor:
    """Take the softmax over a dimension of what is real; padding gets 0, also where all is padding.

    ``real`` is bool and broadcasts to the shape of the scores; None: all are real.
    """
    if real is None:
        return scores.softmax(dim)
    # The lowest finite number, not -inf: of padding alone the softmax would be NaN.
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~real, lowest).softmax(dim).masked_fill(~real, 0.0)


def require_positive(**sizes: int) -> None:
    """Raise an InputError where a size, given by its name, is not an int of at least 1."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InputError(
                f"attention: {name} must be a whole number of at least 1, not {size!r}"
            )


def width_of_head(dim: int, heads: int) -> int:
    """Divide channels among heads, or raise an InputError where the heads do not divide them."""
    require_positive(dim=dim, heads=heads)
    if dim % heads:
        raise InputError(
            f"attention: {heads} heads do not divide {dim} channels; "
            f"choose heads among the divisors of {dim}"
        )
    return dim // heads
