"""The contests of whole classifiers: inference and a training step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.benchmarks.conv1d_pct import Conv1dPCT, carry_weights
from pcea.benchmarks.geometry import surface_points
from pcea.benchmarks.limits import count_operations
from pcea.benchmarks.measure import Call, Contest, Contestant, Precision
from pcea.benchmarks.model_peers import peers
from pcea.geometry import farthest_point_sample
from pcea.models import Classifier, create_model

Way = Callable[[nn.Module], Callable[[Tensor], Tensor]]
CATEGORIES = 40
CONV1D = "pct as Conv1d"


def eager(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Run the model as it is."""
    return model


def compiled(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Run the model through ``torch.compile``."""
    import torch._dynamo

    # All models of a benchmark share one forward, which dynamo recompiles for each of them.
    torch._dynamo.config.recompile_limit = 256
    torch._dynamo.config.accumulated_recompile_limit = 1024
    return cast(Callable[[Tensor], Tensor], torch.compile(model, dynamic=False))


# The ways to run a model of this package, one row of the table for each.
INFERENCE: Mapping[str, Way] = {"": eager, "compiled": compiled}
TRAINING: Mapping[str, Way] = {"": eager, "compiled": compiled}


def model_contests(
    models: Sequence[str],
    batch: int,
    num_points: int,
    precisions: Sequence[Precision],
    device: torch.device,
    training: bool = False,
    others: bool = True,
) -> Iterator[Contest]:
    """Make the contests of ``pcea bench model``.

    Args:
        models: names of classifiers of :func:`pcea.models.list_models`.
        batch: clouds B.
        num_points: points N per cloud.
        precisions: of this package's models and of the Conv1d form.
        device: the device to measure on.
        training: whether training steps are measured as well.
        others: whether other packages' classifiers are measured as well.
    """
    for step in (False, True) if training else (False,):
        yield Contest(
            f"{'Training step' if step else 'Inference'}: {num_points:,} points, batch {batch}",
            list(_contestants(models, batch, num_points, precisions, device, step, others)),
            reference=CONV1D,
            items=batch,
            agree=None if step else largest_difference,
            agreement="difference",
        )


def _contestants(
    models: Sequence[str],
    batch: int,
    num_points: int,
    precisions: Sequence[Precision],
    device: torch.device,
    training: bool,
    others: bool,
) -> Iterator[Contestant]:
    sizes = batch, num_points, device

    def entry(
        name: str, make: Callable[[], nn.Module], way: Way, precision: Precision, **more: Any
    ) -> Contestant:
        start = training_step if training else inference
        name = f"{name}, bf16" if precision == "bf16" else name
        build = partial(start, make, way, precision, *sizes)
        return Contestant(name, build, precision=precision, bounded=False, **more)

    work = operations(conv1d_to_count, batch, num_points, training)
    for precision in precisions:
        yield entry(CONV1D, conv1d, eager, precision, kind="plain", work=work)
    for model in models:
        make = partial(ours, model)
        work = operations(make, batch, num_points, training)
        for way, run in (TRAINING if training else INFERENCE).items():
            for precision in precisions:
                name = f"{model}, {way}" if way else model
                more = {"kind": "ours", "work": work, "like": "" if model == "pct" else None}
                yield entry(name, make, run, precision, **more)
    for name, make_peer in (peers() if others else {}).items():
        yield entry(name, make_peer, eager, "float32", like=None)


def ours(name: str) -> nn.Module:
    """Make a classifier of this package, with the same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = create_model(name)
    model.clean = False  # the network alone, as for the others
    return model


def conv1d() -> nn.Module:
    """Make the usual Conv1d form with the weights of ``pct``."""
    return carry_weights(cast(Classifier, ours("pct")), Conv1dPCT(CATEGORIES))


def conv1d_to_count() -> nn.Module:
    """Make the Conv1d form without its Python loop, which has no operations that count."""
    return Conv1dPCT(CATEGORIES, sample=farthest_point_sample)


def inference(
    make: Callable[[], nn.Module],
    way: Way,
    precision: Precision,
    batch: int,
    num_points: int,
    device: torch.device,
) -> Call:
    """Make a call that computes (B, categories) logits of one batch without gradients."""
    model = make().to(device).eval()
    run, pos = way(model), surface_points(batch, num_points, device)

    def call() -> Tensor:
        with torch.no_grad(), autocast(precision, device):
            return run(pos).float()

    return call


def training_step(
    make: Callable[[], nn.Module],
    way: Way,
    precision: Precision,
    batch: int,
    num_points: int,
    device: torch.device,
) -> Call:
    """Make a call that makes one step on one batch: forward, backward, AdamW."""
    model = make().to(device).train()
    run, pos = way(model), surface_points(batch, num_points, device)
    target = torch.arange(batch, device=device) % CATEGORIES
    # A small learning rate, so that many steps on one batch stay finite.
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)

    def call() -> Tensor:
        with autocast(precision, device):
            logits = run(pos)
        loss = F.cross_entropy(logits.float(), target, label_smoothing=0.2)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    return call


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Make the context that sets the arithmetic of a call."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def operations(make: Callable[[], nn.Module], batch: int, num_points: int, training: bool) -> float:
    """Count the operations of a model in its plain form, on tensors without values.

    Operators of this package count as none, but for such tensors the models use only those of
    farthest points and neighbors, which have no matrix products.
    """
    with torch.device("meta"):
        model = make()
        pos = torch.empty(batch, num_points, 3)
    model = model.to("meta").train(training)

    def call() -> None:
        if training:
            model(pos).sum().backward()
        else:
            with torch.no_grad():
                model(pos)

    return float(count_operations(call))


def largest_difference(found: Tensor, expected: Tensor) -> float:
    """Compute the largest absolute difference between the logits of two models."""
    return (found - expected.to(found.device)).abs().max().item()
