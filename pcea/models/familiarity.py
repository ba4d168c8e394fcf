"""How like the shapes that a model was trained on a shape is, by its features and its answer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.errors import InputError

# The share of the mean variance that each direction gets besides its own: dead channels have none.
SHRINKAGE = 0.01
# Features that are all alike have no variance, and distances from them stay finite.
LEAST_VARIANCE = 1e-12
# The factor of log(p₁ / p₂) that is subtracted from the distance; see docs/calibration.md.
CLEARNESS = 0.1
# Smaller probabilities count as this one.
LEAST_PROBABILITY = 1e-9


def of_shape(features: Tensor) -> Tensor:
    """Give (B, width) features of whole clouds; of points, (B, N, width), it is the mean."""
    return features if features.ndim == 2 else features.mean(1)


def strangeness(distance: Tensor, probability: Tensor) -> Tensor:
    """Score how much shapes seem to be of an unknown kind: the higher, the more.

    A model tends to find a shape of an unknown kind far from all categories, and several categories
    about equally likely. So the score is the distance less :data:`CLEARNESS` times log(p₁ / p₂). It
    has no fixed scale, and may be negative. The combination is this project's own, measured in
    docs/calibration.md.

    Args:
        distance: (…) of :meth:`Familiarity.distance`.
        probability: (…, categories), of which p₁ and p₂ are the highest; p₂ of a single category
            is 0.
    """
    several = F.pad(probability, (0, 1)).clamp(min=LEAST_PROBABILITY)
    first, second = several.log().topk(2).values.unbind(-1)
    return distance - CLEARNESS * (first - second)


class Familiarity(nn.Module):
    """The mean features of each category, and how features spread about them.

    The distance of features is the Mahalanobis distance to the nearest mean, with one covariance
    for all categories, divided by √width: about 1 for the shapes that it was fitted to, more for
    what is unlike them.

    Args:
        categories: how many there are.
        width: channels of the features.

    Source:
        Lee et al., *A Simple Unified Framework for Detecting Out-of-Distribution Samples and
        Adversarial Attacks*, arXiv 1807.03888, section 2.1, for the last features alone.
    """

    mean: Tensor
    whitening: Tensor

    def __init__(self, categories: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(categories, width))
        self.register_buffer("whitening", torch.eye(width))

    @torch.no_grad()
    def fit(self, features: Tensor, category: Tensor) -> None:
        """Learn from features (M, width) of the training split and their categories (M,), int64.

        A category without features gets the mean of another one. It is an InputError if features
        are not finite or fewer than two.
        """
        if len(features) < 2 or not features.isfinite().all():
            raise InputError("familiarity needs at least 2 features, and all of them finite")
        wide, one_hot = features.double(), torch.eye(len(self.mean), dtype=torch.float64)
        belongs = one_hot.to(features.device)[category]  # (M, categories)
        count = belongs.sum(0).unsqueeze(1)
        mean = belongs.T @ wide / count.clamp(min=1)
        mean = torch.where(count > 0, mean, mean[category[0]])
        off = wide - mean[category]
        spread = off.T @ off / len(off)
        spread += torch.eye(len(spread)).to(spread) * SHRINKAGE * spread.diagonal().mean()
        values, axes = torch.linalg.eigh(spread)
        self.mean.copy_(mean)
        self.whitening.copy_(axes / values.clamp(min=LEAST_VARIANCE).sqrt())

    def distance(self, features: Tensor) -> Tensor:
        """Measure features (B, width): (B,) distances, 0 or more."""
        center = self.mean.mean(0)  # subtracted first, since features may be far from zero
        own, means = ((each - center) @ self.whitening for each in (features.float(), self.mean))
        return torch.cdist(own, means).amin(-1) / features.shape[-1] ** 0.5
