from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pcea.recipes import Recipe
from pcea.training import progress as module
from pcea.training.progress import Progress

METRICS = {
    "epoch": 3,
    "train_loss": 1.23456,
    "lr": 0.1,
    "val_overall_accuracy": 0.9012,
    "val_mean_class_accuracy": 0.85,
    "val_mine": 12.3456,
    "seconds": 61.2,
}


def state(**changes: Any) -> Any:
    values = {
        "recipe": Recipe("demo", "shapes", "eat", epochs=12),
        "loss_sum": torch.zeros(()),
        "steps_per_epoch": 2,
        "step": 4,
        "epoch": 2,
        "metrics": METRICS,
        "notes": [],
    }
    return SimpleNamespace(**{**values, **changes})


def test_piped_it_prints_a_plain_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    for moment in (progress.on_start, progress.on_step, progress.on_step, progress.on_epoch):
        moment(state())
    progress.on_end(state())
    assert capsys.readouterr().out == (
        "epoch   3/12  loss 1.235  val_overall_accuracy 90.1 %  "
        "val_mean_class_accuracy 85.0 %  val_mine 12.35  61 s\n"
    )


def test_notes_are_printed_as_they_are_and_empty_ones_are_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "too_late", lambda: "torch was imported before pcea")
    note = "set [A=1]" + 30 * " early"
    Progress().on_start(state(notes=["", note]))
    assert capsys.readouterr().out == f"{note}\ntorch was imported before pcea\n"
