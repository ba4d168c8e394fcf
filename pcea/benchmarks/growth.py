"""How the time of each contestant grows with the size of a cloud."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pcea.benchmarks.measure import Measured
from pcea.benchmarks.report import NOTHING, Finding, Table

Growth = dict[str, dict[tuple[int, int], float]]


def growth(outcomes: Sequence[Measured]) -> Growth:
    """Compute the exponent a between each two sizes that follow each other, if time is like N^a.

    With a = 1, twice as many points take twice as long, with a = 2 four times as long.

    Args:
        outcomes: contests of one computation at several sizes.

    Returns:
        The exponents by contestant and by pair of sizes, where both were measured.
    """
    times: dict[str, dict[int, float]] = {}
    for outcome in outcomes:
        for row in outcome.rows:
            if outcome.contest.size is not None and row.time is not None:
                of_size = times.setdefault(row.contestant.name, {})
                of_size[outcome.contest.size] = row.time.median
    sizes = sorted({size for of_size in times.values() for size in of_size})
    return {
        name: {
            (few, many): math.log(of_size[many] / of_size[few]) / math.log(many / few)
            for few, many in pairwise(sizes)
            if few in of_size and many in of_size
        }
        for name, of_size in times.items()
    }


def growth_findings(outcomes: Sequence[Measured]) -> Iterator[Finding]:
    """Give a table of exponents for each computation that was measured at several sizes."""
    parts: list[str | Table] = []
    values = {}
    for subject in dict.fromkeys(outcome.subject for outcome in outcomes):
        found = growth([each for each in outcomes if each.subject == subject])
        pairs = sorted({pair for of_pair in found.values() for pair in of_pair})
        if not pairs:
            continue
        rows = [
            (name, *(f"{of_pair[pair]:.2f}" if pair in of_pair else NOTHING for pair in pairs))
            for name, of_pair in found.items()
            if of_pair
        ]
        head = "contestant", *(f"{few:,} to {many:,}" for few, many in pairs)
        parts += [f"\n{subject}: the exponent a, if the time grows like points^a", (head, rows)]
        values[subject] = {
            name: [{"from": few, "to": many, "exponent": a} for (few, many), a in of_pair.items()]
            for name, of_pair in found.items()
        }
    if parts:
        yield Finding(parts, {"growth": values})
