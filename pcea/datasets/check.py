"""The check of a data set on disk: read every file, count every cloud."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from pcea.datasets.layout import Layout, Source, pieces_of
from pcea.datasets.loading import find, splits_of
from pcea.errors import InputError


@dataclass(frozen=True)
class Report:
    """The result of a check."""

    name: str  # of the data set
    folder: Path
    counts: dict[str, Counter[str]]  # {split: {category: clouds}}
    points: tuple[int, int]  # of the smallest and the largest cloud
    parts: int  # number of part labels; 0 where only whole shapes are labeled
    complete: bool | None  # whether all official counts are met; None where there are none
    notes: tuple[str, ...] = ()  # further findings, one sentence each

    @property
    def totals(self) -> dict[str, int]:
        """The number of clouds in each split."""
        return {split: by_name.total() for split, by_name in self.counts.items()}


def check(name: str, root: str | Path | None = None) -> Report:
    """Check a copy of a data set: read every split, and count its clouds.

    The arguments are those of `load_dataset`. A copy with fewer clouds than the official ones is
    reported as partial. :func:`pcea.testing.check_dataset` checks the code of a layout.

    Raises:
        InputError: the data set or a file of it is missing or damaged, or in every cloud of a split
            all points are equal.
    """
    layout, folder = find(name, root)
    if not layout.content:
        raise InputError(f"{name} is made on the fly: it has no files to check")
    return check_folder(layout, folder)


def check_folder(layout: Layout, folder: Path) -> Report:
    """Check a folder that has the layout of the data set, wherever the folder lies."""
    counts: dict[str, Counter[str]] = {}
    names: dict[str, set[str]] = {}
    notes: list[str] = []
    points, num_parts = set[int](), 0
    for split in splits_of(layout, folder):
        if split == "trainval":
            continue
        clouds, taxonomy = layout.read(folder, split)
        ids = clouds.category.sort().values.tolist()
        counts[split] = Counter(taxonomy.categories[i] for i in ids)
        names[split] = set(clouds.names)
        # Clouds are centered: if all points are equal, all are 0.
        several = zip(clouds.names, clouds.pos.split(clouds.counts.tolist()), strict=True)
        if collapsed := [name for name, pos in several if not pos.any()]:
            more = f" and {len(collapsed) - 5} more" if len(collapsed) > 5 else ""
            note = (
                f"all points lie at a single place in {len(collapsed)} of the {len(clouds)} clouds "
                f"of {split}: {', '.join(collapsed[:5])}{more}"
            )
            if len(collapsed) == len(clouds):
                raise InputError(f"{folder}: {note}; the coordinates lost their digits")
            notes.append(note)
        points |= {int(clouds.counts.min()), clouds.longest}
        num_parts = len(taxonomy.parts)
    if not counts:
        raise InputError(f"{folder}: has no split, so there is nothing to load")
    for one, other in combinations(names, 2):
        if both := names[one] & names[other]:
            notes.append(f"{one} and {other} share {len(both)} shapes")
    faults = [] if layout.source is None else list(_against_official(layout.source, counts))
    complete = not faults if layout.source else None
    extent = min(points), max(points)
    return Report(layout.name, folder, counts, extent, num_parts, complete, (*notes, *faults))


def _against_official(source: Source, counts: dict[str, Counter[str]]) -> Iterator[str]:
    """Yield one sentence for each split that differs from the published one."""
    for split, official in source.counts.items():
        pieces = pieces_of(split)
        label, found = " + ".join(pieces), Counter[str]()
        for piece in pieces:
            found.update(counts.get(piece, {}))
        if not found:
            yield f"{label} is not there (officially {official} clouds)"
        elif (total := found.total()) != official:
            kind = "a partial copy" if total < official else "not the official split"
            yield f"{label} has {total} of the official {official} clouds: {kind}"
        else:
            wanted = source.per_category.get(split, {}).items()
            for category, num in [each for each in wanted if found[each[0]] != each[1]][:1]:
                yield f"{label} has {found[category]} of the official {num} clouds of {category}"
