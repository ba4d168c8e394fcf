"""A training step taken apart is the step that training makes."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pcea.benchmarks import training
from pcea.benchmarks.measure import compare
from pcea.benchmarks.training import PHASES, Stepper, shares_of, steps_of, training_contest
from pcea.datasets import PointCloudDataset, load_dataset
from pcea.recipes import Recipe, get_recipe
from pcea.training import setup, train

CPU = torch.device("cpu")


@pytest.fixture
def recipe() -> Recipe:
    options = {"depth": 1, "k": 4, "num": (16, 8), "fused": 16, "dims": (8, 8, 8), "hidden": (8, 8)}
    quick = {"num_points": 32, "batch_size": 8, "epochs": 1, "precision": "float32", "ema": 0.0}
    return replace(get_recipe("shapes-cls"), model_options=options, **quick)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _few_shapes(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PCEA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))

    def few(name: str, split: str, root: object = None) -> PointCloudDataset:
        return load_dataset(name, split, num_per_category=2, num_points=64)

    for module in (training, setup):
        monkeypatch.setattr(module, "load_dataset", few)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("attention", [None, "caam"])  # which has two losses
def test_its_steps_are_those_of_training(
    recipe: Recipe, tmp_path: Path, attention: str | None
) -> None:
    recipe = replace(recipe, attention=attention)
    # The schedule alone is left out: it changes no time. So it stands still here, too.
    still = replace(recipe, warmup_epochs=0.0, final_lr=recipe.lr)
    run = train(still, tmp_path / "run")
    stepper = Stepper(still, None, CPU)
    steps, size = steps_of(still, None)
    losses = [stepper.step().item() for _ in range(steps)]
    row = json.loads(run.metrics.read_text().splitlines()[0])
    assert size == 8 and stepper.state.step == steps > 1
    assert row["train_loss"] == pytest.approx(sum(losses) / steps, abs=1e-6)


def test_a_step_on_clouds_without_part_labels(recipe: Recipe) -> None:
    data = load_dataset("shapes", "train", num_per_category=1, num_points=64)
    part = data.clouds.part
    assert part is not None
    data.clouds = replace(data.clouds, part=torch.full_like(part, -1))
    stepper = Stepper(replace(recipe, model="eat-seg-tiny"), None, CPU, data)
    assert stepper.step().isfinite()


def test_shares_on_a_clock_that_ticks(recipe: Recipe) -> None:
    stepper = Stepper(recipe, None, CPU)
    ticks = itertools.count()
    phases, kinds = shares_of(stepper, clock=lambda: 100.0 * next(ticks), steps=2)
    assert phases == dict.fromkeys(PHASES, 100.0)
    assert {"matrix products", "BatchNorm", "neighbors and farthest points"} <= {
        kind.name for kind in kinds
    }


def test_the_contest_names_what_it_trains(recipe: Recipe) -> None:
    contest = training_contest(recipe, None, CPU)
    assert contest.title == ("Training step of shapes-cls: eat-tiny, 32 points, batch 8, float32")
    assert [each.name for each in contest.contestants] == ["eager", "compiled"]
    only = replace(contest, contestants=contest.contestants[:1])
    (row,) = compare(only, rounds=1, least=0.0).rows
    assert row.seconds and not row.error
