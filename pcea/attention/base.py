"""The one interface of every attention, and what the mechanisms share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pcea.errors import InputError

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
        """Let the points attend, and show where they looked.

        Args:
            x: features, (B, N, C).
            pos: coordinates, (B, N, 3), for the mechanisms that use them.
            mask: (B, N) bool, True at the real points; None: all are real.

        Returns:
            What ``forward`` returns, (B, N, C), and the map, (B, H, N, S) over slots or
            (B, H, N, N) over points, H = 1 without heads, at least float32.
        """


def at_least_float32(scores: Tensor) -> Tensor:
    """Give scores the precision in which every mechanism normalises, also under autocast.

    Args:
        scores: any shape, any floating type.

    Returns:
        The scores in float32, or unchanged where they are float64.
    """
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def require_positive(**sizes: int) -> None:
    """Refuse a size that is not a positive whole number.

    Args:
        sizes: the sizes by name.

    Raises:
        InputError: one of them is not an int of at least 1.
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InputError(
                f"attention: {name} must be a whole number of at least 1, not {size!r}"
            )


def width_of_head(dim: int, heads: int) -> int:
    """Share channels out evenly over heads.

    Args:
        dim: channels to share out.
        heads: how many heads share them.

    Returns:
        Channels a head.

    Raises:
        InputError: the heads do not divide the channels.
    """
    require_positive(dim=dim, heads=heads)
    if dim % heads:
        raise InputError(
            f"attention: {heads} heads do not divide {dim} channels; "
            f"choose heads among the divisors of {dim}"
        )
    return dim // heads
