"""Causal attention (CATT): a point reads its own cloud, and a dictionary of the training set."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.attention.base import MapKind, at_least_float32, register_attention, require_positive
from pcea.attention.self_attention import SelfAttention
from pcea.geometry import kmeans


@register_attention("catt")
class CATTAttention(SelfAttention):
    """CATT: in-sample attention, A V, beside cross-sample attention, A' V', of the same queries.

    The keys and values of the in-sample attention are those of the cloud, as in self-attention;
    those of the cross-sample attention are of a dictionary D of K features. Both are projected by
    the same weights, so that D lies in the space of the input. In each head, the outputs of both
    are concatenated; all are projected to C channels. D starts at random; training sets it to the
    k-means centers of the features of training clouds before the first step.

    There are two maps, and ``map_kind``, an attribute that may be set at any time, says which one
    ``attend`` returns: A', (B, H, N, K), with ``"slots"``, the default; A, (B, H, N, N), with
    ``"points"``.

    Args:
        dim: channels C.
        heads: number of heads H, a divisor of C; each has d = C/H channels.
        slots: features K of the dictionary.

    Raises:
        InputError: a size is not a positive whole number, or the heads do not divide C.

    Source:
        Yang et al., Causal Attention for Vision-Language Tasks, arXiv 2103.03493. Their code has
        shared projections as the variant ``ft_same``.
    """

    map_kind: MapKind = "slots"
    map_kinds = ("slots", "points")

    def __init__(self, dim: int, heads: int = 4, slots: int = 64) -> None:
        super().__init__(dim, heads)
        require_positive(slots=slots)
        self.dictionary = nn.Parameter(torch.randn(slots, dim))  # (K, C)
        self.project = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output without storing a map; see ``Attention.forward``."""
        query, key, value = self._split(x)
        own = self._read(query, key, value, mask)
        key, value = (each.expand(len(x), -1, -1, -1) for each in self._entries())
        across = F.scaled_dot_product_attention(query, key, value)
        return self._merge(torch.cat([own, across], -1), mask)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map that ``map_kind`` names; see ``Attention.attend``."""
        query, key, value = self._split(x)
        own = self._weights(query, key, mask)
        keys, values = self._entries()
        across = (at_least_float32(query @ keys.mT) * self.head_dim**-0.5).softmax(-1)
        read = [own.to(value.dtype) @ value, across.to(values.dtype) @ values]
        out = self._merge(torch.cat(read, -1), mask)
        if self.map_kind == "points":
            return out, own
        return out, across if mask is None else across * mask[:, None, :, None]

    def _entries(self) -> tuple[Tensor, Tensor]:
        """Compute the keys and values of the dictionary, (H, K, d) each."""
        both = F.linear(self.dictionary, self.qkv.weight[self.dictionary.shape[1] :])  # (K, 2 C)
        keys, values = both.unflatten(-1, (2, self.heads, self.head_dim)).permute(1, 2, 0, 3)
        return keys, values

    @torch.no_grad()
    def initialize_from(self, features: Tensor) -> None:
        """Set the dictionary to the K k-means centers of features (M, C).

        With fewer features than K, the rest of the dictionary stays as it is.
        """
        centers = kmeans(features, len(self.dictionary))
        self.dictionary[: len(centers)] = centers
