"""``pcea bench``: speed on this machine, compared with other packages and the machine's limit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tyro.conf import Positional, arg

from pcea.cli.command import DataRoot, Device, register_command
from pcea.cli.output import busy, say, say_table
from pcea.cli.parsing import check_file, check_picture
from pcea.cli.weights import pick_device
from pcea.errors import InputError, checked, nearest
from pcea.recipes import Recipe, get_recipe

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from pcea.benchmarks.limits import Limits
    from pcea.benchmarks.measure import Contest, Measured
    from pcea.benchmarks.report import Finding
    from pcea.benchmarks.run import Benchmark


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The options that all benchmarks have in common."""

    what: ClassVar[str]

    rounds: int = 5
    """How many times each contestant is measured; the contestants take turns."""
    threads: Annotated[int | None, arg(metavar="T")] = None
    """CPU threads; None: torch's own number."""
    device: Device = None
    patience: Annotated[float, arg(metavar="SECONDS")] = 5.0
    """A contestant is skipped if its call takes longer even at the machine's limit."""
    memory: bool = True
    """Whether to measure peak memory, too, which takes a new process for each contestant."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write all measured times as JSON."""
    picture: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to draw the result: a PNG, SVG or PDF file."""

    def contests(self, device: torch.device) -> Iterable[Contest]:
        """Make what is compared; wrong options are refused before anything is measured."""
        raise NotImplementedError

    def findings(
        self, device: torch.device, outcomes: Sequence[Measured], limits: Limits
    ) -> Iterable[Finding]:
        """Measure further things after the contests."""
        return ()

    def draw(self, done: Benchmark, caption: str) -> Figure:
        """Draw what was measured."""
        from pcea.benchmarks.picture import draw

        return draw(done.outcomes, caption)

    def run(self) -> None:
        """Measure, print, and write the files that were asked for."""
        # torch reads this when it is imported; else its profiler writes to stderr.
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")
        from pcea.benchmarks.machine import say_machine, threads
        from pcea.benchmarks.run import Benchmark
        from pcea.training.device import flushed_denormals

        check_file(json=self.json)
        check_picture(picture=self.picture)
        device = pick_device(self.device)
        contests = self.contests(device)
        done = Benchmark(device, self.rounds, self.memory, self.patience)
        # For all contestants, because training does it.
        with flushed_denormals(), threads(self.threads), busy(f"measuring {self.what}"):
            for found in done.run(contests, partial(self.findings, device)):
                for part in found.parts:
                    if isinstance(part, str):
                        say(part)
                    else:
                        say_table(*part, numbers=len(part[0]) - 1)
        if self.json is not None:
            from pcea.formats import write_json

            given = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
            write_json(self.json, done.document(self.what, given))
        if self.picture is not None and any(row.seconds for m in done.outcomes for row in m.rows):
            from pcea.pictures import save

            save(self.draw(done, say_machine(done.machine)), self.picture)
        if done.interrupted:
            raise KeyboardInterrupt("the results until then are above")


@register_command("bench-geometry")
@checked(rounds=1, batch=1, points=1, k=1)
@dataclass(frozen=True, kw_only=True)
class BenchGeometry(Bench):
    """Measure farthest point sampling and nearest neighbors."""

    what: ClassVar[str] = "geometry"

    batch: Annotated[int, arg(metavar="B")] = 32
    """Clouds per call."""
    points: Annotated[int, arg(metavar="N")] = 1024
    """Points per cloud; half of them are sampled, or 1,024 of a large cloud."""
    k: Annotated[int, arg(metavar="K")] = 32
    """Neighbors per point."""
    large: bool = False
    """Whether to measure clouds of up to a million points, too; that takes many minutes."""

    def contests(self, device: torch.device) -> Iterable[Contest]:
        """Make the contests of farthest points and of neighbors."""
        from pcea.benchmarks.geometry import geometry_contests

        return geometry_contests(self.batch, self.points, self.k, device, self.large)


@register_command("bench-attention")
@checked(rounds=1, points=1, dim=1)
@dataclass(frozen=True, kw_only=True)
class BenchAttention(Bench):
    """Measure attention over clouds of many sizes, with --training its gradients, too."""

    what: ClassVar[str] = "attention"

    points: Annotated[tuple[int, ...], arg(metavar="N …")] = (1024, 4096, 16384, 131072, 1 << 20)
    """Points per cloud, one contest for each number."""
    dim: Annotated[int, arg(metavar="C")] = 256
    """Channels per point."""
    precision: Literal["float32", "bf16"] = "float32"
    """Arithmetic of the matrix products."""
    training: bool = False
    """Whether to measure forward and backward together, too."""

    def contests(self, device: torch.device) -> Iterable[Contest]:
        """Make a contest for each size."""
        from pcea.benchmarks.attention import attention_contests

        if not self.points:
            raise InputError("--points names no size")
        if self.dim % 4:
            raise InputError(f"--dim is {self.dim}; four heads share it, so give a multiple of 4")
        return attention_contests(self.points, self.dim, self.precision, device, self.training)

    def findings(
        self, device: torch.device, outcomes: Sequence[Measured], limits: Limits
    ) -> Iterable[Finding]:
        """Tell how the time of each attention grows with the points."""
        from pcea.benchmarks.growth import growth_findings

        return growth_findings(outcomes)


@register_command("bench-model")
@checked(rounds=1)
@dataclass(frozen=True, kw_only=True)
class BenchModel(Bench):
    """Measure classifiers: inference, and with --training a training step."""

    what: ClassVar[str] = "model"

    models: Annotated[tuple[str, ...], arg(metavar="MODEL …")] = ("pct", "eat", "eat-tiny")
    """Which classifiers, of pcea.list_models()."""
    batch: Annotated[int, arg(metavar="B")] = 32
    """Clouds per call."""
    points: Annotated[int, arg(metavar="N")] = 1024
    """Points per cloud."""
    precision: Literal["float32", "bf16", "both"] = "float32"
    """Arithmetic of the matrix products."""
    training: bool = False
    """Whether to measure training steps, too, which takes three times as long."""
    peers: bool = True
    """Whether to measure other packages' classifiers, too."""

    def contests(self, device: torch.device) -> Iterable[Contest]:
        """Make the contest of inference, and that of training steps."""
        from pcea.benchmarks.model import model_contests
        from pcea.models import list_models

        if self.batch < 2:
            raise InputError(f"--batch is {self.batch}; BatchNorm needs at least 2 clouds")
        if self.points < 512:
            raise InputError(f"--points is {self.points}; pct samples 512 of them")
        known = list_models("classification")
        for model in self.models:
            if model not in known:
                raise InputError(f"no classifier is called {model!r}{nearest(model, known)}")
        return model_contests(
            self.models,
            self.batch,
            self.points,
            ("float32", "bf16") if self.precision == "both" else (self.precision,),
            device,
            self.training,
            self.peers,
        )


@register_command("bench-kernels")
@checked(rounds=1, batch=1, points=2, dim=1, k=1)
@dataclass(frozen=True, kw_only=True)
class BenchKernels(Bench):
    """Measure the operators of a training step, each against the limits of the machine."""

    what: ClassVar[str] = "kernels"

    batch: Annotated[int, arg(metavar="B")] = 32
    """Clouds per call."""
    points: Annotated[int, arg(metavar="N")] = 512
    """Points per cloud; half of them are centers."""
    dim: Annotated[int, arg(metavar="C")] = 128
    """Channels before a stage; after it there are twice as many."""
    k: Annotated[int, arg(metavar="K")] = 32
    """Neighbors per center."""
    precision: Literal["float32", "bf16"] = "float32"
    """Arithmetic of the matrix products."""

    def contests(self, device: torch.device) -> Iterable[Contest]:
        """Make the one contest, without ratios."""
        from pcea.benchmarks.kernels import kernel_contest

        if self.k > self.points:
            raise InputError(f"--k is {self.k}; a cloud of --points {self.points} has fewer")
        sizes = self.batch, self.points, self.dim, self.k
        return [kernel_contest(*sizes, self.precision, device)]

    def findings(
        self, device: torch.device, outcomes: Sequence[Measured], limits: Limits
    ) -> Iterator[Finding]:
        """Say which limit bounds each kernel."""
        from pcea.benchmarks.kernels import roofline

        return roofline(outcomes, limits)

    def draw(self, done: Benchmark, caption: str) -> Figure:
        """Draw the kernels below the machine's limits."""
        from pcea.benchmarks.kernels import draw_roofline

        return draw_roofline(done.outcomes, done.limits, caption)


@register_command("bench-train")
@checked(rounds=1, pairs=1)
@dataclass(frozen=True, kw_only=True)
class BenchTrain(Bench):
    """Measure a recipe's training step, eager and compiled, and where its time goes."""

    what: ClassVar[str] = "train"

    recipe: Annotated[Positional[str], arg(metavar="RECIPE")] = "shapes-cls"
    """Which recipe."""
    batch: Annotated[int | None, arg(metavar="B")] = None
    """Clouds per step; None: the recipe's."""
    points: Annotated[int | None, arg(metavar="N")] = None
    """Points per cloud; None: the recipe's."""
    precision: Literal["float32", "bf16"] | None = None
    """Arithmetic of the matrix products; None: the recipe's."""
    data_root: DataRoot = None
    beside: bool = True
    """Whether to measure a step on the CPU while another process keeps a core busy, too."""
    pairs: int = 3
    """How many pairs of new processes measure that, one with pcea's threads and one without."""

    def contests(self, device: torch.device) -> Iterable[Contest]:
        """Make the one contest: a training step."""
        from pcea.benchmarks.training import training_contest

        return [training_contest(self._chosen(), self.data_root, device)]

    def findings(
        self, device: torch.device, outcomes: Sequence[Measured], limits: Limits
    ) -> Iterator[Finding]:
        """Measure the seconds per epoch, the shares of a step, and a step beside other work."""
        from pcea.benchmarks.training import beside_other_work, findings

        yield from findings(self._chosen(), self.data_root, device, outcomes[0])
        if self.beside:
            yield from beside_other_work(outcomes[0], device, self.pairs)

    def _chosen(self) -> Recipe:
        names = {"batch_size": self.batch, "num_points": self.points, "precision": self.precision}
        given: dict[str, Any] = {name: value for name, value in names.items() if value is not None}
        return replace(get_recipe(self.recipe), compile="no", **given)
