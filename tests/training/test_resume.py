import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pcea.errors import InputError
from pcea.recipes import Recipe
from pcea.training import Callback, RunFolder, train
from pcea.training.state import TrainingState

STEPS = 3


class InterruptAt(Callback):
    """Asks for an interruption when a step (counted from 1) was made."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, state: TrainingState) -> None:
        if state.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def figures(run: RunFolder) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in run.read_metrics()]


def assert_same_files(one: Path, other: Path) -> None:
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    for key in first:
        assert torch.equal(first[key], second[key]), key


def assert_same_values(one: Any, other: Any) -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same_values(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same_values(a, b)
    else:
        assert one == other


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(recipe: Recipe, tmp_path: Path) -> None:
    whole = train(recipe, tmp_path / "whole")
    for step in (1, STEPS + 1, 2 * STEPS):
        cut = RunFolder(tmp_path / f"cut{step}")
        with pytest.raises(KeyboardInterrupt, match=f"saved at step {step}: --resume"):
            train(recipe, cut.path, callbacks=[InterruptAt(step)])
        assert len(cut.read_metrics()) == step // STEPS
        torch.manual_seed(123)  # whatever happened to the generator meanwhile
        train(out=cut.path, resume=True)
        assert figures(cut) == figures(whole)
        assert_same_files(cut.best, whole.best)
        assert_same_files(cut.last, whole.last)
        assert_same_values(cut.load_state(), whole.load_state())
        assert cut.report.is_file()


def test_sgd_without_averaging_resumes_bit_for_bit(classification: Recipe, tmp_path: Path) -> None:
    recipe = replace(classification, optimizer="sgd", ema=0.0, clip=0.0, precision="float32")
    whole = train(recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "cut", callbacks=[InterruptAt(STEPS + 2)])
    cut = train(recipe, tmp_path / "cut", resume=True)
    assert figures(cut) == figures(whole)
    assert_same_values(cut.load_state(), whole.load_state())


def test_epochs_that_the_state_has_not_done_are_done_again(
    classification: Recipe, tmp_path: Path
) -> None:
    run = train(classification, tmp_path / "run")
    before = figures(run)
    # As if the machine had stopped between an epoch's figures and its state.
    with run.metrics.open("a") as file:
        file.write('{"epoch": 4, "train_loss": 0.1}\n{"epoch": 5, "tra')
    train(classification, run.path, resume=True)
    assert figures(run) == before


def test_ctrl_c_in_the_last_epoch_leaves_only_the_report_to_do(
    classification: Recipe, tmp_path: Path
) -> None:
    recipe = replace(classification, epochs=1)
    with pytest.raises(KeyboardInterrupt, match="saved at step 3"):
        train(recipe, tmp_path / "run", callbacks=[InterruptAt(STEPS)])
    run = RunFolder(tmp_path / "run")
    assert not run.report.exists()
    before = run.last.read_bytes()
    train(recipe, run.path, resume=True)
    assert run.report.exists() and run.last.read_bytes() == before


def test_resuming_where_nothing_is(classification: Recipe, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run to resume"):
        train(classification, tmp_path / "run", resume=True)


def test_resuming_by_another_recipe(classification: Recipe, tmp_path: Path) -> None:
    run = train(replace(classification, epochs=1), tmp_path / "run")
    other = replace(classification, attention_options={"slots": 5})
    with pytest.raises(
        InputError,
        match="has another attention_options in its recipe",
    ):
        train(other, run.path, resume=True)
