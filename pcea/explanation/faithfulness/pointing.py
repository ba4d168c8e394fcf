"""The pointing game: whether the highest point of a map lies in the right part."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.explanation.faithfulness.figures import PointingGame
from pcea.explanation.faithfulness.maps import CloudMaps


def point_to_parts(maps: Sequence[CloudMaps], part: Tensor) -> PointingGame | None:
    """Say how often the saliency of a part's prediction is highest in that part.

    There is one trial for each part that is in a cloud and that the model gives to some of its
    points; chance is the share of the cloud's points that are in the part. ``part`` (M, N) has the
    true parts.
    """
    trials = [
        (float(truth[point] == wanted), float((truth == wanted).float().mean()))
        for each, truth in zip(maps, part, strict=True)
        if len(truth.unique()) > 1
        for wanted, point in each.of_parts.items()
        if bool((truth == wanted).any())
    ]
    return _game(trials)


def point_by_columns(
    maps: Sequence[CloudMaps], part: Tensor, category: Tensor
) -> PointingGame | None:
    """Say how often a column of the attention is highest in the part that it is about.

    The part that a column is about is, within a category (M,), the one in which its highest point
    lies most often on half of the clouds; the other half are the trials, and the other way round.
    Chance is the share of the cloud's points that are in this part. ``part`` (M, N) has the true
    parts. Without an attention map, or without two clouds of a category, there is no game.
    """
    several = torch.tensor([len(truth.unique()) > 1 for truth in part])
    num = int(part.max()) + 1
    hits, chances = [], []
    for each in category[several].unique() if len(maps[0].peaks) else ():
        clouds = ((category == each) & several).nonzero()[:, 0].tolist()
        # (clouds, K) the part at each column's highest point, (clouds, parts) the parts' shares
        at_peak = torch.stack([part[i][maps[i].peaks] for i in clouds])
        share = torch.stack([part[i].bincount(minlength=num) / len(part[i]) for i in clouds])
        halves = torch.arange(len(clouds)) % 2 == 0
        for own, other in (halves, ~halves), (~halves, halves):
            if own.any() and other.any():
                about = F.one_hot(at_peak[own], num).sum(0).argmax(1)  # (K,)
                hits.append((at_peak[other] == about).float().flatten())
                chances.append(share[other][:, about].flatten())
    if not hits:
        return None
    pairs = zip(torch.cat(hits).tolist(), torch.cat(chances).tolist(), strict=True)
    return _game(pairs)


def _game(trials: Iterable[tuple[float, float]]) -> PointingGame | None:
    hits, chances = zip(*trials, strict=True) if (trials := list(trials)) else ((), ())
    if not hits:
        return None
    return PointingGame(len(hits), sum(hits) / len(hits), sum(chances) / len(chances))
