"""Multi-head external attention: heads that share one small memory."""

from torch import Tensor, nn

from pcea.attention.base import register_attention, require_positive, width_of_head
from pcea.attention.external import Memory, MemoryAttention


@register_attention("multihead-external")
class MultiHeadExternalAttention(MemoryAttention):
    """Multi-head external attention: all heads read from one shared memory.

    The input is projected from C to C' = expand · C channels and split into heads of C'/H; all
    heads read the same Mk and Mv, S slots of C'/H channels; their outputs are concatenated and
    projected back to C. The first projection has no bias, as the softmax over the points would
    cancel it. :class:`WideMultiHeadExternalAttention` has the defaults of the authors' networks.

    Args:
        dim: channels C.
        heads: number of heads H, a divisor of expand · C.
        slots: slots S of the shared memory.
        expand: C' / C.
        tied: let Mv be Mk.
        eps: keeps the second normalization finite.

    Source:
        Guo et al., Beyond Self-attention, arXiv 2105.02358, section 3.3 and algorithm 2.
    """

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
        head_dim = width_of_head(dim * expand, heads)
        self.query = nn.Linear(dim, dim * expand, bias=False)
        self.memory = Memory(slots, head_dim, tied, eps)
        self.project = nn.Linear(dim * expand, dim)

    def merge(self, read: Tensor, mask: Tensor | None) -> Tensor:
        """Project the outputs of the heads to (B, N, C)."""
        out: Tensor = self.project(read)  # (B, N, C)
        return out if mask is None else out * mask.unsqueeze(-1)


@register_attention("multihead-external-wide")
class WideMultiHeadExternalAttention(MultiHeadExternalAttention):
    """Multi-head external attention with the sizes of the authors' networks.

    The authors widen an attention with C channels, 4 heads and 256 slots to 4 · C channels and 16
    heads, with a quarter of the slots. The options are those of
    :class:`MultiHeadExternalAttention`.

    Source:
        Guo et al., Beyond Self-attention, arXiv 2105.02358, section 3.3 and their code of EAMLP.
    """

    def __init__(
        self,
        dim: int,
        heads: int = 16,
        slots: int = 64,
        expand: int = 4,
        tied: bool = False,
        eps: float = 1e-9,
    ) -> None:
        super().__init__(dim, heads, slots, expand, tied, eps)
