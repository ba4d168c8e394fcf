"""Whether a data set on disk is whole: every file read, every cloud counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import Layout, Source, pieces_of
from pcea.datasets.loading import find
from pcea.errors import InputError

# How many clouds a note names.
NAMED = 5


@dataclass(frozen=True)
class Report:
    """What a check found."""

    name: str  # of the data set
    folder: Path
    counts: dict[str, dict[str, int]]  # {split: {category: clouds}}
    points: tuple[int, int]  # fewest and most of a cloud
    parts: int  # number of part labels; 0 where only whole shapes are labeled
    complete: bool | None  # whether every official count is met; None where there is none to meet
    notes: tuple[str, ...] = ()  # what else a person should know, a sentence each

    @property
    def totals(self) -> dict[str, int]:
        """Clouds of each split."""
        return {split: sum(by_name.values()) for split, by_name in self.counts.items()}


def check(name: str, root: str | Path | None = None) -> Report:
    """Look for faults in a copy of a data set: read every split, and count its clouds.

    The arguments are those of `load_dataset`. A copy with fewer clouds than the official ones is
    reported as partial. What a layout must hold, :func:`pcea.testing.check_dataset` checks.

    Raises:
        InputError: it is not there, a file is missing or damaged, or every cloud of a split has all
            its points at one place.
    """
    layout, folder = find(name, root)
    if not layout.content:
        raise InputError(f"{name} is made on the fly: it has no files to check")
    return check_folder(layout, folder)


def check_folder(layout: Layout, folder: Path) -> Report:
    """Check a folder that is known to be the data set's, wherever it lies."""
    counts: dict[str, dict[str, int]] = {}
    names: dict[str, set[str]] = {}
    notes: list[str] = []
    points, num_parts = [], 0
    for split in layout.splits(folder):
        if split == "trainval":
            continue
        clouds, taxonomy = layout.read(folder, split)
        categories = taxonomy.categories
        tally = clouds.category.bincount(minlength=len(categories)).tolist()
        counts[split] = {c: n for c, n in zip(categories, tally, strict=True) if n}
        names[split] = set(clouds.names)
        notes += _collapsed(folder, split, clouds)
        points += [int(clouds.counts.min()), clouds.longest]
        num_parts = len(taxonomy.parts)
    if not counts:
        raise InputError(f"{folder}: has no split, so there is nothing to load")
    for one, other in combinations(names, 2):
        if both := names[one] & names[other]:
            notes.append(f"{one} and {other} share {len(both)} shapes")
    faults = _against_official(layout.source, counts)
    complete = not faults if layout.source else None
    extent = min(points), max(points)
    return Report(layout.name, folder, counts, extent, num_parts, complete, (*notes, *faults))


def _collapsed(folder: Path, split: str, clouds: Clouds) -> list[str]:
    """Name in a sentence the clouds whose points are all equal; refuse a split of nothing else."""
    several = clouds.pos.split(clouds.counts.tolist())
    # Centered clouds: one whose points are all equal lies at 0.
    names = [name for name, pos in zip(clouds.names, several, strict=True) if not pos.any()]
    if len(names) == len(clouds):
        raise InputError(
            f"{folder}: each of the {len(clouds)} clouds of {split} is a single place, "
            f"all its points equal, such as {names[0]}: the coordinates lost their digits"
        )
    if not names:
        return []
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [
        f"{len(names)} of the {len(clouds)} clouds of {split} "
        f"{'is' if len(names) == 1 else 'are'} a single place, all points equal: "
        f"{', '.join(names[:NAMED])}{more}"
    ]


def _against_official(source: Source | None, counts: dict[str, dict[str, int]]) -> list[str]:
    """A sentence for each split that differs from the published one."""
    faults = []
    for split, official in source.counts.items() if source else ():
        pieces = pieces_of(split)
        found = Counter[str]()
        for piece in pieces:
            found.update(counts.get(piece, {}))
        label, total = " + ".join(pieces), found.total()
        wanted = source.per_category.get(split, {}) if source else {}
        differ = [category for category, num in wanted.items() if found[category] != num]
        if not total:
            faults.append(f"{label} is not there (officially {official} clouds)")
        elif total != official:
            kind = "a partial copy" if total < official else "not the official split"
            faults.append(f"{label} has {total} of the official {official} clouds: {kind}")
        elif differ:
            faults.append(
                f"{label} has the official {official} clouds, but not {differ[0]}'s "
                f"{wanted[differ[0]]}"
            )
    return faults
