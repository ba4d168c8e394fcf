"""``pcea bench``: how fast it is here, beside what else there is and what the machine could do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tyro.conf import arg

from pcea.cli.output import busy, check_json, say, say_table, write_json
from pcea.cli.weights import at_least_one
from pcea.errors import InputError, nearest

if TYPE_CHECKING:
    import torch

    from pcea.benchmarks import Contest, Limits, Measured


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
    memory: bool = True
    """Whether to measure peak memory, too, which takes a fresh process for each contestant."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write all samples as JSON, too."""
    picture: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to draw the result: a PNG, SVG or PDF file."""

    def contests(self, device: torch.device, limits: Limits) -> Iterable[Contest]:
        """What is compared."""
        raise NotImplementedError

    def findings(self) -> dict[str, Any]:
        """What else goes into the JSON file, said on stdout once the contests are over."""
        return {}

    def check(self) -> None:
        """Refuse options that make no sense, before anything is measured."""

    def run(self) -> None:
        """Measure, print, and write the files that were asked for."""
        from pcea.benchmarks.limits import measure_limits
        from pcea.benchmarks.machine import describe_machine, say_machine, threads
        from pcea.benchmarks.report import complaints, document, say_limits
        from pcea.benchmarks.run import clock_of, pick_device, run_contests

        at_least_one(rounds=self.rounds)
        check_json(self.json)
        check_picture(self.picture)
        self.check()
        device = pick_device(self.device)
        with threads(self.threads):
            machine = describe_machine(device)
            say(say_machine(machine))
            with busy("measuring the machine's limits"):
                limits = measure_limits(device, clock_of(device))
            say(say_limits(limits))
            outcomes: list[Measured] = []
            contests = self.contests(device, limits)
            with busy(f"measuring {self.what}"):
                for each in run_contests(contests, device, limits, self.rounds, self.memory):
                    outcomes.append(each)
                    self._print(each, limits)
            broken = any(each.interrupted for each in outcomes)
            more = {} if broken else self.findings()
        absent = dict.fromkeys(line for each in outcomes for line in complaints(each))
        for line in absent:
            say(line)
        if self.json is not None:
            options = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
            write_json(self.json, document(self.what, options, machine, limits, outcomes, more))
        if self.picture is not None and any(row.seconds for each in outcomes for row in each.rows):
            from pcea.benchmarks.picture import draw
            from pcea.pictures import save

            save(draw(outcomes, say_machine(machine)), self.picture)
        if broken:
            raise KeyboardInterrupt("what was measured until then stands above")

    def _print(self, measured: Measured, limits: Limits) -> None:
        from pcea.benchmarks.report import cells, headers

        reference = measured.reference
        if reference is None:
            say(f"\n{measured.contest.title}: nobody was measured")
            return
        say(f"\n{measured.contest.title} (× faster than {reference.contestant.name})")
        titles = headers(measured)
        say_table(titles, cells(measured, limits), numbers=len(titles) - 1)


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
            self.models, self.batch, self.points, precisions, device, self.training
        )


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
