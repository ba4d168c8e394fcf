"""The figures of how faithful a model's maps are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pcea.explanation.faithfulness.maps import TITLES


@dataclass(frozen=True)
class Difference:
    """The mean over clouds of a paired difference, and half of its 95 % confidence interval."""

    mean: float
    margin: float


@dataclass(frozen=True)
class Curve:
    """Deletion or insertion in the order of one map, the mean over clouds.

    A deletion is good if its area is small, an insertion if it is large.

    Args:
        probability: of the truth, at each share of points.
        accuracy: the share of right predictions.
        probability_area, accuracy_area: the mean height of each.
        over: how much better the area of the probability is than that of each baseline, by name.
    """

    probability: tuple[float, ...]
    accuracy: tuple[float, ...]
    probability_area: float
    accuracy_area: float
    over: Mapping[str, Difference]


@dataclass(frozen=True)
class PointingGame:
    """How often the highest point of a map lies in the right part, 0 to 1.

    Args:
        trials: how many maps were tried.
        hits: the share of them whose highest point lies in the part.
        chance: the mean share of the points that are in the part.
        shuffled_weights: the hits of the same model with all weights shuffled.
    """

    trials: int
    hits: float
    chance: float
    shuffled_weights: float | None = None


@dataclass(frozen=True)
class Faithfulness:
    """How faithful the maps of a model are; docs/faithfulness.md defines every figure.

    Args:
        attention: the name of the model's attention.
        kind: whether its map is over ``slots`` or among ``points``; None: it has none.
        clouds: how many clouds were measured.
        left_out: how many more were drawn, and left out because too many of their points are at
            one place or near the center.
        num_points: points of each cloud.
        repeats: how many random orders each cloud got.
        seed: of all that was drawn.
        deleted: the shares of points at which the curves of deletion are known.
        inserted: the same of insertion.
        deletion, insertion: the curves by the name of the map.
        pointing: the games by the name of the map; empty where no points have parts.
        blocks: the blocks whose weights were shuffled, the first one first.
        correlation: for each map its rank correlation with the trained model's, after each block.
        notes: what could not be measured and why, one sentence each.
    """

    attention: str
    kind: str | None
    clouds: int
    left_out: int
    num_points: int
    repeats: int
    seed: int
    deleted: tuple[float, ...]
    inserted: tuple[float, ...]
    deletion: Mapping[str, Curve] = field(repr=False)
    insertion: Mapping[str, Curve] = field(repr=False)
    pointing: Mapping[str, PointingGame] = field(repr=False)
    blocks: tuple[str, ...] = field(repr=False)
    correlation: Mapping[str, tuple[float, ...]] = field(repr=False)
    notes: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """All figures, as a JSON file has them."""
        return asdict(self) | {"titles": {name: TITLES[name] for name in self.deletion}}
