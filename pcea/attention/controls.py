"""Attentions whose weights do not depend on the features: the controls of a comparison."""

import torch
from torch import Tensor, nn

from pcea.attention.base import Attention, register_attention, require_positive


class Control(Attention):
    """The base class: out = A V with V = x Wv, and weights A that are the same for all features.

    Args:
        dim: channels C.

    Raises:
        InputError: dim is not a positive whole number.
    """

    map_kind = "points"

    def __init__(self, dim: int) -> None:
        super().__init__()
        require_positive(dim=dim)
        self.value = nn.Linear(dim, dim)


@register_attention("mean")
class MeanAttention(Control):
    """Every point reads the mean of all points, A = 1/N: what is left without weights to learn."""

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output without the map; see ``Attention.forward``."""
        if mask is None:
            return self.value(x.mean(1, keepdim=True)).expand_as(x)
        real = mask.unsqueeze(-1)
        total = x.masked_fill(~real, 0.0).sum(1, keepdim=True)
        mean = total / real.sum(1, keepdim=True).clamp(min=1)
        return self.value(mean).masked_fill(~real, 0.0)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map 1/N, (B, 1, N, N); see ``Attention.attend``."""
        real = _pairs(x, mask)
        weights = real / real.sum(-1, keepdim=True).clamp(min=1)
        return self.forward(x, pos, mask), weights.unsqueeze(1)


@register_attention("identity")
class IdentityAttention(Control):
    """Every point reads only itself, A = I: a network in which points do not mix."""

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output without the map; see ``Attention.forward``."""
        out: Tensor = self.value(x)
        return out if mask is None else out.masked_fill(~mask.unsqueeze(-1), 0.0)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map I, (B, 1, N, N); see ``Attention.attend``."""
        real = _pairs(x, mask)
        weights = real * torch.eye(x.shape[1], dtype=real.dtype, device=x.device)
        return self.forward(x, pos, mask), weights.unsqueeze(1)


def _pairs(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, N, N) ones where both points are real, else zeros, in at least float32."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    if mask is None:
        return torch.ones(*x.shape[:2], x.shape[1], dtype=dtype, device=x.device)
    return (mask.unsqueeze(2) & mask.unsqueeze(1)).to(dtype)
