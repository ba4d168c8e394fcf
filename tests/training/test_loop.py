from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
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
from pcea.training import RunFolder, build_model, loop, train

STEPS = 3


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ask for an interruption while a step (counted from 1) is under way."""
    count = 0
    original: Callable[..., Any] = loop.batch_loss

    def loss(*args: Any) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGINT)
        return original(*args)

    monkeypatch.setattr(loop, "batch_loss", loss)


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


def test_a_torch_that_was_imported_too_early_is_told_once(
    classification: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(loop, "too_late", lambda: "torch was imported before pcea")
    train(classification, tmp_path / "run")
    assert capsys.readouterr().out.splitlines().count("torch was imported before pcea") == 1


def test_the_best_weights_are_those_of_the_best_validation(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(recipe, precision="float32")
    scores = iter([0.2, 0.9, 0.9, 0.4])

    class Scored:
        def __init__(self, result: Any) -> None:
            self.figures = lambda *rest: {"score": next(scores), **result.figures(*rest)}

    monkeypatch.setattr(loop, "evaluate", lambda *args, **kw: Scored(evaluate(*args, **kw)))
    run = train(replace(recipe, epochs=4), tmp_path / "run")
    best, last = load_model(run.best), load_model(run.last)
    rows = run.read_metrics()
    assert best.info.training["validation"] == rows[1]
    assert last.info.training["validation"] == rows[3]
    clouds = loop.load_dataset(recipe.dataset, "val").clouds
    for model, row in ((best, rows[1]), (last, rows[3])):
        result = evaluate(model, clouds, recipe.num_points, batch_size=recipe.batch_size).summary()
        assert {f"val_{k}": v for k, v in result.items() if isinstance(v, float)} == {
            k: v for k, v in row.items() if k.startswith("val_") and k != "val_score"
        }


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(recipe, tmp_path / "whole")
    for step in (1, STEPS + 1, 2 * STEPS):
        cut = RunFolder(tmp_path / f"cut{step}")
        with monkeypatch.context() as patch:
            interrupt_at(patch, step)
            with pytest.raises(KeyboardInterrupt, match=f"saved at step {step}: --resume"):
                train(recipe, cut.path)
        assert len(cut.read_metrics()) == step // STEPS
        torch.manual_seed(123)  # whatever happened to the generator meanwhile
        stored, _ = cut.read_recipe()
        train(stored, cut.path, resume=True)
        assert figures(cut) == figures(whole)
        assert_same_files(cut.best, whole.best)
        assert_same_files(cut.last, whole.last)
        assert_same_values(cut.load_state(), whole.load_state())
        assert cut.report.is_file()


def test_sgd_without_averaging_resumes_bit_for_bit(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(classification, optimizer="sgd", ema=0.0, clip=0.0, precision="float32")
    whole = train(recipe, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_at(patch, STEPS + 2)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "cut")
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
    original = loop.batch_loss
    run = RunFolder(tmp_path / "run")

    def loss(*args: Any) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == STEPS + 2:
            kept.update({p: p.read_bytes() for p in (run.state, run.best, run.last, run.metrics)})
        return original(*args) * (math.nan if count == STEPS + 2 else 1.0)

    monkeypatch.setattr(loop, "batch_loss", loss)
    with pytest.raises(InputError, match="loss is not finite at step 6: lower --lr"):
        train(classification, run.path)
    assert len(kept) == 4
    for path, content in kept.items():
        assert path.read_bytes() == content


def test_the_loss_is_looked_at_within_an_epoch(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECK_EVERY", 2)
    monkeypatch.setattr(loop, "batch_loss", lambda logits, *rest: logits.sum() * math.inf)
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
    assert run.load_state()["done"] == 0


def test_ctrl_c_in_the_last_epoch_leaves_only_the_report_to_do(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(classification, epochs=1)
    with monkeypatch.context() as patch:
        interrupt_at(patch, STEPS)
        with pytest.raises(KeyboardInterrupt, match="saved at step 3"):
            train(recipe, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    assert not run.report.exists()
    before = run.last.read_bytes()
    train(recipe, run.path, resume=True)
    assert run.report.exists() and run.last.read_bytes() == before


@pytest.mark.parametrize("clouds", [1, 2, 5, 9])
def test_few_training_clouds(recipe: Recipe, tmp_path: Path, sizes: Any, clouds: int) -> None:
    """Fewer than a batch, or one more; a single cloud has no variance to learn from."""
    sizes["train"] = clouds
    recipe = replace(recipe, epochs=1)
    if clouds == 1:
        with pytest.raises(InputError, match="two clouds"):
            train(recipe, tmp_path / "run")
        assert not (tmp_path / "run").exists()
    else:
        assert math.isfinite(train(recipe, tmp_path / "run").read_metrics()[0]["train_loss"])


def test_a_batch_of_one_is_refused(classification: Recipe, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two clouds"):
        train(replace(classification, batch_size=1), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("split", ["train", "val"])
def test_an_empty_split_is_refused(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    original = loop.load_dataset

    def load(name: str, which: str, root: Any = None) -> Any:
        data = original(name, which, root)
        if which == split:
            data.clouds = data.clouds.select([])
        return data

    monkeypatch.setattr(loop, "load_dataset", load)
    with pytest.raises(InputError, match=split):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_validation_split_smaller_than_a_batch(
    recipe: Recipe, tmp_path: Path, sizes: Any
) -> None:
    sizes["val"] = 1
    run = train(replace(recipe, epochs=1), tmp_path / "run")
    assert len(run.read_metrics()) == 1 and run.report.is_file()


def test_a_run_is_never_overwritten(classification: Recipe, tmp_path: Path) -> None:
    recipe = replace(classification, epochs=1)
    run = train(recipe, tmp_path / "run")
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match="holds a run already"):
        train(recipe, run.path)
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == before


def test_resuming_where_nothing_is(classification: Recipe, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot resume"):
        train(classification, tmp_path / "run", resume=True)


def test_resuming_with_another_model(classification: Recipe, tmp_path: Path) -> None:
    run = train(replace(classification, epochs=1), tmp_path / "run")
    other = replace(classification, attention_options={"slots": 5})
    with pytest.raises(InputError, match="does not fit"):
        train(other, run.path, resume=True)


def test_a_segmenter_needs_part_labels(classification: Recipe) -> None:
    data = loop.load_dataset("classification", "train")
    with pytest.raises(InputError, match="parts"):
        build_model(replace(classification, model="eat-seg-tiny"), data)


@pytest.mark.parametrize("zeros", [False, True])
def test_a_recipe_with_normals_needs_some(recipe: Recipe, tmp_path: Path, zeros: bool) -> None:
    recipe = replace(recipe, normals=True)
    data = loop.load_dataset(recipe.dataset, "train")
    if zeros:
        data.clouds = replace(data.clouds, normal=torch.zeros_like(data.clouds.pos))
    with pytest.raises(InputError, match=r"has no normals in split 'train'.*--no-normals"):
        build_model(recipe, data)
    with pytest.raises(InputError, match="no normals"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_clouds_of_which_some_lack_normals_are_taken(recipe: Recipe) -> None:
    data = loop.load_dataset(recipe.dataset, "train")
    normal = torch.zeros_like(data.clouds.pos)
    normal[:30, 1] = 1.0
    data.clouds = replace(data.clouds, normal=normal)
    assert build_model(replace(recipe, normals=True), data).encoder.normals


def test_the_recipe_chooses_the_attention(classification: Recipe) -> None:
    data = loop.load_dataset("classification", "train")
    recipe = replace(classification, attention="self", attention_options={}, residual="add")
    model = build_model(recipe, data)
    assert model.info.options["attention"] == "self"
    assert model.info.num_points == recipe.num_points


def test_the_compiled_step_learns_the_same(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(classification, epochs=1, precision="float32")
    plain = train(recipe, tmp_path / "plain")
    compiled, compiler = [], partial(torch.compile, backend="eager")

    def compile_eagerly(model: Any, **options: Any) -> Any:
        # Graphs are captured as for any backend, but need no C++ compiler to run.
        compiled.append(compiler(model))
        return compiled[-1]

    monkeypatch.setattr(torch, "compile", compile_eagerly)
    run = train(replace(recipe, compile=True), tmp_path / "compiled")
    assert len(compiled) == 1
    first, second = load_file(plain.last), load_file(run.last)
    assert first.keys() == second.keys()
    for key in first:
        torch.testing.assert_close(first[key], second[key])


def test_processes_share_a_batch_without_overlap(
    classification: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, list[list[int]]] = {0: [], 1: []}
    original = loop.training_batch

    for rank in (0, 1):

        class Ranked(loop.Accelerator):
            num_processes = 2
            process_index = rank
            is_main_process = True

        def note(clouds: Any, index: Any, *rest: Any, rank: int = rank) -> Any:
            seen[rank].append(index.tolist())
            return original(clouds, index, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "Accelerator", Ranked)
            patch.setattr(loop, "training_batch", note)
            train(replace(classification, epochs=1), tmp_path / str(rank))
    assert len(seen[0]) == len(seen[1]) == STEPS
    for one, other in zip(seen[0], seen[1], strict=True):
        assert len(one) == len(other) == 4
        assert not set(one) & set(other)
    assert sorted(i for part in seen[0] + seen[1] for i in part) == list(range(24))


def test_what_is_trained_on_is_not_called_validation(
    classification: Recipe, tmp_path: Path
) -> None:
    run = train(replace(classification, train_split="trainval", epochs=2), tmp_path / "run")
    assert not [key for row in run.read_metrics() for key in row if key.startswith("val_")]
    assert run.best.read_bytes() == run.last.read_bytes()
    assert "nothing was held out" in run.report.read_text()
