"""The figures of a model's slots."""

import csv
import io
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from pcea.attention import MapKind
from pcea.datasets import Taxonomy
from pcea.formats import replacing


@dataclass(frozen=True)
class SlotFigures:
    """What is known of one slot, or of how much one head's points are attended to.

    Args:
        layer: from 0.
        head: from 0.
        slot: from 0; None: the mean row of a map among points, what each point receives.
        entropy: of its distribution over a shape's points, 0 (one point) to 1 (everywhere alike).
        agreement: mean cosine of where it lies in two shapes of one category, −1 to 1.
        agreement_elsewhere: the same for two shapes of different categories.
        part_agreement: the same for the parts in which it lies, two shapes of one category.
        nmi: normalized mutual information of being above the shape's mean and the part.
        shuffled_mean, shuffled_95: the mean and the 95th percentile of ``nmi`` with each shape's
            labels shuffled among its points.
        slabs_mean, slabs_95: the same with labels exchanged so that every part is a slab.
        part: the part that its values single out best.
        auc: how well, as area under the ROC curve, the mean over shapes.
    """

    layer: int
    head: int
    slot: int | None
    entropy: float
    agreement: float | None
    agreement_elsewhere: float | None
    part_agreement: float | None = None
    nmi: float | None = None
    shuffled_mean: float | None = None
    shuffled_95: float | None = None
    slabs_mean: float | None = None
    slabs_95: float | None = None
    part: str | None = None
    auc: float | None = None

    @property
    def lift(self) -> float | None:
        """``nmi`` above ``slabs_mean``, the stronger of its baselines."""
        return _difference(self.nmi, self.slabs_mean)

    @property
    def gain(self) -> float | None:
        """``agreement`` above ``agreement_elsewhere``: of the category, not of the place."""
        return _difference(self.agreement, self.agreement_elsewhere)

    @property
    def above_chance(self) -> bool | None:
        """Whether ``nmi`` is above the 95th percentiles of both baselines."""
        if self.nmi is None or self.shuffled_95 is None or self.slabs_95 is None:
            return None
        return self.nmi > max(self.shuffled_95, self.slabs_95)

    @property
    def name(self) -> str:
        """What to call it in a picture."""
        head = f" head {self.head}" if self.head else ""
        slot = "received" if self.slot is None else f"slot {self.slot}"
        return f"layer {self.layer}{head} {slot}"


@dataclass(frozen=True)
class LayerFigures:
    """What is known of one head of a layer: ``entropy`` is the mean over its slots.

    ``nmi`` and its baselines are of a point's strongest slot and its part, and ``above_chance`` is
    the share of the slots that are; see :class:`SlotFigures`.
    """

    layer: int
    head: int
    entropy: float
    nmi: float | None = None
    shuffled_mean: float | None = None
    shuffled_95: float | None = None
    slabs_mean: float | None = None
    slabs_95: float | None = None
    above_chance: float | None = None


@dataclass(frozen=True)
class SlotStatistics:
    """The figures of all slots of a model over a data set.

    Args:
        kind: ``slots``, or ``points`` where the map is among points and has no slots; what is
            measured is then how much each point receives.
        clouds: how many shapes were encoded.
        points: how many points of each the attention took.
        repeats: how many times the labels were exchanged for each baseline.
        seed: of the points drawn and of the baselines.
        slots: one per slot, layer by layer, head by head.
        layers: one per head.
        taxonomy: names of the parts.
        auc: (slots, parts) area under the ROC curve of each slot for each part, the mean over the
            shapes that have the part; NaN where none has.
    """

    kind: MapKind
    clouds: int
    points: int
    repeats: int
    seed: int
    slots: tuple[SlotFigures, ...]
    layers: tuple[LayerFigures, ...]
    taxonomy: Taxonomy = field(repr=False)
    auc: Tensor = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"SlotStatistics({len(self.slots)} slots of {len(self.layers)} heads, "
            f"{self.clouds} clouds, {self.points} points of each)"
        )

    def rows(self) -> list[dict[str, Any]]:
        """The figures of each slot, for a table or a file."""
        derived = ("gain", "lift", "above_chance")
        return [asdict(s) | {name: getattr(s, name) for name in derived} for s in self.slots]

    def summary(self) -> dict[str, Any]:
        """All figures, as a JSON file has them."""
        how = ("kind", "clouds", "points", "repeats", "seed")
        return {name: getattr(self, name) for name in how} | {
            "layers": [asdict(each) for each in self.layers],
            "slots": self.rows(),
        }

    def save_table(self, path: str | os.PathLike[str]) -> None:
        """Write the figures of the slots as a CSV file, one row per slot."""
        rows = self.rows()
        with replacing(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
            writer = csv.DictWriter(text, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def telling(self) -> list[SlotFigures]:
        """The slots, the most telling first: by lift, or without parts by gain."""
        by = "lift" if any(each.lift is not None for each in self.slots) else "gain"
        return sorted(self.slots, key=lambda each: -(getattr(each, by) or 0.0))


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
