"""Callbacks are called at four moments, and trackers are callbacks by name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pcea.errors import InputError
from pcea.recipes import Recipe
from pcea.training import Callback, RunFolder, register_tracker, train
from pcea.training.state import TrainingState
from pcea.training.trackers import TRACKERS

STEPS = 3


def assert_same_weights(one: RunFolder, other: RunFolder) -> None:
    first, second = load_file(one.last), load_file(other.last)
    assert all(torch.equal(first[key], second[key]) for key in first | second)


class Note(Callback):
    """Writes down what it gets when."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def on_start(self, state: TrainingState) -> None:
        self.calls.append(("start", state.epoch, state.step, state.run.path.name))

    def on_step(self, state: TrainingState) -> None:
        self.calls.append(("step", state.epoch, state.step, state.loss.item()))

    def on_epoch(self, state: TrainingState) -> None:
        saved = state.run.last.exists()
        self.calls.append(("epoch", state.epoch, state.metrics["val_overall_accuracy"], saved))
        assert not state.model.training or state.model.task == "classification"

    def on_end(self, state: TrainingState) -> None:
        self.calls.append(("end", state.epoch, state.completed))


def test_the_four_moments(classification: Recipe, tmp_path: Path) -> None:
    note = Note()
    run = train(replace(classification, epochs=2), tmp_path / "run", callbacks=[note])
    names = [call[0] for call in note.calls]
    assert names == ["start", *["step"] * STEPS, "epoch", *["step"] * STEPS, "epoch", "end"]
    assert note.calls[0] == ("start", 0, 0, "run") and note.calls[-1] == ("end", 2, True)
    rows = run.read_metrics()
    epochs = [call for call in note.calls if call[0] == "epoch"]
    assert [call[1:] for call in epochs] == [
        (row["epoch"], row["val_overall_accuracy"], True) for row in rows
    ]
    steps = [call for call in note.calls if call[0] == "step"]
    assert [call[2] for call in steps] == [1, 2, 3, 4, 5, 6]
    mean = sum(call[3] for call in steps[:STEPS]) / STEPS
    assert rows[0]["train_loss"] == pytest.approx(mean)


def test_an_error_ends_the_run_for_every_callback(classification: Recipe, tmp_path: Path) -> None:
    class Fails(Callback):
        def on_epoch(self, state: TrainingState) -> None:
            raise RuntimeError("disk of a tracker is full")

    note = Note()
    with pytest.raises(RuntimeError, match="tracker is full"):
        train(classification, tmp_path / "run", callbacks=[note, Fails()])
    assert note.calls[-1] == ("end", 1, False)
    assert not RunFolder(tmp_path / "run").report.exists()


def test_callbacks_change_nothing_by_themselves(classification: Recipe, tmp_path: Path) -> None:
    one = train(classification, tmp_path / "1", callbacks=[Note()])
    two = train(classification, tmp_path / "2")
    assert_same_weights(one, two)


def test_tensorboard_has_the_figures(classification: Recipe, tmp_path: Path) -> None:
    run = train(replace(classification, epochs=2), tmp_path / "run")
    events = EventAccumulator(str(run.path / "tensorboard")).Reload()
    rows = run.read_metrics()
    for name in ("train_loss", "val_overall_accuracy", "lr"):
        assert [(e.step, pytest.approx(e.value)) for e in events.Scalars(name)] == [
            (row["epoch"], row[name]) for row in rows
        ]


def test_a_strangers_tracker_follows_by_name(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TRACKERS, "_entries", dict(TRACKERS._entries))

    @register_tracker("lines")
    class Lines(Callback):
        def on_epoch(self, state: TrainingState) -> None:
            with (state.run.path / "lines.txt").open("a") as file:
                file.write(f"{state.epoch}\n")

    run = train(replace(classification, tracker=("lines",)), tmp_path / "run")
    assert (run.path / "lines.txt").read_text() == "1\n2\n3\n"
    assert not (run.path / "tensorboard").exists()
    with pytest.raises(InputError, match=r"no tracker is called 'line'.*'lines'"):
        train(replace(classification, tracker=("line",)), tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("kind", ["tracker", "metric"])
def test_names_are_looked_up_before_the_data_are_read(kind: str, tmp_path: Path) -> None:
    recipe = Recipe("r", "no-such-data", "eat-tiny", **{kind: ("no-such-name",)})
    with pytest.raises(InputError, match=f"no {kind} is called 'no-such-name'"):
        train(recipe, tmp_path / "run")


def test_a_strangers_metric_is_validated_and_reported(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pcea.evaluation import register_metric
    from pcea.evaluation.metrics import METRICS

    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))
    register_metric("mistakes", task="classification")(
        lambda result: int((result.prediction != result.target).sum())
    )
    recipe = replace(classification, epochs=2, metric=("mistakes",))
    run = train(recipe, tmp_path / "run")
    for line in run.metrics.read_text().splitlines():
        row = json.loads(line)
        assert row["val_mistakes"] == pytest.approx(7 * (1 - row["val_overall_accuracy"]))
    assert "<span>mistakes</span>" in run.report.read_text()
    with pytest.raises(InputError, match="metric 'class_miou' is for segmentation"):
        train(replace(classification, metric=("class_miou",)), tmp_path / "other")
