"""Deletion and insertion: what becomes of a prediction as points are left out or added."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from pcea.geometry import gather, three_interpolate
from pcea.models import PointModel
from pcea.models.preparing import NEAREST

# The shares of the points that a model is given. A model cannot be given none, and less than a
# twentieth is no longer a shape.
GIVEN = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


class Labeled(NamedTuple):
    """A batch of clouds whose points may be left out, on the device of the model."""

    pos: Tensor  # (B, N, 3)
    normal: Tensor | None  # (B, N, 3)
    category: Tensor  # (B,)
    part: Tensor | None  # (B, N); None: the category is predicted
    category_given: bool  # whether a segmenter is given the category

    def select(self, index: Tensor) -> "Labeled":
        """Take some of the clouds, by (K,) indices on any device."""
        index = index.to(self.pos.device)
        normal = None if self.normal is None else self.normal[index]
        part = None if self.part is None else self.part[index]
        return Labeled(self.pos[index], normal, self.category[index], part, self.category_given)


def counts(num_points: int) -> list[int]:
    """List how many of so many points a model is given, ascending."""
    return sorted({min(max(round(share * num_points), 2), num_points) for share in GIVEN})


def can_be_thinned(pos: Tensor) -> bool:
    """Say whether any subset of one cloud (N, 3) is a cloud that models take.

    The fewest points of :func:`counts` must not all be at one place, nor all close to the center.
    """
    least = counts(len(pos))[0]
    _, copies = pos.unique(dim=0, return_counts=True)
    reach = pos.abs().amax(1).kthvalue(least).values
    return int(copies.max()) < least and float(reach) >= NEAREST


def order_by(values: Tensor, generator: Generator) -> Tensor:
    """Order points by values (N,), the highest first, ties at random: (N,) int64."""
    order = torch.randperm(len(values), generator=generator)
    return order[values[order].argsort(descending=True, stable=True)]


def random_points(pos: Tensor, generator: Generator) -> Tensor:
    """Order points (N, 3) at random: (N,) int64."""
    return torch.randperm(len(pos), generator=generator)


def random_regions(pos: Tensor, generator: Generator) -> Tensor:
    """Order points (N, 3) by their distance from a random one, the nearest first: (N,) int64."""
    center = pos[int(torch.randint(len(pos), (), generator=generator))]
    return order_by(-(pos - center).norm(dim=1), generator)


def curve(model: PointModel, clouds: Labeled, order: Tensor, whole: Tensor) -> Tensor:
    """Measure a model on the first points of an order (B, N): (B, counts, 2), on the CPU.

    ``whole`` (B, 2) is :func:`figures_of` all points, which is the same for all orders.
    """
    order = order.to(clouds.pos.device)
    # The points stay in the order of the cloud: only which of them there are changes.
    subsets = (order[:, :count].sort(1).values for count in counts(order.shape[1])[:-1])
    return torch.stack([*(figures_of(model, clouds, keep) for keep in subsets), whole], dim=1)


@torch.no_grad()
def figures_of(model: PointModel, clouds: Labeled, keep: Tensor | None = None) -> Tensor:
    """Measure a model on some points, (B, K) indices, or on all of them: (B, 2), on the CPU.

    The two figures are the probability of the truth, and whether the prediction is right. For a
    segmenter, both are means over all N points, those that were left out too: parts are
    interpolated from the three nearest points that it was given.
    """
    pos, normal = clouds.pos, clouds.normal
    if keep is not None:
        pos = gather(pos, keep)
        normal = None if normal is None else gather(normal, keep)
    given = clouds.category if clouds.category_given else None
    probability = model(pos, normal, given).float().softmax(-1)
    if clouds.part is None:
        return _figures(probability, clouds.category)
    own = model.info.taxonomy.part_mask().to(pos.device)[clouds.category].unsqueeze(1)
    probability = probability * own  # only the parts of the category compete
    probability = probability / probability.sum(-1, keepdim=True).clamp(min=1e-12)
    probability = three_interpolate(clouds.pos, pos, probability)  # (B, N, parts)
    return _figures(probability, clouds.part).mean(1)


def _figures(probability: Tensor, truth: Tensor) -> Tensor:
    right = (probability.argmax(-1) == truth).float()
    of_truth = probability.gather(-1, truth.unsqueeze(-1)).squeeze(-1)
    return torch.stack([of_truth, right], dim=-1).cpu()


def area(values: Tensor, given: Tensor) -> Tensor:
    """Mean height of curves (…, counts) over the shares of points given (counts,): (…,)."""
    return torch.trapezoid(values, given) / (given[-1] - given[0])
