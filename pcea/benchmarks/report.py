"""The results of a benchmark as tables, and as the content of a JSON file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pcea.benchmarks.limits import Limits
from pcea.benchmarks.measure import Measured, Quartiles, Row

NOTHING = "–"
Table = tuple[Sequence[str], Sequence[Sequence[str]]]


@dataclass(frozen=True)
class Finding:
    """A result.

    Args:
        parts: what to print, in order: lines, and tables as a header with rows.
        values: what to add to the JSON file.
    """

    parts: Sequence[str | Table]
    values: Mapping[str, Any] = field(default_factory=dict)


def outcome(measured: Measured, limits: Limits) -> Finding:
    """Give the title and the table of a contest."""
    title, reference = measured.contest.title, measured.reference
    if not any(row.seconds for row in measured.rows):
        return Finding([f"\n{title}: nothing was measured"])
    than = "" if reference is None else f" (× faster than {reference.contestant.name})"
    return Finding([f"\n{title}{than}", table(measured, limits)])


def table(measured: Measured, limits: Limits) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Give the header, and one row per contestant that was measured.

    The ratio to the reference is the first figure. Empty columns are left out.
    """
    unit = measured.contest.unit
    titles = (
        *("contestant", "×", "quartiles", "ms", "quartiles", f"{unit}/s", "GFLOP/s", "of limit"),
        *("peak MiB", measured.contest.agreement, "first call s"),
    )
    rows = [_cells(measured, row, limits) for row in measured.rows if row.seconds]
    kept = [i for i in range(len(titles)) if any(row[i] != NOTHING for row in rows)]
    return tuple(titles[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def complaints(measured: Measured) -> list[str]:
    """Say of each contestant that was not measured why, in one line each."""
    return [f"{row.contestant.name}: {row.error}" for row in measured.rows if row.error]


def as_json(measured: Measured, limits: Limits) -> dict[str, Any]:
    """Return everything of a contest as plain values; times are in seconds."""
    contest = measured.contest
    reference = measured.reference
    return {
        "title": contest.title,
        "reference": None if reference is None else reference.contestant.name,
        "items": contest.items,
        "unit": contest.unit,
        "size": contest.size,
        "agreement": contest.agreement if contest.agree is not None else None,
        "interrupted": measured.interrupted,
        "rows": [_values(measured, row, limits) for row in measured.rows],
    }


def document(
    what: str,
    options: Mapping[str, Any],
    machine: Mapping[str, Any],
    limits: Limits,
    outcomes: Sequence[Measured],
    more: Mapping[str, Any],
    interrupted: bool,
) -> dict[str, Any]:
    """Assemble the content of a run's JSON file; ``more`` are the values of its findings."""
    return {
        "benchmark": what,
        "options": dict(options),
        "machine": dict(machine),
        "limits": {"products": limits.products, "copy": limits.copy},
        "interrupted": interrupted,
        "contests": [as_json(outcome, limits) for outcome in outcomes],
        **more,
    }


def say_limits(limits: Limits) -> str:
    """Write the limits in one line."""
    rates = ", ".join(f"{name} {rate / 1e9:,.0f}" for name, rate in limits.products.items())
    return f"limit: products of matrices {rates} GFLOP/s, copy {limits.copy / 1e9:,.1f} GB/s"


def _cells(measured: Measured, row: Row, limits: Limits) -> tuple[str, ...]:
    time, ratio = row.time, measured.ratio(row)
    assert time is not None
    contest = measured.contest
    share = limits.share(row.contestant, time.median)
    work = row.contestant.work
    return (
        row.contestant.name,
        NOTHING if ratio is None else f"{number(ratio.median)} ×",
        NOTHING if ratio is None else f"{number(ratio.low)}–{number(ratio.high)}",
        number(1e3 * time.median),
        f"{number(1e3 * time.low)}–{number(1e3 * time.high)}",
        number(contest.items / time.median) if contest.items else NOTHING,
        number(work / time.median / 1e9) if work else NOTHING,
        NOTHING if share is None else f"{100 * share:.0f} %",
        NOTHING if row.peak is None else number(row.peak / 2**20),
        NOTHING if row.agreement is None else agreement(row.agreement, contest.agreement),
        NOTHING if row.first_call is None else number(row.first_call),
    )


def _values(measured: Measured, row: Row, limits: Limits) -> dict[str, Any]:
    time = row.time
    contestant = row.contestant
    return {
        "name": contestant.name,
        "kind": contestant.kind,
        "precision": contestant.precision,
        "ratio": _quartiles(measured.ratio(row)),
        "seconds": _quartiles(time),
        "samples": row.seconds,
        "first_call_seconds": row.first_call,
        "per_second": measured.contest.items / time.median if time else None,
        "operations": contestant.work or None,
        "share_of_limit": limits.share(contestant, time.median) if time else None,
        "peak_bytes": row.peak,
        "agreement": row.agreement,
        "error": row.error or None,
    }


def _quartiles(values: Quartiles | None) -> dict[str, float] | None:
    if values is None:
        return None
    return {"median": values.median, "low": values.low, "high": values.high}


def number(value: float) -> str:
    """Write a number with three significant digits and without an exponent."""
    for bound, digits in ((100.0, 0), (10.0, 1), (1.0, 2), (0.1, 3)):
        if abs(value) >= bound:
            return f"{value:,.{digits}f}"
    return f"{value:.4f}"


def agreement(value: float, what: str) -> str:
    """Write a share in per cent, 100 only if all agree, or a difference as it is."""
    if what.startswith("same"):
        return "100 %" if value == 1 else f"{min(100 * value, 99.99):.2f} %"
    return f"{value:.1e}"
