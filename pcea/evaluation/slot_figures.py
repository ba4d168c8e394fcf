"""What is known of the slots of a model."""

from __future__ import annotations

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
class Chance:
    """What a figure comes to when the labels say nothing: its mean and its 95th percentile."""

    mean: float
    high: float


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
        nmi: normalised mutual information of being above the shape's mean and the part.
        shuffled: ``nmi`` with each shape's labels shuffled among its points.
        slabs: ``nmi`` with each shape's labels exchanged so that every part is a slab.
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
    shuffled: Chance | None = None
    slabs: Chance | None = None
    part: str | None = None
    auc: float | None = None

    @property
    def lift(self) -> float | None:
        """``nmi`` above the mean of ``slabs``, the stronger of its baselines."""
        return None if self.nmi is None or self.slabs is None else self.nmi - self.slabs.mean

    @property
    def gain(self) -> float | None:
        """``agreement`` above ``agreement_elsewhere``: of the category, not of the place."""
        if self.agreement is None or self.agreement_elsewhere is None:
            return None
        return self.agreement - self.agreement_elsewhere

    @property
    def above_chance(self) -> bool | None:
        """Whether ``nmi`` is above the 95th percentiles of both baselines."""
        if self.nmi is None or self.shuffled is None or self.slabs is None:
            return None
        return self.nmi > max(self.shuffled.high, self.slabs.high)

    @property
    def name(self) -> str:
        """What to call it in a picture."""
        head = f" head {self.head}" if self.head else ""
        return f"layer {self.layer}{head} " + (
            "received" if self.slot is None else f"slot {self.slot}"
        )


@dataclass(frozen=True)
class LayerFigures:
    """What is known of one head of a layer, all its slots together.

    Args:
        layer: from 0.
        head: from 0.
        entropy: mean over the slots.
        nmi: normalised mutual information of a point's strongest slot and its part.
        shuffled: the same with each shape's labels shuffled among its points.
        slabs: the same with each shape's labels exchanged so that every part is a slab.
        above_chance: share of the slots that are; see :class:`SlotFigures`.
    """

    layer: int
    head: int
    entropy: float
    nmi: float | None = None
    shuffled: Chance | None = None
    slabs: Chance | None = None
    above_chance: float | None = None


@dataclass(frozen=True)
class SlotStatistics:
    """The figures of all slots of a model over a data set.

    Args:
        kind: ``slots``, or ``points`` where the map is among points and has no slots; what is
            measured is then how much each point receives.
        clouds: how many shapes were looked at.
        points: how many points of each the attention saw.
        repeats: how many times the labels were exchanged for each baseline.
        seed: of the points drawn and of the baselines.
        slots: a row a slot, layer by layer, head by head.
        layers: a row a head.
        taxonomy: names of the parts.
        auc: (rows, parts) area under the ROC curve of each slot for each part, the mean over the
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

    def rows(self) -> list[dict[str, Any]]:
        """A flat row a slot, for a table or a file."""
        return [
            {
                **_flat(asdict(each)),
                "gain": each.gain,
                "lift": each.lift,
                "above_chance": each.above_chance,
            }
            for each in self.slots
        ]

    def layer_rows(self) -> list[dict[str, Any]]:
        """A flat row a head, for a table or a file."""
        return [_flat(asdict(each)) for each in self.layers]

    def summary(self) -> dict[str, Any]:
        """All figures, as a JSON file has them."""
        return {
            "kind": self.kind,
            "clouds": self.clouds,
            "points": self.points,
            "repeats": self.repeats,
            "seed": self.seed,
            "layers": self.layer_rows(),
            "slots": self.rows(),
        }

    def save_table(self, path: str | os.PathLike[str]) -> None:
        """Write the figures of the slots as a CSV file, one row per slot.

        Raises:
            InputError: the file cannot be written.
        """
        text, rows = io.StringIO(), self.rows()
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with replacing(path) as file:
            file.write(text.getvalue().encode())

    def telling(self) -> list[SlotFigures]:
        """The slots, the most telling first: by lift, or without parts by gain."""
        if any(each.lift is not None for each in self.slots):
            return sorted(self.slots, key=lambda each: -(each.lift or 0.0))
        return sorted(self.slots, key=lambda each: -(each.gain or 0.0))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Nested figures under joined names."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("shuffled", "slabs"):
            mean, high = (value["mean"], value["high"]) if value else (None, None)
            flat |= {f"{name}_mean": mean, f"{name}_95": high}
        else:
            flat[name] = value
    return flat
