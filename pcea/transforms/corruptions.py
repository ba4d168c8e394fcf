"""Corruptions: named lists of transforms at five severities, and the sets of published benchmarks.

A cloud's corruption depends on nothing but the cloud, the name, the severity and the cloud's number
in the split: random numbers come from a generator of its own on the CPU, and the computation is in
float64, so that machines agree after rounding to float32.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Generator

from pcea.datasets.clouds import Batch, Clouds, tensors_of
from pcea.errors import InputError, checked, nearest
from pcea.registry import Registry
from pcea.transforms.base import Transform, changed
from pcea.transforms.drawing import GeneratorPerCloud
from pcea.transforms.reading import as_transforms

# Clouds whose points are drawn at a time.
AT_A_TIME = 32
# Fields that are computed in float64.
REAL = ("pos", "normal")
SEVERITIES = (1, 2, 3, 4, 5)

# A function of the severity that returns transforms, in any form that as_transforms takes.
AtSeverity = Callable[[int], Any]


@dataclass(frozen=True)
class Corruption:
    """An entry of the registry; see :func:`register_corruption`."""

    transforms: AtSeverity
    benchmark: str | None = None
    lacks: str = ""
    points: int = 1
    together: bool = False

    def approximates(self, clouds: Clouds, num_points: int) -> str:
        """Say what is missing for the published definition; empty: the definition is met."""
        fewest = int(clouds.counts.min()) if len(clouds) else 0
        return self.lacks if self.points == 1 or fewest < self.points * num_points else ""


CORRUPTIONS: Registry[Corruption] = Registry("corruption", "pcea.corruptions")


def register_corruption(
    name: str,
    *,
    benchmark: str | None = None,
    lacks: str = "",
    points: int = 1,
    together: bool = False,
) -> Callable[[AtSeverity], AtSeverity]:
    """Register a function of the severity, 1 to 5, that returns a list of transforms.

    The transforms are applied to clouds in the unit sphere, y up, in float64.

    Args:
        name: the published name in lower case.
        benchmark: the set of corruptions that it belongs to, such as ``modelnet-c``.
        lacks: what the published definition needs and points do not have, such as meshes. The
            corruption is then an approximation, and stays out of means that are compared.
        points: how many times as many points as the model takes the definition begins with. With
            clouds that have them, it is no approximation.
        together: whether several clouds can be corrupted at a time, which is faster. Then all
            random numbers must be drawn by functions of :mod:`pcea.transforms.drawing`, with the
            clouds as the first dimension, and a cloud's result must not depend on the others.
    """

    def add(transforms: AtSeverity) -> AtSeverity:
        CORRUPTIONS.register(name)(Corruption(transforms, benchmark, lacks, points, together))
        return transforms

    return add


def list_corruptions() -> list[str]:
    """Name every corruption, sorted."""
    return CORRUPTIONS.names()


def corruption_sets() -> dict[str, tuple[str, ...]]:
    """Name the corruptions of each benchmark, such as ``modelnet-c``, sorted."""
    sets = dict[str, tuple[str, ...]]()
    for name, entry in CORRUPTIONS.entries().items():
        if entry.benchmark is not None:
            sets[entry.benchmark] = (*sets.get(entry.benchmark, ()), name)
    return sets


def condition_names() -> list[str]:
    """List what :func:`read_conditions` takes: corruptions, sets of them, and ``all``."""
    return [*list_corruptions(), *corruption_sets(), "all"]


def read_conditions(text: str, severities: Sequence[int] = SEVERITIES) -> list[tuple[str, int]]:
    """List the corruptions and severities of ``NAME[:SEVERITY]``, as users write them.

    The name is a corruption, a set of :func:`corruption_sets`, or ``all`` for every set. Without a
    severity, each corruption has all of ``severities``. Anything else raises an InputError.
    """
    name, colon, severity = text.partition(":")
    if colon and severity not in map(str, SEVERITIES):
        raise InputError(f"{text}: a severity is 1, 2, 3, 4 or 5")
    sets, names = corruption_sets(), [name]
    if name == "all":
        names = [each for some in sets.values() for each in some]
    elif name not in CORRUPTIONS:
        if name not in sets:
            raise InputError(f"no corruption is called {name!r}{nearest(name, condition_names())}")
        names = list(sets[name])
    each = [int(severity)] if colon else list(severities)
    return [(name, level) for name in names for level in each]


@checked(severity=(min(SEVERITIES), max(SEVERITIES)))
def corruption_transforms(name: str, severity: int) -> tuple[Transform, ...]:
    """Give the transforms of a corruption of :func:`list_corruptions` at a severity, 1 to 5."""
    return as_transforms(CORRUPTIONS.get(name).transforms(severity))


@checked(num_points=1)
def corrupt(
    clouds: Clouds,
    name: str,
    severity: int,
    num_points: int,
    sample: Generator | None = None,
) -> Clouds:
    """Corrupt the points of each cloud that a model would take.

    Args:
        clouds: in the unit sphere, y up.
        name: of :func:`list_corruptions`.
        severity: 1 to 5.
        num_points: how many points of each cloud are taken before. A corruption whose definition
            begins with more points takes more, where the clouds have them.
        sample: draws these points, on the CPU. Default: the first points of each cloud.

    Returns:
        Clouds on the CPU, all with the same number of points. The same on every machine, and for
        a cloud the same whatever other clouds follow it.

    Raises:
        InputError: the name or the severity does not exist.
    """
    transforms, entry = corruption_transforms(name, severity), CORRUPTIONS.get(name)
    if not entry.approximates(clouds, num_points):
        num_points *= entry.points
    key = crc32(name.encode()), severity
    return apply_by_cloud(clouds, transforms, num_points, sample, key, entry.together)


def apply_by_cloud(
    clouds: Clouds,
    transforms: Sequence[Transform],
    num_points: int,
    sample: Generator | None = None,
    key: tuple[int, ...] = (),
    together: bool = False,
) -> Clouds:
    """Apply transforms to clouds, each with a generator of its own; see `corrupt`.

    The generators are seeded by the ``key`` and by the number of each cloud. Unless transforms can
    be applied to several clouds ``together``, they are applied to one after the other.
    """
    clouds, done = clouds.to("cpu"), list[Batch]()
    with _one_thread():
        for first in range(0, len(clouds), AT_A_TIME):
            index = list(range(len(clouds)))[first : first + AT_A_TIME]
            drawn = clouds.batch(index, num_points, sample)
            wide = {name: x.double() for name, x in tensors_of(drawn).items() if name in REAL}
            drawn, generators = changed(drawn, **wide), [_generator(*key, each) for each in index]
            if together:
                generators = [GeneratorPerCloud(generators)]
            parts = [drawn] if together else _one_by_one(drawn)
            for batch, generator in zip(parts, generators, strict=True):
                for transform in transforms:
                    batch = transform(batch, generator)
                done.append(batch)
    if not done:
        return clouds
    if len({batch.pos.shape[1] for batch in done}) > 1:
        raise InputError(
            f"{', '.join(map(str, transforms))}: clouds with different numbers of points cannot be "
            "measured together"
        )
    joined = {name: torch.cat([getattr(x, name) for x in done]) for name in tensors_of(done[0])}
    real = {name: joined[name].float() for name in REAL if name in joined}
    return Clouds.from_dense(**joined | real, names=clouds.names)


def _one_by_one(batch: Batch) -> Iterator[Batch]:
    for place in range(len(batch)):
        yield changed(
            batch, **{name: x[place : place + 1] for name, x in tensors_of(batch).items()}
        )


def _generator(*key: int) -> Generator:
    seeds = np.random.SeedSequence(key).generate_state(1, np.uint64)
    return Generator().manual_seed(int(seeds[0]) >> 1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute in the calling thread alone, and leave other threads as they are.

    With two threads, a single cloud takes up to twice the processor time, since most of it goes
    into starting and waiting, and sums would depend on the number of processors.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
