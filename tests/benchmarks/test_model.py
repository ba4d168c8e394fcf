"""The contests of whole models, at a size that takes no time."""

from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from pcea.benchmarks import model
from pcea.benchmarks.measure import compare
from pcea.benchmarks.model import eager, inference, model_contests, operations, training_step

CPU = torch.device("cpu")


def reversed_logits(module: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda pos: module(pos).flip(1)


@pytest.fixture(autouse=True)
def _no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "INFERENCE", {"": eager, "reversed": reversed_logits})
    monkeypatch.setattr(model, "TRAINING", {"": eager})


def test_the_conv1d_form_has_the_same_logits_and_others_are_not_compared() -> None:
    (contest,) = model_contests(("pct", "eat-tiny"), 2, 520, ("float32",), CPU, others=False)
    measured = compare(contest, rounds=1, least=0.0)
    found = {row.contestant.name: row for row in measured.rows}
    assert not any(row.error for row in measured.rows)
    assert list(found) == [
        *("pct as Conv1d", "pct", "pct, reversed", "eat-tiny", "eat-tiny, reversed"),
    ]
    assert found["pct as Conv1d"].agreement == 0
    assert found["pct"].agreement is not None and found["pct"].agreement < 1e-4
    assert found["pct, reversed"].agreement is not None and found["pct, reversed"].agreement > 1e-3
    assert found["eat-tiny"].agreement is None


def test_both_precisions_and_both_jobs_are_contests() -> None:
    contests = list(
        model_contests(("eat",), 32, 1024, ("float32", "bf16"), CPU, training=True, others=False)
    )
    assert [each.title.partition(":")[0] for each in contests] == ["Inference", "Training step"]
    names = [[row.name for row in each.contestants] for each in contests]
    assert names[1] == ["pct as Conv1d", "pct as Conv1d, bf16", "eat", "eat, bf16"]
    for contest in contests:
        assert {row.precision for row in contest.contestants if "bf16" in row.name} == {"bf16"}
    forward, step = (each.contestants[2].work for each in contests)
    assert 2.9 < step / forward < 3.0  # but for the first layer's, whose input needs no gradient


def test_a_step_moves_the_weights_and_frees_the_gradients() -> None:
    made = model.ours("eat-tiny")
    before = {name: value.clone() for name, value in made.state_dict().items()}
    call = training_step(lambda: made, eager, "bf16", 2, 256, CPU)
    assert call().isfinite()
    after = made.state_dict()
    assert made.training and all(each.grad is None for each in made.parameters())
    assert not after["head.4.weight"].equal(before["head.4.weight"])
    assert not after["encoder.fuse.norm.running_mean"].equal(
        before["encoder.fuse.norm.running_mean"]
    )


def test_inference_keeps_nothing() -> None:
    made = model.ours("eat-tiny")
    logits = inference(lambda: made, eager, "bf16", 2, 256, CPU)()
    assert logits.shape == (2, 40) and logits.dtype == torch.float32
    assert not logits.requires_grad and not made.training


def test_operations_are_those_on_paper() -> None:
    def make() -> nn.Module:
        return nn.Linear(3, 5)

    assert operations(make, 2, 7, training=False) == 2 * 2 * 7 * 3 * 5
    assert operations(make, 2, 7, training=True) == 2 * 2 * 2 * 7 * 3 * 5


def test_operations_are_those_of_a_run() -> None:
    plain = cast(Callable[[], nn.Module], partial(model.ours, "spct"))
    pos = torch.randn(2, 64, 3)
    made = plain().eval()
    with torch.no_grad():
        counted = model.count_operations(lambda: made(pos))
    assert operations(plain, 2, 64, training=False) == counted > 0
