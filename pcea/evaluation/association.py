"""How much two divisions of points have to do with each other."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor


def normalized_entropy(share: Tensor) -> Tensor:
    """Entropy of a distribution in shares of the largest that there can be.

    Args:
        share: (…, N) that sum to 1 over N.

    Returns:
        (…,) in 0..1: 0 where all lies at one place, 1 where it lies everywhere alike; 1 if N is 1.
    """
    num = share.shape[-1]
    if num == 1:
        return torch.ones_like(share[..., 0])
    return (torch.special.entr(share).sum(-1) / math.log(num)).clamp(0, 1)


def normalized_mutual_information(counts: Tensor) -> Tensor:
    """Mutual information of rows and columns over the geometric mean of their entropies.

    Args:
        counts: (…, A, P) how often row a met column p.

    Returns:
        (…,) float64 in 0..1: 0 where they are independent or one of them never varies, 1 where
        each tells the other.

    Source:
        Strehl and Ghosh, *Cluster ensembles*, JMLR 2002, equation 2.
    """
    counts = counts.double()
    joint = counts / counts.sum((-1, -2), keepdim=True).clamp(min=1)
    marginals = joint.sum(-1), joint.sum(-2), joint.flatten(-2)
    of_row, of_column, of_both = (torch.special.entr(each).sum(-1) for each in marginals)
    shared = (of_row + of_column - of_both).clamp(min=0)
    scale = (of_row * of_column).sqrt()
    # An entropy that is 0 but for rounding would divide rounding by rounding.
    return torch.where(scale > 1e-6, shared / scale.clamp(min=1e-6), 0.0).clamp(max=1)


def area_under_curve(values: Tensor, labels: Tensor) -> Tensor:
    """Area under the ROC curve of values that are to tell one label from all others.

    Args:
        values: (B, K, N) K values at N points.
        labels: (B, N, P) 1 at the points of each label, else 0.

    Returns:
        (B, K, P) the chance that a point of the label has a higher value than another point, ties
        counting half; NaN where all points or none have the label.

    Source:
        Hanley and McNeil, *The meaning and use of the area under a ROC curve*, 1982.
    """
    values = values.contiguous()
    ordered = values.sort(-1).values.contiguous()
    below = torch.searchsorted(ordered, values, right=False)
    not_above = torch.searchsorted(ordered, values, right=True)
    rank = (below + not_above + 1).to(values.dtype) / 2  # (B, K, N), the middle one of ties
    inside = labels.sum(1).unsqueeze(1)  # (B, 1, P)
    pairs = inside * (labels.shape[1] - inside)
    higher = rank @ labels.to(rank.dtype) - inside * (inside + 1) / 2
    return torch.where(pairs > 0, higher / pairs.clamp(min=1), torch.nan)


def excess(share: Tensor, cell: Tensor) -> Tensor:
    """In which cells more of a distribution lies than of the points.

    Args:
        share: (B, K, N) K distributions over N points, each summing to 1.
        cell: (B, N, G) how much of each point belongs to each of G cells, summing to 1 over G.

    Returns:
        (B, K, G) share in the cell less the cell's share of the points, scaled to unit length;
        0 where there is no excess anywhere.
    """
    over = (share - 1 / share.shape[-1]) @ cell
    length = over.norm(dim=-1, keepdim=True)
    # Sums of a flat distribution differ by rounding, which has a direction, too.
    return torch.where(length > 1e-5, over / length.clamp(min=1e-5), 0.0)


def soft_cells(pos: Tensor, nodes: int) -> Tensor:
    """Share points out over the nodes of a grid in the cube from −1 to 1, trilinearly.

    Args:
        pos: (B, N, 3) points of the unit sphere.
        nodes: nodes along each axis, at least 2.

    Returns:
        (B, N, nodes³) summing to 1 over the nodes.
    """
    place = (pos.clamp(-1, 1) + 1) * ((nodes - 1) / 2)  # (B, N, 3) in steps of the grid
    steps = torch.arange(nodes, device=pos.device)
    x, y, z = (1 - (place.unsqueeze(-1) - steps).abs()).clamp(min=0).unbind(2)  # (B, N, nodes)
    return torch.einsum("bni,bnj,bnk->bnijk", x, y, z).flatten(2)


def mean_cosines(total: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cosine between vectors of one group, and between vectors of different groups.

    Args:
        total: (C, K, G) sum of the unit vectors of each of C groups.
        count: (C, K) how many they are.

    Returns:
        (K,) each, pairs averaged within a group or two groups first, then over these; NaN where
        there are no pairs.
    """
    total, count = total.double(), count.double()
    of_one = (total.square().sum(-1) - count) / (count * (count - 1))  # (C, K)
    within = torch.where(count > 1, of_one, torch.nan).nanmean(0)
    mean = total / count.clamp(min=1).unsqueeze(-1)
    groups = (count > 0).sum(0)
    both = mean.sum(0).square().sum(-1) - mean.square().sum(-1).sum(0)
    return within, torch.where(groups > 1, both / (groups * (groups - 1)), torch.nan)


def shuffle(labels: Tensor, generator: Generator) -> Tensor:
    """Exchange the labels of each shape among its points at random.

    Args:
        labels: (B, N) int64.
        generator: on the CPU.

    Returns:
        (B, N), as many of each label in each shape.
    """
    order = torch.rand(labels.shape, generator=generator).argsort(1)
    return labels.gather(1, order.to(labels.device))


def cut_into_slabs(labels: Tensor, pos: Tensor, direction: Tensor, order: Tensor) -> Tensor:
    """Exchange the labels of each shape among its points so that each label fills one slab.

    Args:
        labels: (B, N) int64, 0 to P − 1.
        pos: (B, N, 3) the points.
        direction: (B, 3) across which each shape is cut.
        order: (B, P) a number for each label; the slabs come in the order of these.

    Returns:
        (B, N), as many of each label in each shape.
    """
    along = (pos @ direction.unsqueeze(-1)).squeeze(-1).argsort(dim=1, stable=True)  # (B, N)
    slabs = labels.gather(1, order.gather(1, labels).argsort(dim=1, stable=True))
    return torch.empty_like(labels).scatter_(1, along, slabs)
