"""External attention: every cloud reads from one learned memory."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.attention.base import (
    Attention,
    at_least_float32,
    masked_softmax,
    register_attention,
    require_positive,
)
from pcea.attention.reading import read_memory
from pcea.errors import require

Norm = Literal["double", "points", "slots"]

# Up to this many scores, plain operations are used, which torch.compile can fuse with those around
# them. On a CPU without torch.compile, they are as fast as the custom operator up to here.
_CPU_PLAIN = 1 << 19
_OTHER_PLAIN = 1 << 26


def double_normalize(scores: Tensor, mask: Tensor | None = None, eps: float = 1e-9) -> Tensor:
    """Normalize scores (B, N, …, S) by a softmax over the points, then to unit sum over the slots.

    Both steps use at least float32, also under autocast: eps, 1e-9 in the paper, underflows in half
    precision. The weights of padded points are 0. Source: Guo et al., Beyond Self-attention,
    arXiv 2105.02358, eq. 5-7 and algorithm 1.
    """
    scores = at_least_float32(scores)
    # (B, N, …, 1)
    real = None if mask is None else mask.reshape(mask.shape + (1,) * (scores.dim() - 2))
    weights = masked_softmax(scores, real, 1)
    return weights / (weights.sum(-1, keepdim=True) + eps)


class Memory(nn.Module):
    """The two learned memories Mk and Mv of external attention, (S, C) each; if tied, Mv is Mk.

    ``norm`` is what normalizes the scores: ``double``, which is :func:`double_normalize`, or one
    softmax, over the ``points`` or over the ``slots``.

    Source: Guo et al., Beyond Self-attention, arXiv 2105.02358, eq. 5-6. The authors' code starts
    Mv as Mkᵀ; here the two start independently and share their storage only if ``tied``.
    """

    mv: nn.Parameter | None

    def __init__(
        self,
        slots: int,
        dim: int,
        tied: bool = False,
        eps: float = 1e-9,
        norm: Norm = "double",
    ) -> None:
        super().__init__()
        require("attention: norm", norm, Norm)
        self.eps, self.norm = eps, norm
        self.mk = nn.Parameter(torch.empty(slots, dim))
        # If tied, there is no second parameter: safetensors refuses two names for one storage.
        self.register_parameter("mv", None if tied else nn.Parameter(torch.empty(slots, dim)))
        # This scale gives scores of unit variance to features of unit variance.
        for memory in self.parameters():
            nn.init.trunc_normal_(memory, std=memory.shape[1] ** -0.5)

    @property
    def values(self) -> Tensor:
        """The values Mv, (S, C), which are Mk if the two are tied."""
        return self.mk if self.mv is None else self.mv

    def forward(self, query: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read the memory with the queries (B, N, H, C) of H heads.

        Returns the output, in the same shape, and the weights A, (B, N, H, S).
        """
        weights = self.normalize(F.linear(query, self.mk), mask)
        return weights.to(self.values.dtype) @ self.values, weights

    def normalize(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        """Make weights of the scores (B, N, H, S), in at least float32."""
        if self.norm == "double":
            return double_normalize(scores, mask, self.eps)
        real = None if mask is None else mask[:, :, None, None]
        return masked_softmax(at_least_float32(scores), real, 1 if self.norm == "points" else -1)

    def read(self, x: Tensor, project: Tensor | None, mask: Tensor | None = None) -> Tensor:
        """Compute the output of ``forward`` for F = x Wq, (B, N, H·C), without computing F.

        Many points are read in blocks, see ``read_memory``. ``project`` is Wqᵀ, the weight of a
        Linear layer, (H·C, C'), with the H heads one after the other; None: F = x.
        """
        keys = self.mk.unsqueeze(0)  # (1, S, C)
        if project is not None:
            keys = self.mk @ project.unflatten(0, (-1, self.mk.shape[1]))  # (H, S, C')
        heads, slots = keys.shape[:2]
        most = _CPU_PLAIN if x.device.type == "cpu" else _OTHER_PLAIN
        if self.norm == "double" and x.shape[0] * x.shape[1] * heads * slots > most:
            return read_memory(x, keys, self.values, mask, self.eps)
        scores = F.linear(x, keys.flatten(0, 1)).unflatten(-1, (heads, slots))  # (B, N, H, S)
        weights = self.normalize(scores, mask)
        return (weights.to(self.values.dtype) @ self.values).flatten(2)


class MemoryAttention(Attention):
    """The base class of external attention with one or more heads, which reads a ``memory``."""

    map_kind = "slots"
    query: nn.Linear | nn.Identity
    memory: Memory
    heads = 1

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output without storing the queries; see ``Attention.forward``."""
        project = self.query.weight if isinstance(self.query, nn.Linear) else None
        return self.merge(self.memory.read(x, project, mask), mask)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map A, (B, H, N, S); see ``Attention.attend``."""
        query = self.query(x).unflatten(-1, (self.heads, -1))  # (B, N, H, C'/H)
        read, weights = self.memory(query, mask)  # (B, N, H, C'/H), (B, N, H, S)
        return self.merge(read.flatten(2), mask), weights.transpose(1, 2)

    def merge(self, read: Tensor, mask: Tensor | None) -> Tensor:
        """Combine the outputs of the heads, (B, N, C'), into one."""
        return read


@register_attention("external")
class ExternalAttention(MemoryAttention):
    """External attention: A = Norm(x Wq Mkᵀ), out = A Mv. Its cost is linear in the points.

    Args:
        dim: channels C.
        slots: slots S of the memory.
        tied: let Mv be Mk.
        query: project the input by Wq (without bias) first; False: F = x.
        eps: keeps the second normalization finite.
        norm: ``double``: the softmax over the points, then the division by the sum over the slots;
            ``points`` or ``slots``: one softmax over these alone, for comparison.

    Raises:
        InputError: dim or slots is not a positive whole number, or there is no such ``norm``.

    Source:
        Guo et al., Beyond Self-attention, arXiv 2105.02358, eq. 5-7.
    """

    def __init__(
        self,
        dim: int,
        slots: int = 64,
        tied: bool = False,
        query: bool = True,
        eps: float = 1e-9,
        norm: Norm = "double",
    ) -> None:
        super().__init__()
        require_positive(dim=dim, slots=slots)
        self.query = nn.Linear(dim, dim, bias=False) if query else nn.Identity()
        self.memory = Memory(slots, dim, tied, eps, norm)
