"""Measures of how strongly two partitions of points are associated."""

import math

import torch
from torch import Generator, Tensor


def normalized_entropy(share: Tensor) -> Tensor:
    """Entropy of shares (…, N), divided by the largest that N allow: (…,) in 0..1; 1 if N is 1."""
    num = share.shape[-1]
    if num == 1:
        return torch.ones_like(share[..., 0])
    return (torch.special.entr(share).sum(-1) / math.log(num)).clamp(0, 1)


def normalized_mutual_information(counts: Tensor) -> Tensor:
    """Mutual information of rows and columns of counts (…, A, P): (…,) float64 in 0..1.

    It is divided by the geometric mean of their entropies; 0 where one of them never varies.
    Source: Strehl and Ghosh, *Cluster ensembles*, JMLR 2002, equation 2.
    """
    counts = counts.double()
    joint = counts / counts.sum((-1, -2), keepdim=True).clamp(min=1)
    marginals = joint.sum(-1), joint.sum(-2), joint.flatten(-2)
    of_row, of_column, of_both = (torch.special.entr(each).sum(-1) for each in marginals)
    shared = (of_row + of_column - of_both).clamp(min=0)
    scale = (of_row * of_column).sqrt()
    # Where an entropy is 0 up to rounding, the quotient would be noise.
    return torch.where(scale > 1e-6, shared / scale.clamp(min=1e-6), 0.0).clamp(max=1)


def middle_ranks(values: Tensor) -> Tensor:
    """Ranks of values (…, N) from 1, in their type; equal values share the middle one of theirs."""
    values = values.contiguous()
    ordered = values.sort(-1).values.contiguous()
    below = torch.searchsorted(ordered, values, right=False)
    not_above = torch.searchsorted(ordered, values, right=True)
    return (below + not_above + 1).to(values.dtype) / 2


def rank_correlation(one: Tensor, other: Tensor) -> Tensor:
    """Spearman's rank correlation of values (…, N) and (…, N): (…,) float64 in −1..1.

    Ties share their middle rank; 0 where all values of one side are equal.
    """
    ranks = [middle_ranks(each.double()) for each in (one, other)]
    a, b = (rank - rank.mean(-1, keepdim=True) for rank in ranks)
    scale = (a.square().sum(-1) * b.square().sum(-1)).sqrt()
    return torch.where(scale > 0, (a * b).sum(-1) / scale.clamp(min=1e-300), 0.0)


def area_under_curve(values: Tensor, labels: Tensor) -> Tensor:
    """Area under the ROC curve of values (B, K, N) for labels (B, N, P) of 0 and 1: (B, K, P).

    Ties count half; NaN where all points or none have the label. Source: Hanley and McNeil, *The
    meaning and use of the area under a ROC curve*, 1982.
    """
    rank = middle_ranks(values)  # (B, K, N)
    inside = labels.sum(1).unsqueeze(1)  # (B, 1, P)
    pairs = inside * (labels.shape[1] - inside)
    higher = rank @ labels.to(rank.dtype) - inside * (inside + 1) / 2
    return torch.where(pairs > 0, higher / pairs.clamp(min=1), torch.nan)


def excess(share: Tensor, cell: Tensor) -> Tensor:
    """In which cells more of a distribution lies than of the points: (B, K, G), unit length or 0.

    ``share`` (B, K, N) sums to 1 over the points N, ``cell`` (B, N, G) over the cells G.
    """
    over = (share - 1 / share.shape[-1]) @ cell
    length = over.norm(dim=-1, keepdim=True)
    # For a flat distribution only rounding errors remain, and their direction means nothing.
    return torch.where(length > 1e-5, over / length.clamp(min=1e-5), 0.0)


def soft_cells(pos: Tensor, nodes: int) -> Tensor:
    """Assign points (B, N, 3) trilinearly to the nodes of a grid from −1 to 1: (B, N, nodes³)."""
    place = (pos.clamp(-1, 1) + 1) * ((nodes - 1) / 2)  # (B, N, 3) in steps of the grid
    steps = torch.arange(nodes, device=pos.device)
    x, y, z = (1 - (place.unsqueeze(-1) - steps).abs()).clamp(min=0).unbind(2)  # (B, N, nodes)
    return torch.einsum("bni,bnj,bnk->bnijk", x, y, z).flatten(2)


def mean_cosines(total: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cosine of unit vectors within one group, and of different groups: (K,) each, or NaN.

    ``total`` (C, K, G) is the sum of the vectors of each of C groups, ``count`` (C, K) their
    number. Pairs are averaged within a group or two groups first, then over these.
    """
    total, count = total.double(), count.double()
    of_one = (total.square().sum(-1) - count) / (count * (count - 1))  # (C, K)
    within = torch.where(count > 1, of_one, torch.nan).nanmean(0)
    mean = total / count.clamp(min=1).unsqueeze(-1)
    groups = (count > 0).sum(0)
    both = mean.sum(0).square().sum(-1) - mean.square().sum(-1).sum(0)
    return within, torch.where(groups > 1, both / (groups * (groups - 1)), torch.nan)


def shuffle(labels: Tensor, generator: Generator) -> Tensor:
    """Exchange the labels (B, N) of each shape among its points at random."""
    order = torch.rand(labels.shape, generator=generator).argsort(1)
    return labels.gather(1, order.to(labels.device))


def cut_into_slabs(labels: Tensor, pos: Tensor, direction: Tensor, order: Tensor) -> Tensor:
    """Exchange the labels (B, N) of each shape among its points so that each label fills one slab.

    The points (B, N, 3) are cut across a direction (B, 3); ``order`` (B, P) sorts the P labels.
    """
    along = (pos @ direction.unsqueeze(-1)).squeeze(-1).argsort(dim=1, stable=True)  # (B, N)
    slabs = labels.gather(1, order.gather(1, labels).argsort(dim=1, stable=True))
    return torch.empty_like(labels).scatter_(1, along, slabs)
