"""The table of a comparison, as an object, as text, and as plain values."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, stdev
from typing import Any

import numpy as np

from pcea.benchmarks.machine import say_machine
from pcea.comparison.grid import Grid
from pcea.comparison.measures import CLEAN, Cost, corruptions_of
from pcea.comparison.statistics import (
    CONFIDENCE,
    MOST_SEEDS,
    ONE_POINT,
    Difference,
    Scores,
    difference,
)
from pcea.version import __version__

NOTHING = "–"


@dataclass(frozen=True, eq=False)
class Row:
    """One attention of a comparison.

    Args:
        label: the attention with its options.
        cost: what it costs.
        scores: of each seed and condition, such as ``clean`` or ``jitter:3``, the ``figures`` and
            the ``scores`` of the clouds.
        difference: how much better it is than another attention, by default the first of the
            comparison; None for that one itself.
        corrupted_difference: the same on corrupted clouds, the mean over the corruptions.
    """

    label: str
    cost: Cost
    scores: Mapping[int, Mapping[str, Mapping[str, Any]]]
    difference: Difference | None = None
    corrupted_difference: Difference | None = None

    def figures(self, figure: str, condition: str = CLEAN) -> list[float]:
        """One value of each seed, 0..1."""
        return [each[condition]["figures"][figure] for each in self.scores.values()]

    def corrupted(self, figure: str) -> list[float]:
        """The mean over all corruptions, one value of each seed; empty without corruptions."""
        found = list[list[float]]()
        for names in corruptions_of(next(iter(self.scores.values()))):
            of_severities = [self.figures(figure, name) for name in names]
            found.append([fmean(values) for values in zip(*of_severities, strict=True)])
        return [fmean(values) for values in zip(*found, strict=True)]

    def compared_with(self, other: "Row") -> "Row":
        """Give it its differences from another attention, on the seeds that both have."""
        seeds = sorted(set(self.scores) & set(other.scores))
        if not seeds:
            return replace(self, difference=None, corrupted_difference=None)

        def between(corruptions: Sequence[Sequence[str]]) -> Difference | None:
            pair = (row._mean_scores(seeds, corruptions) for row in (self, other))
            return difference(*pair) if corruptions else None

        return replace(
            self,
            difference=between([[CLEAN]]),
            corrupted_difference=between(corruptions_of(self.scores[seeds[0]])),
        )

    def _mean_scores(self, seeds: Sequence[int], corruptions: Sequence[Sequence[str]]) -> Scores:
        """(seeds, clouds), the mean over the severities, then over the corruptions."""
        each = [
            np.array([[self.scores[seed][name]["scores"] for name in names] for seed in seeds])
            for names in corruptions
        ]
        return np.mean([of_severities.mean(1) for of_severities in each], axis=0)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of a comparison.

    Args:
        grid: the runs.
        split: what was measured on.
        clouds: how many clouds it has.
        conditions: ``clean`` and the corruptions.
        rows: one per attention, in the order in which they were given.
        machine: the machine that costs were measured on.
        failed: the runs that could not be trained, with the reason.
        faithful: for each attention that was measured, how faithful its maps are.
        commits: the versions of the code that trained the runs, where they are known.
    """

    grid: Grid
    split: str
    clouds: int
    conditions: tuple[str, ...]
    rows: tuple[Row, ...]
    machine: dict[str, Any]
    failed: dict[str, str]
    faithful: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    commits: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Comparison({len(self.rows)} attentions)\n{self.text()}"

    @property
    def figure(self) -> str:
        """The first figure of the task: ``overall_accuracy`` or ``instance_miou``."""
        first = next(iter(self.rows[0].scores.values()))
        return str(next(iter(first[CLEAN]["figures"])))

    @property
    def about(self) -> str:
        """What was trained and measured, in one sentence."""
        recipe, seeds = self.grid.recipe, ", ".join(map(str, self.grid.seeds))
        several = len(self.grid.seeds) > 1
        of = f"mean ± standard deviation of seeds {seeds}" if several else f"seed {seeds}"
        text = (
            f"{recipe.name}: {recipe.model} on {recipe.dataset}, {recipe.num_points:,} points, "
            f"{recipe.epochs} epoch{'s' * (recipe.epochs > 1)}; {spoken(self.figure)} of "
            f"the last epoch on the {self.clouds} clouds of the split {self.split}, {of}"
        )
        if len(self.conditions) > 1:
            text += f"; corrupted: the mean over {', '.join(self.conditions[1:])}"
        return text

    @property
    def measured_on(self) -> str:
        """What costs are and where they were measured, in one sentence."""
        recipe = self.grid.recipe
        return (
            f"GFLOP of a forward pass of one cloud; median time and peak memory of a training step "
            f"of {recipe.batch_size} clouds, all attentions in turn on {say_machine(self.machine)}"
        )

    def table(self) -> tuple[list[str], list[list[str]]]:
        """The titles of the columns, and the cells of each row as text."""
        titles = ["attention", *(title for title, _ in self._columns())]
        return titles, [
            [row.label, *(cell(row) for _, cell in self._columns())] for row in self.rows
        ]

    def _columns(self) -> list[tuple[str, Callable[[Row], str]]]:
        """The columns that some row has a value in."""
        figure = self.figure
        of_seeds = {len(row.scores) for row in self.rows} != {len(self.grid.seeds)}
        columns: list[tuple[str, Callable[[Row], str]]] = [
            (f"{spoken(figure)}, %", lambda row: spread(row.figures(figure))),
            ("difference (95 %)", lambda row: say_difference(row.difference)),
            ("corrupted, %", lambda row: spread(row.corrupted(figure))),
            ("corrupted difference (95 %)", lambda row: say_difference(row.corrupted_difference)),
            ("parameters", lambda row: f"{row.cost.parameters:,}"),
            ("GFLOP", lambda row: f"{row.cost.operations / 1e9:.3g}"),
            ("step, ms", lambda row: _number(row.cost.step_seconds, 1e3)),
            ("memory, MiB", lambda row: _number(row.cost.peak_bytes, 2.0**-20)),
        ]
        if of_seeds:
            columns.insert(1, ("seeds", lambda row: str(len(row.scores))))
        return [each for each in columns if any(each[1](row) != NOTHING for row in self.rows)]

    def text(self) -> str:
        """The table as Markdown, which is also readable as it stands."""
        titles, cells = self.table()
        lines = [
            [title.strip() for title in titles],
            ["---", *["---:"] * (len(titles) - 1)],
            *cells,
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def csv(self) -> str:
        """One line per attention, seed and condition, with all figures, 0..1."""
        file = io.StringIO()
        names = list(next(iter(self.rows[0].scores.values()))[CLEAN]["figures"])
        costs = list(asdict(self.rows[0].cost))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["attention", "seed", "condition", *names, *costs])
        for row in self.rows:
            for seed, found in row.scores.items():
                for condition, each in found.items():
                    figures = [each["figures"][name] for name in names]
                    own = asdict(row.cost).values()
                    writer.writerow([row.label, seed, condition, *figures, *own])
        return file.getvalue()

    def as_dict(self) -> dict[str, Any]:
        """Everything but the scores of single clouds, as plain values."""
        return {
            "recipe": asdict(self.grid.recipe),
            "split": self.split,
            "clouds": self.clouds,
            "conditions": list(self.conditions),
            "figure": self.figure,
            "seeds": list(self.grid.seeds),
            "baseline": self.rows[0].label,
            "attentions": [self._values(row) for row in self.rows],
            "findings": self.findings(),
            "failed": self.failed,
            "commits": self.commits,
            "faithful": dict(self.faithful),
            "machine": self.machine,
            "version": __version__,
        }

    def _values(self, row: Row) -> dict[str, Any]:
        differences = {
            name: None if found is None else {**asdict(found), "verdict": found.verdict}
            for name, found in (
                ("difference", row.difference),
                ("corrupted_difference", row.corrupted_difference),
            )
        }
        figures = {
            str(seed): {name: each["figures"] for name, each in found.items()}
            for seed, found in row.scores.items()
        }
        clean, corrupted = row.figures(self.figure), row.corrupted(self.figure)
        return {
            "attention": row.label,
            "mean": fmean(clean),
            "std": stdev(clean) if len(clean) > 1 else None,
            "corrupted_mean": fmean(corrupted) if corrupted else None,
            "corrupted_std": stdev(corrupted) if len(corrupted) > 1 else None,
            **asdict(row.cost),
            **differences,
            "figures": figures,
        }

    def findings(self) -> list[str]:
        """Which differences are real, what is missing, and what is too little, in sentences."""
        found = [f"Failed: {run}: {reason}." for run, reason in self.failed.items()]
        if len(self.commits) > 1:
            short = ", ".join(each[:7] + "+" * each.endswith("+") for each in self.commits)
            found.append(
                f"The runs were trained by {len(self.commits)} versions of the code: {short}."
            )
        first = self.rows[0]
        for row in self.rows[1:]:
            shared, own = len(set(row.scores) & set(first.scores)), len(row.scores)
            if shared < own:
                so = "the difference is of these" if shared else "there is no difference"
                has = shared or "none"
                found.append(f"{first.label} has {has} of the {own} seeds of {row.label}: {so}.")
        for where, name in ("Clean", "difference"), ("Corrupted", "corrupted_difference"):
            pairs = [(row.label, getattr(row, name)) for row in self.rows]
            found += _sentences(where, self.rows[0].label, [(a, b) for a, b in pairs if b])
        return found


def _sentences(where: str, baseline: str, found: Sequence[tuple[str, Difference]]) -> list[str]:
    lines = []
    for verdict in ("better", "worse"):
        names = [
            f"{label} ({say_difference(d)} points)" for label, d in found if d.verdict == verdict
        ]
        if names:
            lines.append(f"{where} clouds: {verdict} than {baseline}: {'; '.join(names)}.")
    if same := [label for label, d in found if d.verdict == "no significant difference"]:
        lines.append(
            f"{where} clouds: no significant difference from {baseline}: {', '.join(same)}."
        )
    if single := [label for label, d in found if d.over_seeds is None]:
        lines.append(
            f"{where} clouds: {', '.join(single)}: with one seed it is unknown what other seeds "
            "would give; train at least two, better five."
        )
    tested = [(label, d) for label, d in found if d.over_seeds is not None]
    if few := [(d.needed or 0, d.seeds, label) for label, d in tested if d.too_few]:
        needed, seeds, label = max(few)
        more = " or more" if needed == MOST_SEEDS else ""
        lines.append(
            f"{where} clouds: too few seeds to measure every difference to ± 1 point: if the "
            f"deviations stay as they are, {label} needs {needed}{more} ({seeds} here)."
        )
    widths = [(d.over_clouds[1] - d.over_clouds[0]) / 2 for _, d in found]
    if widths and max(widths) > ONE_POINT:
        lines.append(
            f"{where} clouds: too few clouds to measure every difference to ± 1 point: the widest "
            f"interval over clouds is ± {100 * max(widths):.1f} points, which more seeds narrow "
            "only in part."
        )
    if len(tested) > 1:
        lines.append(
            f"{where} clouds: {len(tested)} attentions were compared with {baseline}. If all were "
            f"in truth as good, up to about {len(tested) * (1 - CONFIDENCE):.1g} of them would on "
            "average be called better or worse by chance."
        )
    return lines


def spoken(figure: str) -> str:
    """Write the name of a figure in words."""
    return figure.replace("_", " ").replace("miou", "mIoU")


def spread(values: Sequence[float]) -> str:
    """Write the mean of fractions in percent, with their standard deviation."""
    if not values:
        return NOTHING
    mean = f"{100 * fmean(values):.1f}"
    return mean if len(values) < 2 else f"{mean} ± {100 * stdev(values):.1f}"


def say_difference(found: Difference | None) -> str:
    """Write a difference in points, with its interval over other seeds and other clouds."""
    if found is None:
        return NOTHING
    low, high = found.interval
    return f"{100 * found.mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _number(value: float | None, scale: float) -> str:
    return NOTHING if value is None else f"{scale * value:,.0f}"
