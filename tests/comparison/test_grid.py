"""Training the grid of a comparison: resumed, extended, shared by processes, and guarded."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from safetensors.torch import load_file

import pcea
from pcea.comparison import grid as module
from pcea.comparison.grid import Grid, read_entry
from pcea.errors import InputError
from pcea.recipes import Recipe
from pcea.training import RunFolder, report, setup

RECIPE = pcea.RECIPES["shapes-cls"]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that were trained, each as a folder with its recipe and its report."""
    names = list[str]()

    def train(recipe: Recipe, path: Path, data_root: object, resume: bool) -> None:
        run = RunFolder(path)
        if not resume:
            run.create(recipe, None, {})
        names.append(f"{path.parent.name}/{path.name}" + " resumed" * resume)
        run.report.touch()

    monkeypatch.setattr(module, "train", train)
    return names


def train(
    out: Path, *attentions: str, seeds: tuple[int, ...] = (0,), recipe: Recipe = RECIPE
) -> Grid:
    grid = Grid.create(recipe, attentions, seeds, out)
    grid.train()
    return grid


@pytest.mark.parametrize(
    ("text", "label", "options", "others"),
    [
        ("self", "self", {}, {}),
        (
            "external( slots = 8,tied=true)",
            "external(slots=8, tied=True)",
            {"slots": 8, "tied": True},
            {},
        ),
        (
            "halo(turn=[0, 1], residual=add)",
            "halo(residual=add, turn=(0, 1))",
            {"turn": [0, 1]},
            {"residual": "add"},
        ),
        (
            "offset(query_dim=none, residual=none)",
            "offset(query_dim=None, residual='none')",
            {"query_dim": None},
            {"residual": "none"},
        ),
        (
            "mean(model_options={'depth': 2}, lr=0.1)",
            "mean(lr=0.1, model_options={'depth': 2})",
            {},
            {"model_options": {"k": 4, "depth": 2}, "lr": 0.1},
        ),
    ],
)
def test_an_entry_is_an_attention_with_options(
    text: str, label: str, options: dict[str, Any], others: dict[str, Any]
) -> None:
    entry = read_entry(text, replace(RECIPE, model_options={"k": 4}))
    assert entry.label == label
    name = text.partition("(")[0]
    assert entry.changes == {"attention": name, "attention_options": options, **others}


def test_what_is_there_is_not_trained_again(tmp_path: Path, trained: list[str]) -> None:
    train(tmp_path, "external", "self")
    assert trained == ["external/seed0", "self/seed0"]
    train(tmp_path, "external", "self", "external(slots=8)", seeds=(0, 1))
    assert trained[2:] == [
        "external_slots=8/seed0",
        "external/seed1",
        "self/seed1",
        "external_slots=8/seed1",
    ]
    train(tmp_path, "self", seeds=(1, 0))
    assert len(trained) == 6


def test_an_interrupted_run_is_resumed(tmp_path: Path, trained: list[str]) -> None:
    grid = Grid.create(RECIPE, ["external"], [3], tmp_path)
    run = grid.run_of(grid.entries[0], 3)
    run.create(grid.recipe_of(grid.entries[0], 3), None, {})
    grid.train()
    assert trained == ["external/seed3 resumed"]


def test_a_run_that_another_process_trains_is_left_to_it(
    tmp_path: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = Grid.create(RECIPE, ["external", "self"], [0], tmp_path)
    run = grid.run_of(grid.entries[0], 0)
    run.path.parent.mkdir(parents=True)
    other = FileLock(run.path.parent / "seed0.lock")
    other.acquire()
    acquire = FileLock.acquire

    def wait(lock: FileLock, timeout: float) -> object:
        if timeout == -1 and other.is_locked:  # the other process completes its run meanwhile
            run.create(grid.recipe_of(grid.entries[0], 0), None, {})
            run.report.touch()
            other.release()
        return acquire(lock, timeout)

    monkeypatch.setattr(FileLock, "acquire", wait)
    grid.train()
    assert trained == ["self/seed0"]


@pytest.mark.parametrize(
    ("attentions", "seeds", "words"),
    [
        (["extrenal"], [0], "no attention is called 'extrenal'.*'external'"),
        (["self", "external(slot=3)"], [0], "no option 'slot' .*'slots'"),
        (["external(64)"], [0], "options have names"),
        (["external(residual=ad)"], [0], "residual is 'ad'; it must be"),
        (["self", "self"], [0], "attention self is given twice"),
        (["self"], [1, 1], "seed 1 is given twice"),
        ([], [1], "at least one attention"),
        (["self"], [], "at least one seed"),
        (["self(seed=3)"], [0], "no option 'seed'"),
    ],
)
def test_a_wrong_entry_is_refused_before_anything_is_trained(
    tmp_path: Path, attentions: list[str], seeds: list[int], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        Grid.create(RECIPE, attentions, seeds, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_another_recipe_is_refused(tmp_path: Path, trained: list[str]) -> None:
    train(tmp_path, "self")
    # What the grid sets plays no part.
    train(tmp_path, "mean", recipe=replace(RECIPE, attention="external", seed=7))
    with pytest.raises(InputError, match="has another epochs in its recipe, 6: give the same"):
        train(tmp_path, "self", recipe=replace(RECIPE, epochs=7))
    assert len(trained) == 2


def test_a_run_that_is_not_the_grids_is_refused(tmp_path: Path, trained: list[str]) -> None:
    grid = Grid.create(RECIPE, ["self"], [0], tmp_path)
    own = grid.recipe_of(grid.entries[0], 0)
    grid.run_of(grid.entries[0], 0).create(replace(own, lr=1.0), None, {})
    with pytest.raises(InputError, match=r"self/seed0 has another lr in its recipe, 1\.0"):
        Grid.create(RECIPE, ["self"], [0], tmp_path)


def test_a_run_that_fails_does_not_end_the_others(
    tmp_path: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = module.train

    def fail(recipe: Recipe, path: Path, data_root: object, resume: bool) -> None:
        if recipe.attention == "self":
            RunFolder(path).create(recipe, None, {})
            raise InputError("the loss is not finite")
        whole(recipe, path, data_root, resume)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train", fail)
    grid = Grid.create(RECIPE, ["self", "mean"], [0], tmp_path)
    assert grid.train() == {"self, seed 0": "the loss is not finite"}
    assert trained == ["mean/seed0"]


def test_runs_are_those_of_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(setup.load_dataset, num_per_category=2, num_points=64)
    monkeypatch.setattr(setup, "load_dataset", few)
    monkeypatch.setattr(report, "as_svg", lambda figure, label: "<svg></svg>")
    options = {"dims": (8, 8, 16), "num": (16, 8), "k": 4, "depth": 1, "fused": 16}
    recipe = replace(
        RECIPE, model_options=options, num_points=32, epochs=1, precision="float32", compile="no"
    )
    grid = train(tmp_path / "grid", "external(slots=4)", recipe=recipe, seeds=(5,))
    own = {"attention": "external", "attention_options": {"slots": 4}, "seed": 5}
    alone = pcea.train(replace(recipe, **own), tmp_path / "alone")
    run = grid.run_of(grid.entries[0], 5)
    found, expected = load_file(run.last), load_file(alone.last)
    assert found.keys() == expected.keys()
    assert all(found[name].equal(expected[name]) for name in found)
