"""``pcea bench``: how fast it is here, beside what else there is and what the machine could do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tyro.conf import Positional, arg

from pcea.cli.output import busy, check_json, percent, say, say_table, write_json
from pcea.cli.weights import at_least_one
from pcea.errors import InputError, nearest
from pcea.recipes import Recipe, get_recipe
from pcea.threads import too_late

# By so much the limits may differ from the start to the end.
MORE = 1.05

if TYPE_CHECKING:
    import torch

    from pcea.benchmarks import Contest, Contestant, Limits, Measured


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all benchmarks have in common."""

    what: ClassVar[str]

    rounds: int = 5
    """How many times each contestant is measured, all of them in turn."""
    threads: Annotated[int | None, arg(metavar="T")] = None
    """CPU threads; None: as torch has them."""
    device: Annotated[str | None, arg(metavar="DEVICE")] = None
    """Where to compute; None: the GPU if there is one."""
    patience: Annotated[float, arg(metavar="SECONDS")] = 5.0
    """Who takes longer than this for a call even at the machine's limit is left out."""
    memory: bool = True
    """Whether to measure peak memory, too, which takes a fresh process for each contestant."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write all samples as JSON, too."""
    picture: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to draw the result: a PNG, SVG or PDF file."""

    def contests(self, device: torch.device, limits: Limits) -> Iterable[Contest]:
        """What is compared."""
        raise NotImplementedError

    def findings(
        self, device: torch.device, outcomes: Sequence[Measured]
    ) -> Iterator[dict[str, Any]]:
        """What else is measured once the contests are over: said, and given for the JSON file."""
        return iter(())

    def check(self) -> None:
        """Refuse options that make no sense, before anything is measured."""

    def run(self) -> None:
        """Measure, print, and write the files that were asked for."""
        from pcea.benchmarks.limits import measure_limits
        from pcea.benchmarks.machine import describe_machine, say_machine, threads
        from pcea.benchmarks.report import complaints, document, say_limits
        from pcea.benchmarks.run import clock_of, pick_device, run_contests
        from pcea.training.process import flushed_denormals

        at_least_one(rounds=self.rounds)
        check_json(self.json)
        check_picture(self.picture)
        self.check()
        device = pick_device(self.device)
        # As in training, and for all contestants.
        with flushed_denormals(), threads(self.threads):
            machine = describe_machine(device)
            say(say_machine(machine))
            if late := too_late():
                say(late)
            with busy("measuring the machine's limits"):
                limits = measure_limits(device, clock_of(device))
            say(say_limits(limits))
            outcomes: list[Measured] = []
            contests = self.contests(device, limits)
            with busy(f"measuring {self.what}"):
                for each in run_contests(
                    contests, device, limits, self.rounds, self.memory, self.patience
                ):
                    outcomes.append(each)
                    self._print(each, limits)
            broken = any(each.interrupted for each in outcomes)
            more: dict[str, Any] = {}
            if not broken:
                try:
                    for found in self.findings(device, outcomes):
                        more |= found
                except KeyboardInterrupt:
                    broken = True
            if not broken:
                with busy("measuring the machine's limits once more"):
                    again = limits.best_with(measure_limits(device, clock_of(device)))
                if any(
                    again.products[name] > MORE * rate for name, rate in limits.products.items()
                ):
                    say(f"\nmeasured again at the end, {say_limits(again)}: shares are lower")
                limits = again
        absent = dict.fromkeys(line for each in outcomes for line in complaints(each))
        for line in absent:
            say(line)
        if self.json is not None:
            options = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
            content = document(self.what, options, machine, limits, outcomes, more, broken)
            write_json(self.json, content)
        if self.picture is not None and any(row.seconds for each in outcomes for row in each.rows):
            from pcea.benchmarks.picture import draw
            from pcea.pictures import save

            save(draw(outcomes, say_machine(machine)), self.picture)
        if broken:
            raise KeyboardInterrupt("what was measured until then stands above")

    def _print(self, measured: Measured, limits: Limits) -> None:
        from pcea.benchmarks.report import table

        reference = measured.reference
        if reference is None:
            say(f"\n{measured.contest.title}: nobody was measured")
            return
        say(f"\n{measured.contest.title} (× faster than {reference.contestant.name})")
        titles, rows = table(measured, limits)
        say_table(titles, rows, numbers=len(titles) - 1)


@dataclass(frozen=True, kw_only=True)
class BenchGeometry(Bench):
    """Measure farthest point sampling and nearest neighbors."""

    what: ClassVar[str] = "geometry"

    batch: Annotated[int, arg(metavar="B")] = 32
    """Clouds a call."""
    points: Annotated[int, arg(metavar="N")] = 1024
    """Points of a cloud; half of them are sampled, of large clouds 1,024."""
    k: Annotated[int, arg(metavar="K")] = 32
    """Neighbors of each."""
    large: bool = False
    """Whether to measure clouds of up to a million points, too, which takes many minutes."""

    def check(self) -> None:
        """Refuse sizes below 1."""
        at_least_one(batch=self.batch, points=self.points, k=self.k)

    def contests(self, device: torch.device, limits: Limits) -> Iterable[Contest]:
        """Farthest points and neighbors."""
        from pcea.benchmarks.geometry import geometry_contests

        return geometry_contests(self.batch, self.points, self.k, device, self.large)


@dataclass(frozen=True, kw_only=True)
class BenchAttention(Bench):
    """Measure attention over clouds of many sizes, and with --training its gradients."""

    what: ClassVar[str] = "attention"

    points: Annotated[tuple[int, ...], arg(metavar="N …")] = (1024, 4096, 16384, 65536, 1 << 20)
    """Points of the clouds."""
    dim: Annotated[int, arg(metavar="C")] = 256
    """Channels of a point."""
    precision: Literal["float32", "bf16"] = "float32"
    """Arithmetic of the products of matrices."""
    training: bool = False
    """Whether to measure forward and backward together, too."""

    def check(self) -> None:
        """Refuse sizes that there are not, and channels that four heads cannot share."""
        if not self.points:
            raise InputError("--points names no size")
        for points in self.points:
            at_least_one(points=points)
        at_least_one(dim=self.dim)
        if self.dim % 4:
            raise InputError(f"--dim is {self.dim}; four heads share it, so give a multiple of 4")

    def contests(self, device: torch.device, limits: Limits) -> Iterable[Contest]:
        """A contest a size."""
        from pcea.benchmarks.attention import attention_contests

        return attention_contests(self.points, self.dim, self.precision, device, self.training)


@dataclass(frozen=True, kw_only=True)
class BenchModel(Bench):
    """Measure classifiers: inference, and with --training a training step."""

    what: ClassVar[str] = "model"

    models: Annotated[tuple[str, ...], arg(metavar="MODEL …")] = ("pct", "eat", "eat-tiny")
    """Which classifiers, of pcea.list_models()."""
    batch: Annotated[int, arg(metavar="B")] = 32
    """Clouds a call."""
    points: Annotated[int, arg(metavar="N")] = 1024
    """Points of a cloud."""
    precision: Literal["float32", "bf16", "both"] = "float32"
    """Arithmetic of the products of matrices."""
    training: bool = False
    """Whether to measure training steps, too, which takes three times as long."""
    peers: bool = True
    """Whether to measure other packages' classifiers, too."""

    def check(self) -> None:
        """Refuse what is no classifier, and sizes that the models cannot take."""
        from pcea.models import list_models

        at_least_one(points=self.points)
        if self.batch < 2:
            raise InputError(f"--batch is {self.batch}; BatchNorm needs at least 2 clouds")
        if self.points < 512:
            raise InputError(f"--points is {self.points}; pct samples 512 of them")
        known = list_models("classification")
        for model in self.models:
            if model not in known:
                raise InputError(f"no classifier is called {model!r}{nearest(model, known)}")

    def contests(self, device: torch.device, limits: Limits) -> Iterable[Contest]:
        """Inference, and training."""
        from pcea.benchmarks.model import model_contests

        precisions: tuple[Literal["float32", "bf16"], ...] = (
            ("float32", "bf16") if self.precision == "both" else (self.precision,)
        )
        return model_contests(
            *(self.models, self.batch, self.points, precisions, device),
            *(self.training, self.peers),
        )


@dataclass(frozen=True, kw_only=True)
class BenchTrain(Bench):
    """Measure a recipe's training step, eager and compiled, and where its time goes."""

    what: ClassVar[str] = "train"

    recipe: Annotated[Positional[str], arg(metavar="RECIPE")] = "shapes-cls"
    """Which recipe."""
    batch: Annotated[int | None, arg(metavar="B")] = None
    """Clouds a step; None: the recipe's."""
    points: Annotated[int | None, arg(metavar="N")] = None
    """Points of a cloud; None: the recipe's."""
    precision: Literal["float32", "bf16"] | None = None
    """Arithmetic of the products of matrices; None: the recipe's."""
    data_root: Annotated[Path | None, arg(metavar="DIR")] = None
    """The folder of data sets; None: $PCEA_DATA, else ./data."""
    beside: bool = True
    """Whether to measure the step beside a process that keeps a core busy, too, on the CPU."""
    pairs: int = 3
    """How many pairs of fresh processes measure that: one as pcea sets its threads, one not."""

    def check(self) -> None:
        """Refuse a recipe that there is not, and values that it cannot have."""
        at_least_one(pairs=self.pairs)
        # Read when torch is imported: its profiler would tell stderr that it begins and ends.
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")
        self._chosen()

    def contests(self, device: torch.device, limits: Limits) -> Iterable[Contest]:
        """One: a step."""
        from pcea.benchmarks.training import training_contest

        return [training_contest(self._chosen(), self.data_root, device)]

    def findings(
        self, device: torch.device, outcomes: Sequence[Measured]
    ) -> Iterator[dict[str, Any]]:
        """Seconds an epoch, the shares of a step, and a step beside other work."""
        from pcea.benchmarks.report import number
        from pcea.benchmarks.run import clock_of
        from pcea.benchmarks.training import Stepper, shares_of, steps_of

        steps, _ = steps_of(self._chosen(), self.data_root)
        rows = [row for row in outcomes[0].rows if row.time is not None]
        epochs = {row.contestant.name: steps * row.time.median for row in rows if row.time}
        for name, seconds in epochs.items():
            say(f"an epoch of {steps} steps, {name}: {number(seconds)} s")
        stepper = Stepper(self._chosen(), self.data_root, device)
        stepper.step()
        phases, search = shares_of(stepper, clock_of(device))
        whole = sum(phases.values())
        cells = [
            (phase, number(1e3 * each), percent(each / whole)) for phase, each in phases.items()
        ]
        say("\nWhere an eager step's time goes, the device waited for in between")
        say_table(("phase", "ms", "share"), cells, numbers=2)
        say(f"farthest points and neighbors: {percent(search)} of the step")
        yield {
            "epoch_seconds": epochs,
            "steps": steps,
            "phase_seconds": phases,
            "search_share": search,
        }
        if self.beside:
            yield from self._beside(device, outcomes[0].contest.contestants[0])

    def _beside(self, device: torch.device, eager: Contestant) -> Iterator[dict[str, Any]]:
        """An eager step idle and beside a busy process, with libgomp's default and pcea's."""
        from pcea.benchmarks.beside import beside, say_ratios, table, why_not

        reason = why_not(device)
        if reason:
            say(f"\nbeside a process that keeps a core busy: not measured, {reason}")
            return
        with busy("measuring beside a process that keeps a core busy"):
            measured = beside(eager, self.pairs)
        say("\nAn eager step in fresh processes, idle and beside one that keeps a core busy")
        titles, rows = table(measured)
        say_table(titles, rows, numbers=len(titles) - 1)
        for line in say_ratios(measured):
            say(line)
        yield {"beside": measured.as_json()}
        if measured.interrupted:
            raise KeyboardInterrupt

    def _chosen(self) -> Recipe:
        values = {
            "batch_size": self.batch,
            "num_points": self.points,
            "precision": self.precision,
        }
        given: dict[str, Any] = {k: value for k, value in values.items() if value is not None}
        return replace(get_recipe(self.recipe), compile=False, **given)


def check_picture(path: Path | None) -> None:
    """Refuse a place for a picture before the work is done, not after.

    Raises:
        InputError: a folder is there, or the ending names no kind of picture.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"--picture {path}: it is a folder; name a file")
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"--picture {path}: name a file that ends in .png, .svg or .pdf")
