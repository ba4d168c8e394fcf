"""The attention of CaaM: a causal output, and a complementary one of the confounders."""

import torch
from torch import Tensor

from pcea.attention.base import register_attention
from pcea.attention.self_attention import SelfAttention


@register_attention("caam")
class CausalAttention(SelfAttention):
    """Causal attention: softmax(+α) V, and as its complement softmax(−α) V, with α = Q Kᵀ / √d.

    Both have the same projections. A point reads most from the points with the highest scores, and
    its complement from those with the lowest. The model's layer adds its input to the first alone,
    and the next layer takes the sum of both; see :class:`pcea.models.encoder.AttentionLayer`. The
    map is that of the first, softmax(+α).

    The training method ``caam`` moves what does not hold in all parts of the training set into the
    complement. By the method ``plain``, the model is trained like any other.

    Args:
        dim: channels C.
        heads: number of heads H, a divisor of C; each has d = C/H channels.

    Raises:
        InputError: a size is not a positive whole number, or the heads do not divide C.

    Source:
        Wang et al., Causal Attention for Unbiased Visual Recognition, arXiv 2108.08782.
    """

    complementary = True
    training_method = "caam"

    def forward(
        self,
        x: Tensor,
        pos: Tensor | None = None,
        mask: Tensor | None = None,
        complement: bool = False,
    ) -> Tensor:
        """Compute the output, (B, N, C), or with its complement (2B, N, C).

        Both are computed in one call of ``scaled_dot_product_attention``; see
        ``Attention.forward``.
        """
        if not complement:
            return super().forward(x, pos, mask)
        query, key, value = self._split(x)
        read = self._read(torch.cat([query, -query], 2), key, value, mask)  # (B, H, 2N, d)
        both = torch.cat(read.chunk(2, dim=2))  # (2B, H, N, d)
        return self._merge(both, None if mask is None else mask.repeat(2, 1))
