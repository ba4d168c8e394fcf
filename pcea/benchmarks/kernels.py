"""The operators that a step consists of, each against the machine's two limits.

Source of the picture: Williams et al., *Roofline: an insightful visual performance model*, 2009.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from pcea.attention.reading import read_memory
from pcea.benchmarks.geometry import OPERATIONS_A_PAIR, surface_points
from pcea.benchmarks.limits import Limits
from pcea.benchmarks.measure import Call, Contest, Contestant, Measured, Precision
from pcea.benchmarks.model import autocast
from pcea.benchmarks.picture import GRID, INK, SOFT, style_of
from pcea.benchmarks.report import Finding, number
from pcea.geometry import farthest_point_sample, knn
from pcea.models.edges import edge_linear_max, edge_max, edge_moments
from pcea.models.lbr import LBR

# Operations per channel of an edge: a sum, two totals, a difference, a square and its two totals.
MOMENTS, MAXIMUM = 7, 2
# The optimizer's weights: with their moments, more than caches hold.
WEIGHTS = 1 << 23


def kernel_contest(
    batch: int, num_points: int, dim: int, k: int, precision: Precision, device: torch.device
) -> Contest:
    """Make the contest of ``pcea bench kernels``, the sizes of which are those of one stage.

    A stage has N points, N / 2 centers with k neighbors each, and C channels before and 2 C after.

    Args:
        batch: clouds B.
        num_points: points N per cloud.
        dim: channels C.
        k: neighbors per center.
        precision: of what autocast multiplies.
        device: the device to measure on.
    """
    centers, wide, slots = num_points // 2, 2 * dim, 64
    edges, points = batch * centers * k, batch * num_points
    index, features = 8 * edges, 4 * (points + batch * centers) * dim
    out = 4 * batch * centers * wide

    def entry(
        name: str, make: Callable[..., Call], work: float, moved: float, **more: Any
    ) -> Contestant:
        sizes = batch, num_points, dim, k, precision, device
        build = partial(make, *sizes)
        return Contestant(name, build, "ours", work, like=None, moved=moved, **more)

    multiplied = {"precision": precision, "bounded": False}
    contestants = [
        entry("farthest points", _farthest, OPERATIONS_A_PAIR * points * centers, 12 * points),
        entry("neighbors", _neighbors, OPERATIONS_A_PAIR * points * centers, 12 * points + index),
        entry("edge moments", _moments, MOMENTS * edges * dim, 2 * features + index),
        entry("edge maximum", _maximum, MAXIMUM * edges * dim, features + index),
        entry(
            "edge product and maximum, forward",
            partial(_edges, False),
            2 * edges * dim * wide,
            features + index + 2 * out,
            **multiplied,
        ),
        entry(
            "the same, forward and backward",
            partial(_edges, True),
            2 * edges * dim * wide + 4 * edges * dim * dim,
            3 * features + 2 * index + 4 * out,
            **multiplied,
        ),
        entry(
            "LBR, forward and backward",
            _lbr,
            6 * points * dim * wide,
            4 * 4 * points * (dim + 3 * wide),
            **multiplied,
        ),
        entry(
            "external attention, forward and backward",
            _memory,
            12 * points * dim * slots,
            4 * 4 * points * (dim + slots),
            **multiplied,
        ),
        entry("AdamW", _adamw, 12 * WEIGHTS, 28 * WEIGHTS),
    ]
    return Contest(
        f"Kernels: {num_points:,} points, batch {batch}, {dim} channels, {k} neighbors",
        [each for each in contestants if device.type == "cpu" or not each.name.startswith("edge")],
        reference=None,
    )


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _farthest(b: int, n: int, c: int, k: int, precision: Precision, device: torch.device) -> Call:
    return partial(farthest_point_sample, surface_points(b, n, device), n // 2)


def _neighbors(b: int, n: int, c: int, k: int, precision: Precision, device: torch.device) -> Call:
    pos = surface_points(b, n, device)
    return partial(knn, pos[:, : n // 2].contiguous(), pos, k)


def _graph(b: int, n: int, c: int, k: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    pos = surface_points(b, n, device)
    near, own = (torch.randn(b, m, c, generator=_generator()).to(device) for m in (n, n // 2))
    return near, own, knn(pos[:, : n // 2].contiguous(), pos, k)


def _moments(b: int, n: int, c: int, k: int, precision: Precision, device: torch.device) -> Call:
    return partial(edge_moments, *_graph(b, n, c, k, device))


def _maximum(b: int, n: int, c: int, k: int, precision: Precision, device: torch.device) -> Call:
    return partial(edge_max, *_graph(b, n, c, k, device), True)


def _edges(
    backward: bool,
    b: int,
    n: int,
    c: int,
    k: int,
    precision: Precision,
    device: torch.device,
) -> Call:
    near, own, index = _graph(b, n, c, k, device)
    weight = torch.randn(2 * c, c, generator=_generator()).to(device) * c**-0.5
    for each in (near, own, weight):
        each.requires_grad_(backward)

    def call() -> Tensor:
        best, mean, variance = edge_linear_max(
            near, own, index, weight, True, half=precision == "bf16"
        )
        if backward:
            (best.sum() + mean.sum() + variance.sum()).backward()
        return best.detach()

    return call


def _stepped(module: nn.Module, x: Tensor, precision: Precision, device: torch.device) -> Call:
    module = module.to(device).train()
    x = x.to(device).requires_grad_()

    def call() -> Tensor:
        with autocast(precision, device):
            out: Tensor = module(x)
        out.sum().backward()
        return out.detach()

    return call


def _lbr(b: int, n: int, c: int, k: int, precision: Precision, device: torch.device) -> Call:
    return _stepped(LBR(c, 2 * c), torch.randn(b, n, c, generator=_generator()), precision, device)


class _Read(nn.Module):
    def __init__(self, dim: int, slots: int = 64) -> None:
        super().__init__()
        self.keys = nn.Parameter(torch.randn(1, slots, dim, generator=_generator()) * dim**-0.5)
        self.values = nn.Parameter(torch.randn(slots, dim, generator=_generator()) * dim**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return read_memory(x, self.keys, self.values)


def _memory(b: int, n: int, c: int, k: int, precision: Precision, device: torch.device) -> Call:
    return _stepped(_Read(c), torch.randn(b, n, c, generator=_generator()), precision, device)


def _adamw(b: int, n: int, c: int, k: int, precision: Precision, device: torch.device) -> Call:
    weights = torch.zeros(WEIGHTS, device=device, requires_grad=True)
    weights.grad = torch.ones_like(weights)
    return torch.optim.AdamW([weights], lr=1e-6, fused=True).step


def roofline(outcomes: Sequence[Measured], limits: Limits) -> Iterator[Finding]:
    """Say which of the machine's two limits bounds each kernel, and how much of it is reached."""
    rows, values = list[tuple[str, ...]](), dict[str, Any]()
    for row in (row for outcome in outcomes for row in outcome.rows):
        if row.time is None:
            continue
        each, seconds = row.contestant, row.time.median
        peak = limits.products[each.precision]
        intensity = each.work / each.moved
        bound = "arithmetic" if intensity * limits.copy > peak else "bandwidth"
        share = each.work / seconds / min(peak, intensity * limits.copy)
        rows.append(
            (
                each.name,
                number(1e3 * seconds),
                number(each.work / seconds / 1e9),
                number(each.moved / seconds / 1e9),
                number(intensity),
                bound,
                f"{100 * share:.0f} %",
            )
        )
        values[each.name] = {
            "seconds": seconds,
            "operations": each.work,
            "bytes": each.moved,
            "bound": bound,
            "share_of_bound": share,
        }
    titles = ("kernel", "ms", "GFLOP/s", "GB/s", "FLOP per byte", "bound", "of bound")
    title = "\nThe limit that bounds each kernel, and the share of it that is reached"
    yield Finding([title, (titles, rows)], {"kernels": values})


def draw_roofline(outcomes: Sequence[Measured], limits: Limits, caption: str = "") -> Figure:
    """Draw operations per second over operations per byte, below the machine's limits."""
    figure = Figure(figsize=(7.2, 4.4), dpi=160, layout="constrained")
    axes = figure.subplots()
    rows = [row for outcome in outcomes for row in outcome.rows if row.time is not None]
    spots = {
        row.contestant.name: (
            row.contestant.work / row.contestant.moved,
            row.contestant.work / row.time.median / 1e9,
        )
        for row in rows
        if row.time is not None
    }
    low = min([0.1, *(x / 2 for x, _ in spots.values())])
    high = max([100.0, *(4 * x for x, _ in spots.values())])
    for precision in dict.fromkeys(row.contestant.precision for row in rows):
        peak = limits.products[precision]
        bends = [low, max(low, peak / limits.copy), high]
        axes.plot(bends, [min(x * limits.copy, peak) / 1e9 for x in bends], color=INK, lw=1.2)
        axes.annotate(
            *(f"{precision}: {number(peak / 1e9)} GFLOP/s", (high, peak / 1e9)),
            xytext=(-4, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=SOFT,
        )
    for i, (name, (x, y)) in enumerate(spots.items()):
        axes.plot(x, y, ls="", ms=7, label=name, **style_of(i))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("operations per byte that must be moved", fontsize=8.5, color=SOFT)
    axes.set_ylabel("GFLOP/s", fontsize=8.5, color=SOFT)
    axes.grid(color=GRID, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, labelcolor=INK)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8, labelcolor=INK)
    figure.supxlabel(caption, x=0.01, ha="left", fontsize=6.5, color=SOFT, wrap=True)
    return figure
