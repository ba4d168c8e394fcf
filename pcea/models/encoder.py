"""The point transformer itself: embedding, attention layers, fused features."""

from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from pcea.attention import Attention, create_attention
from pcea.errors import InputError, nearest
from pcea.geometry import outward as turned_outward
from pcea.models.embedding import Embedding, Tokens, require_sizes
from pcea.models.lbr import LBR

Residual = Literal["offset", "add", "none", "pre-norm"]


class AttentionLayer(nn.Module):
    """One attention with its residual connection.

    ``offset``: x + LBR(x − attention(x)), PCT's offset; ``add``: x + LBR(attention(x)), the plain
    residual; ``none``: attention(x) alone. Source: Guo et al., *PCT*, equations 5 and 8.

    ``pre-norm``: y = x + attention(LN(x)), then y + MLP(LN(y)), with one hidden layer of 2 C
    channels and GELU. With multi-head external attention, this is the block of EAMLP. Source: Guo
    et al., *Beyond Self-attention*, and the authors' code, which puts external attention into the
    blocks of T2T-ViT (Yuan et al., arXiv 2101.11986).

    If the attention is complementary, its second output goes through the same layer with 0 in place
    of x, so that x passes by only in the first. Source: Wang et al., arXiv 2108.08782, section 4.
    """

    def __init__(
        self, dim: int, attention: str, residual: Residual = "offset", **options: Any
    ) -> None:
        super().__init__()
        if residual not in (known := get_args(Residual)):
            raise InputError(f"unknown residual {residual!r}{nearest(residual, known)}")
        self.residual = residual
        self.attention = create_attention(attention, dim, **options)
        self.norm = nn.LayerNorm(dim) if residual == "pre-norm" else nn.Identity()
        self.transform = LBR(dim, dim, bias=True) if residual in ("offset", "add") else None
        self.mlp = None
        if residual == "pre-norm":
            hidden = nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)
            self.mlp = nn.Sequential(nn.LayerNorm(dim), *hidden)

    def forward(self, x: Tensor, pos: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Apply the layer to (B, N, C) features; return its output and the complement, if any."""
        both = self.attention.complementary
        if both:
            out = self.attention(self.norm(x), pos, mask, complement=True)  # (2B, N, C)
            # As one batch, so that BatchNorm has one mean for both, in training and afterwards.
            x = torch.cat([x, torch.zeros_like(x)])
            mask = None if mask is None else mask.repeat(2, 1)
        else:
            out = self.attention(self.norm(x), pos, mask)
        if self.mlp is not None:
            out = x + out
            out = out + self.mlp(out)  # not 0 at padding, which nothing reads
        elif self.transform is not None:
            out = x + self.transform(x - out if self.residual == "offset" else out, mask)
        first, second = out.chunk(2) if both else (out, None)
        return first, second


class PointTransformer(nn.Module):
    """Embedding, attention layers, and their concatenated outputs fused by one LBR.

    Args:
        attention: a name of :func:`pcea.attention.list_attentions`.
        attention_options: options of the attention. Default: its own defaults. The layers take the
            values of a list in turn: ``{"turn": [0, 1]}`` gives layer 2 ``turn=0``.
        residual: the residual connection around an attention, see :class:`AttentionLayer`.
        depth: attention layers.
        normals: whether normals are an additional input.
        outward: whether the normals of each cloud are first turned outward together, see
            :func:`pcea.geometry.outward`: the side on which a file has them then does not matter.
        dims, num, k, inner, outer: see :class:`pcea.models.embedding.Embedding`.
        stem: LBR blocks between the embedding and the attention.
        keep_embedding: whether the embedding joins the concatenation.
        fused: channels after the fusion.

    Source:
        Guo et al., *PCT*, figure 2; Guo et al., *Beyond Self-attention*, section 3.
    """

    def __init__(
        self,
        attention: str = "external",
        attention_options: dict[str, Any] | None = None,
        residual: Residual = "offset",
        depth: int = 4,
        normals: bool = False,
        outward: bool = False,
        dims: tuple[int, ...] = (64, 128, 256),
        num: tuple[int | None, ...] = (512, 256),
        k: int = 32,
        inner: int = 2,
        outer: int = 0,
        stem: int = 2,
        keep_embedding: bool = True,
        fused: int = 1024,
    ) -> None:
        super().__init__()
        require_sizes(dims=dims, num=num, k=k, inner=inner, outer=outer)
        require_sizes(stem=stem, depth=depth, fused=fused)
        if not (depth or keep_embedding):
            raise InputError("model option depth is 0; that leaves nothing without keep_embedding")
        if outward and not normals:
            raise InputError("model option outward is true; that needs normals as an input")
        self.attention, self.normals, self.outward = attention, normals, outward
        self.dims, self.fused = tuple(dims), fused
        self.coarsens = any(count is not None for count in num)
        self.embedding = Embedding(6 if normals else 3, tuple(dims), tuple(num), k, inner, outer)
        dim = dims[-1]
        self.stem = nn.ModuleList(LBR(dim, dim) for _ in range(stem))
        self.layers = nn.ModuleList(
            AttentionLayer(dim, attention, residual, **_of_layer(attention_options or {}, layer))
            for layer in range(depth)
        )
        self.keep_embedding = keep_embedding
        self.fuse = LBR(dim * (depth + keep_embedding), fused, slope=0.2)

    @property
    def attentions(self) -> list[Attention]:
        """The attentions of the layers."""
        return [cast(AttentionLayer, layer).attention for layer in self.layers]

    def forward(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        mask: Tensor | None = None,
        complements: bool = False,
    ) -> list[Tokens]:
        """Encode a batch: the tokens of every level and, last, the fused ones, (B, M, ``fused``).

        The positions (B, N, 3) are centered and scaled to the unit sphere. An encoder made with
        normals needs them. If its attention is complementary, each layer takes the sum of both
        outputs of the one before. The tokens are fused from the first outputs. With
        ``complements``, the result has 3B clouds: the batch encoded from the first outputs, from
        the second ones, and from their sums. The second ones have 0 in place of the embedding, also
        in the finer levels.
        """
        if self.normals and normal is None:
            raise InputError("this encoder was made with normals, and it was given none")
        x = pos
        if normal is not None and self.normals:
            normal = turned_outward(pos, normal, mask) if self.outward else normal
            x = torch.cat([pos, normal], dim=-1)
        levels = self.embedding(pos, x, mask)
        pos, x, mask = levels[-1]
        outputs = [x] if self.keep_embedding else []
        seconds = [torch.zeros_like(each) for each in outputs] if complements else []
        for block in self.stem:
            x = block(x, mask)
        for layer in self.layers:
            x, second = layer(x, pos, mask)
            outputs.append(x)
            if second is not None:
                seconds.append(second)
                x = x + second
        joined = torch.cat(outputs, dim=-1)
        if complements:
            other = torch.cat(seconds, dim=-1)
            joined = torch.cat([joined, other, joined + other])  # (3B, M, C')
            levels = [level.with_complements() for level in levels]
            pos, _, mask = levels[-1]
        fused = self.fuse(joined, mask)  # (B, M, fused)
        return [*levels, Tokens(pos, fused, mask)]


def _of_layer(options: dict[str, Any], layer: int) -> dict[str, Any]:
    return {
        name: value[layer % len(value)] if isinstance(value, list | tuple) and value else value
        for name, value in options.items()
    }
