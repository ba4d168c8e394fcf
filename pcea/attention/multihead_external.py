"""Multi-head external attention: heads that share one small memory."""

from __future__ import annotations

from torch import Tensor, nn

from pcea.attention.base import Attention, require_positive, width_of_head
from pcea.attention.external import Memory
from pcea.attention.registry import register_attention


@register_attention("multihead-external")
class MultiHeadExternalAttention(Attention):
    """Multi-head external attention: the heads read, each its own way, from one shared memory.

    The input is projected from C to C' = expand · C channels and split into heads of C'/H; all
    heads read the same Mk and Mv of S slots of C'/H channels; what they read is concatenated and
    projected back to C. The first projection has no bias: the softmax over the points would
    cancel it.

    By default the layer stays at the width of its relatives, so that a comparison compares the
    mechanism and not the parameters. The authors' image networks widen: ``expand=4`` with four
    times the heads of their self-attention, and S = 256 / 4, which is the default here.

    Args:
        dim: channels C.
        heads: heads H; they divide expand · C.
        slots: slots S of the shared memory.
        expand: C' / C.
        tied: let Mv be Mk.
        eps: of the double normalization.

    Source:
        Guo et al., Beyond Self-attention, arXiv 2105.02358, section 3.3 and algorithm 2.
    """

    map_kind = "slots"

    def __init__(
        self,
        dim: int,
        heads: int = 4,
        slots: int = 64,
        expand: int = 1,
        tied: bool = False,
        eps: float = 1e-9,
    ) -> None:
        super().__init__()
        require_positive(dim=dim, slots=slots, expand=expand)
        self.heads = heads
        self.head_dim = width_of_head(dim * expand, heads)
        self.query = nn.Linear(dim, dim * expand, bias=False)
        self.memory = Memory(slots, self.head_dim, tied, eps)
        self.project = nn.Linear(dim * expand, dim)

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Let every head read the memory, through the fused read. See ``Attention``."""
        return self._merge(self.memory.read(x, self.query.weight, mask), mask)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Let every head read the memory; the map is (B, H, N, S). See ``Attention.attend``."""
        query = self.query(x).unflatten(-1, (self.heads, self.head_dim))  # (B, N, H, C'/H)
        read, weights = self.memory(query, mask)  # (B, N, H, C'/H), (B, N, H, S)
        return self._merge(read.flatten(2), mask), weights.transpose(1, 2)  # …, (B, H, N, S)

    def _merge(self, read: Tensor, mask: Tensor | None) -> Tensor:
        out: Tensor = self.project(read)  # (B, N, C)
        return out if mask is None else out * mask.unsqueeze(-1)
