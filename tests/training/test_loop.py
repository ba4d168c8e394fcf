import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pcea.errors import InputError
from pcea.evaluation import evaluate
from pcea.models import load_model
from pcea.recipes import Recipe
from pcea.training import RunFolder, loop, methods, setup, train

STEPS = 3


def figures(run: RunFolder) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in run.read_metrics()]


def test_the_loss_falls_and_the_folder_is_whole(recipe: Recipe, tmp_path: Path) -> None:
    easy = {"transforms": ("rotate(10)", "translate(0.2)"), "label_smoothing": 0.0}
    options = {**recipe.model_options, "dropout": 0.0}
    run = train(replace(recipe, epochs=8, model_options=options, **easy), tmp_path / "run")
    rows = run.read_metrics()
    assert [row["epoch"] for row in rows] == list(range(1, 9))
    assert rows[-1]["train_loss"] < 0.7 * rows[0]["train_loss"]
    assert {p.name for p in run.path.iterdir()} == {
        "recipe.yaml",
        "metrics.jsonl",
        "model.safetensors",
        "last.safetensors",
        "report.html",
        "resume",
        "tensorboard",
    }
    assert [p.name for p in run.state.parent.iterdir()] == ["state.pt"]


def test_the_best_weights_are_those_of_the_best_validation(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(recipe, precision="float32")
    scores = iter([0.2, 0.9, 0.9, 0.4])

    original = loop.validate

    def scored(*args: Any) -> dict[str, float]:
        measured = original(*args)
        return {**measured, next(iter(measured)): next(scores)}

    monkeypatch.setattr(loop, "validate", scored)
    run = train(replace(recipe, epochs=4), tmp_path / "run")
    best, last = load_model(run.best), load_model(run.last)
    rows = run.read_metrics()
    assert best.info.training["validation"] == rows[1]
    assert last.info.training["validation"] == rows[3]
    clouds = setup.load_dataset(recipe.dataset, "val").clouds
    for model, row in ((best, rows[1]), (last, rows[3])):
        result = evaluate(model, clouds, recipe.num_points, batch_size=recipe.batch_size)
        # The first figure is the score of this test.
        name, value = list(result.figures().items())[1]
        assert row[f"val_{name}"] == value


def test_seeds_differ_and_repeat(classification: Recipe, tmp_path: Path) -> None:
    recipe = replace(classification, epochs=1)
    one = figures(train(recipe, tmp_path / "1"))
    assert figures(train(recipe, tmp_path / "2")) == one
    assert figures(train(replace(recipe, seed=1), tmp_path / "3")) != one


def test_runs_of_different_precision_follow_each_other(
    classification: Recipe, tmp_path: Path
) -> None:
    train(replace(classification, epochs=1, precision="bf16"), tmp_path / "1")
    train(replace(classification, epochs=1, precision="float32"), tmp_path / "2")


def test_bf16_keeps_float32_weights(classification: Recipe, tmp_path: Path) -> None:
    run = train(replace(classification, epochs=1), tmp_path / "run")
    kinds = {tensor.dtype for tensor in load_file(run.last).values()}
    assert kinds <= {torch.float32, torch.int64}


def test_averaged_weights_are_saved_and_validated(classification: Recipe, tmp_path: Path) -> None:
    recipe = replace(classification, epochs=1)
    run = train(recipe, tmp_path / "run")
    state = run.load_state()
    saved = load_file(run.last)
    averaged = {k.removeprefix("module."): v for k, v in state["average"].items()}
    assert all(torch.equal(saved[key], averaged[key]) for key in saved)
    assert any(not torch.equal(saved[key], state["model"][key]) for key in saved)


def test_a_loss_that_is_not_finite_keeps_what_was_good(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, kept = 0, {}
    original = methods.base.batch_loss
    run = RunFolder(tmp_path / "run")

    def loss(*args: Any) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == STEPS + 2:
            kept.update({p: p.read_bytes() for p in (run.state, run.best, run.last, run.metrics)})
        return original(*args) * (math.nan if count == STEPS + 2 else 1.0)

    monkeypatch.setattr(methods.base, "batch_loss", loss)
    with pytest.raises(InputError, match="loss is not finite at step 6: lower --lr"):
        train(classification, run.path)
    assert len(kept) == 4
    for path, content in kept.items():
        assert path.read_bytes() == content


def test_the_loss_is_checked_within_an_epoch(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECK_EVERY", 2)
    monkeypatch.setattr(methods.base, "batch_loss", lambda logits, *rest: logits.sum() * math.inf)
    with pytest.raises(InputError, match="not finite at step 2"):
        train(classification, tmp_path / "run")


def test_weights_that_are_not_finite_are_never_saved(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step of an epoch may break the weights without any loss telling of it."""
    original = loop.learning_rate
    monkeypatch.setattr(
        loop,
        "learning_rate",
        lambda step, *rest: math.inf if step == STEPS - 1 else original(step, *rest),
    )
    run = RunFolder(tmp_path / "run")
    with pytest.raises(InputError, match="not finite"):
        train(replace(classification, epochs=1), run.path)
    assert not run.best.exists()
    assert run.load_state()["step"] == 0


def test_a_run_is_never_overwritten(classification: Recipe, tmp_path: Path) -> None:
    recipe = replace(classification, epochs=1)
    run = train(recipe, tmp_path / "run")
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match="holds a run already"):
        train(recipe, run.path)
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == before


def test_the_compiled_step_learns_the_same(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Compiled code draws other numbers for dropout.
    options = {**classification.model_options, "dropout": 0.0}
    recipe = replace(classification, epochs=1, precision="float32", model_options=options)
    plain = train(recipe, tmp_path / "plain")
    compiled, compiler = [], partial(torch.compile, backend="eager")

    def compile_eagerly(model: Any, **options: Any) -> Any:
        # Graphs are captured as for any backend, but need no C++ compiler to run.
        compiled.append(compiler(model))
        return compiled[-1]

    monkeypatch.setattr(torch, "compile", compile_eagerly)
    run = train(replace(recipe, compile="yes"), tmp_path / "compiled")
    assert len(compiled) == 1
    first, second = load_file(plain.last), load_file(run.last)
    assert first.keys() == second.keys()
    for key in first:
        torch.testing.assert_close(first[key], second[key])


def test_processes_share_a_batch_without_overlap(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[int, list[list[int]]] = {0: [], 1: []}
    original = loop.training_batch

    for rank in (0, 1):

        class Ranked(loop.Accelerator):
            num_processes = 2
            process_index = rank
            is_main_process = True

        def note(clouds: Any, index: Any, *rest: Any, rank: int = rank) -> Any:
            drawn[rank].append(index.tolist())
            return original(clouds, index, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "Accelerator", Ranked)
            patch.setattr(loop, "training_batch", note)
            train(replace(classification, epochs=1), tmp_path / str(rank))
    assert len(drawn[0]) == len(drawn[1]) == STEPS
    for one, other in zip(drawn[0], drawn[1], strict=True):
        assert len(one) == len(other) == 4
        assert not set(one) & set(other)
    assert sorted(i for part in drawn[0] + drawn[1] for i in part) == list(range(24))


def test_what_is_trained_on_is_not_called_validation(
    classification: Recipe, tmp_path: Path
) -> None:
    run = train(replace(classification, train_split="trainval", epochs=2), tmp_path / "run")
    assert not [key for row in run.read_metrics() for key in row if key.startswith("val_")]
    assert run.best.read_bytes() == run.last.read_bytes()
    assert "there are no validation figures" in run.report.read_text()
