from __future__ import annotations

import pytest

from pcea.recipes import Recipe
from pcea.training.progress import Progress

RECIPE = Recipe("demo", "shapes", "eat", epochs=12)
ROW = {
    "epoch": 3,
    "train_loss": 1.23456,
    "lr": 0.1,
    "val_overall_accuracy": 0.9012,
    "val_mean_class_accuracy": 0.85,
    "seconds": 61.2,
}


def test_piped_it_prints_a_plain_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(RECIPE, steps=2) as progress:
        progress.epoch(2, first=0)
        progress.step()
        progress.step()
        progress.report(ROW)
    assert capsys.readouterr().out == (
        "epoch   3/12  loss 1.235  val_overall_accuracy 90.1 %  "
        "val_mean_class_accuracy 85.0 %  61 s\n"
    )


def test_a_note_is_printed_as_it_is_and_an_empty_one_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress(RECIPE, steps=2) as progress:
        progress.note("")
        progress.note("set [A=1]" + 30 * " early")
    assert capsys.readouterr().out == "set [A=1]" + 30 * " early" + "\n"


def test_other_processes_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(RECIPE, steps=2, shown=False) as progress:
        progress.epoch(0, first=0)
        progress.step()
        progress.note("nobody hears it")
        progress.report(ROW)
    assert capsys.readouterr().out == ""
