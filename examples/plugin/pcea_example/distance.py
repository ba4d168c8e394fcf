"""Distance attention: every point attends to all points, more to nearer ones."""

import torch
from torch import Tensor, nn

from pcea.attention import Attention, register_attention
from pcea.attention.base import at_least_float32, require_positive
from pcea.errors import InputError


@register_attention("distance")
class DistanceAttention(Attention):
    """A = softmax(−softplus(τ) ‖p_i − p_j‖²) over the points j, out = A x V.

    Args:
        dim: channels C.
    """

    map_kind = "points"

    def __init__(self, dim: int) -> None:
        super().__init__()
        require_positive(dim=dim)
        self.value = nn.Linear(dim, dim)
        self.sharpness = nn.Parameter(torch.zeros(()))

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map A, (B, 1, N, N); see ``Attention.attend``."""
        if pos is None:
            raise InputError("distance attention needs the coordinates of the points, pos")
        pos = at_least_float32(pos)
        squared = (pos.unsqueeze(2) - pos.unsqueeze(1)).square().sum(-1)  # (B, N, N)
        scores = -nn.functional.softplus(at_least_float32(self.sharpness)) * squared
        if mask is not None:
            pairs = mask.unsqueeze(1) & mask.unsqueeze(2)
            scores = scores.masked_fill(~pairs, torch.finfo(scores.dtype).min)
            weights = scores.softmax(-1).masked_fill(~pairs, 0.0)
        else:
            weights = scores.softmax(-1)
        value = self.value(x)
        return weights.to(value.dtype) @ value, weights.unsqueeze(1)
