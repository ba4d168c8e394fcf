"""Where the time of a training step goes, operator by operator."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pcea.benchmarks.report import NOTHING, Table, number

# A kind of operator, what bounds its time, and the names that it has; the first match counts.
_KINDS = {
    "matrix products": ("arithmetic", r"aten::(add|b|badd)?mm$|edge_linear_max"),
    "edges and their gradients": ("caches", r"pcea_?:*edge_"),
    "neighbors and farthest points": ("comparisons", r"pcea::(knn|farthest_points)$"),
    "BatchNorm": ("bandwidth", r"batch_norm|aten::addcmul$"),
    "activations": ("bandwidth", r"relu|threshold|clamp_min|gelu"),
    "softmax and loss": ("bandwidth", r"softmax|nll_loss"),
    "maxima and means over points": ("bandwidth", r"aten::(a?max|mean|scatter_add_?|aminmax)$"),
    "interpolation": ("caches", r"embedding_bag"),
    "sums, products and quotients of tensors": (
        "bandwidth",
        r"aten::(add|sub|mul|div|neg|sum|pow|sqrt|rsqrt|reciprocal|abs)_?$",
    ),
    "copies, fills and choices of rows": (
        "bandwidth",
        r"aten::(copy|fill|zero|cat|index|index_select|gather)_?$",
    ),
    "random numbers and sorting": (
        "arithmetic",
        r"aten::(bernoulli|normal|uniform|random|sort|randperm|randint)",
    ),
    "optimizer": ("bandwidth", r"_fused_adamw_|_fused_sgd_|_foreach_|linalg_vector_norm"),
}
OTHERS = "all others"


@dataclass
class Kind:
    """The operators of one kind, over one step.

    Args:
        name: of the kind.
        bound: what limits their speed.
        seconds: their time, without that of operators that they call.
        operations: floating point operations of their matrix products; 0: not counted.
        names: the different operators.
    """

    name: str
    bound: str
    seconds: float = 0.0
    operations: float = 0.0
    names: int = 0

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds if self.seconds else 0.0


def kinds_of(events: Iterable[Any], steps: int, on_gpu: bool) -> list[Kind]:
    """Add up the averages of torch's profiler by kind of operator, per step, the longest first.

    ``on_gpu`` says whether the GPU's time counts, or else the CPU's.
    """
    kinds = {name: Kind(name, bound) for name, (bound, _) in _KINDS.items()}
    kinds[OTHERS] = Kind(OTHERS, "calls")
    for event in events:
        # The GPU's kernels stand in the list a second time, beside the operators that start them.
        if event.device_type.name != "CPU":
            continue
        micros = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        if micros > 0:
            kind = kinds[kind_of(event.key)]
            kind.seconds += 1e-6 * micros / steps
            kind.operations += event.flops / steps
            kind.names += 1
    return sorted((kind for kind in kinds.values() if kind.names), key=lambda each: -each.seconds)


def kind_of(operator: str) -> str:
    """Say of which kind an operator is, by its name."""
    found = (name for name, (_, names) in _KINDS.items() if re.search(names, operator))
    return next(found, OTHERS)


def table(kinds: Sequence[Kind]) -> Table:
    """Give the table's header, and one row per kind with its time and its share."""
    whole = sum(kind.seconds for kind in kinds)
    rows = [
        (
            kind.name if kind.name != OTHERS else f"{OTHERS}: {kind.names} operators",
            number(1e3 * kind.seconds),
            f"{100 * kind.seconds / whole:.1f} %",
            number(kind.rate / 1e9) if kind.operations > 1e6 else NOTHING,
            kind.bound,
        )
        for kind in kinds
    ]
    return ("operators", "ms", "share", "GFLOP/s", "bound"), rows
