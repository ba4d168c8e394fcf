"""Recipes, what replaces their values, and runs that go on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pcea.cli.train import Train
from pcea.errors import InputError
from pcea.recipes import RECIPES

Run = Callable[..., str]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_stays_what_it_is(name: str) -> None:
    assert Train.parse([name]).recipe == RECIPES[name]


def test_options_replace_values_wherever_they_stand() -> None:
    words = (
        "--epochs 3 shapes-cls --lr=1e-4 --attention self --scale 0.9 1.1 --compile yes --seed -1"
    )
    recipe = Train.parse([*words.split(), "--seed", "-1"]).recipe
    assert (recipe.name, recipe.epochs, recipe.lr, recipe.attention) == (
        "shapes-cls",
        3,
        1e-4,
        "self",
    )
    assert recipe.transforms == ("scale(0.9, 1.1)", "translate(0.1)")
    assert recipe.compile == "yes"
    assert recipe.seed == -1
    assert recipe.model == RECIPES["shapes-cls"].model


def test_restarts_fit_the_epochs_of_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "long.yaml"
    file.write_text("dataset: shapes\nmodel: eat-tiny\nepochs: 300\n")
    assert Train.parse([str(file), "--restarts", "100", "260"]).restarts == (100, 260)
    with pytest.raises(InputError, match=r"restarts is \(260,\); .* the last one, 200, or nothing"):
        Train.parse([str(file), "--restarts", "260", "--epochs", "200"])
    assert Train.parse([str(file), "--restarts"]).restarts == ()
    with pytest.raises(InputError, match=r"--restarts: .*'a' is not a whole number"):
        Train.parse([str(file), "--restarts", "40", "a"])


def test_a_file_is_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("dataset: toys\nmodel: eat-tiny\nepochs: 3\n")
    recipe = Train.parse([str(path), "--lr", "0.1"]).recipe
    assert (recipe.name, recipe.dataset, recipe.epochs, recipe.lr) == ("mine", "toys", 3, 0.1)


def test_options_of_options() -> None:
    words = "shapes-cls --attention-options slots=128 tied=True bias=no --model-options dims=8,16"
    recipe = Train.parse(words.split()).recipe
    assert recipe.attention_options == {"slots": 128, "tied": True, "bias": "no"}
    assert recipe.model_options == {"dims": (8, 16)}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--transforms jitter rotate(15,axis=any)", "jitter rotate(15,axis=any)"),
        ("--transforms", ""),
        ("--add-transforms jitter", "scale(0.8, 1.25) translate(0.1) jitter"),
        ("--jitter 0.01 --scale 1 1 --rotate 15", "rotate(15.0) jitter(0.01) translate(0.1)"),
        ("--transforms shear --drop-points 0.5 --translate 0", "shear drop-points(0.5)"),
    ],
)
def test_transforms_are_replaced_and_added(words: str, expected: str) -> None:
    assert " ".join(Train.parse(["shapes-cls", *words.split()]).recipe.transforms) == expected


def test_help_lists_the_recipes(pcea: Run) -> None:
    out = pcea("train", "--help")
    for name in RECIPES:
        assert any(line.strip().startswith(f"{name}:") for line in out.splitlines())


def test_help_of_a_recipe_shows_its_values(pcea: Run) -> None:
    out = pcea("train", "parts-eat-tiny", "--help")
    recipe = RECIPES["parts-eat-tiny"]
    for value in (recipe.dataset, recipe.epochs, recipe.lr, recipe.balance):
        assert f"(default: {value})" in out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "no recipe given"),
        ("--epochs 3", "no recipe given"),
        ("shapez-cls", "did you mean 'shapes-cls'"),
        ("shapes-cls --epohcs 3", "did you mean '--epochs'"),
        ("shapes-cls --name x", "--name"),
        ("shapez-cls.yaml", "no such file; give a recipe (did you mean 'shapes-cls'"),
        ("shapes-cls --epochs x", "--epochs is 'x'; it must be a whole number"),
        ("shapes-cls --lr x", "--lr is 'x'; it must be a number"),
        ("shapes-cls --rotate x", "--rotate is 'x'; it must be a number"),
        (
            "shapes-cls --epochs 0",
            "--epochs is 0; it must be a whole number from 1 to 2,147,483,647",
        ),
        ("shapes-cls --lr nan", "lr is nan"),
        ("shapes-cls --label-smoothing 1", "--label-smoothing is 1.0"),
        ("shapes-cls --scale 2 1", "scale: high is 1.0; it must be at least low, 2.0"),
        ("shapes-cls --drop-points 1.5", "drop-points: share is 1.5"),
        ("shapes-cls --transforms sclae", "did you mean 'scale'"),
        ("shapes-cls --transforms scale(lo=1)", "did you mean 'low'"),
        ("shapes-cls --add-transforms jitter(", "not of the form NAME"),
        ("shapes-cls --scale 2", "--scale is '2'; it must be two numbers"),
        ("shapes-cls --precision fp16", "'fp16'"),
        ("shapes-cls --attention-options 128", "'128' is not of the form KEY=VALUE"),
        ("shapes-cls --attention-options slot=3", "did you mean 'slots'"),
        ("shapes-cls --model eet-tiny", "did you mean 'eat-tiny'"),
        ("shapes-cls --model-options dims=8", "dims is 8; it must be a list of whole numbers"),
        ("shapes-cls --model-options k=abc num=8,4", "k is 'abc'; it must be a whole number"),
        ("shapes-cls --model-options depth=-1", "depth is -1; it must be a whole number"),
        ("shapes-cls --model-options dropout=2", "cannot be built"),
        ("shapes-cls --model-options hidden=8,", "hidden is (8,); it must be two whole numbers"),
        ("shapes-cls --seed 99999999999999999999", "seed is 99999999999999999999; it must be"),
        ("shapes-cls --metric overall_acuracy", "did you mean 'overall_accuracy'"),
        ("shapes-cls --dataset toyz", "did you mean 'toys'"),
        ("modelnet40-eat --data-root no/such/folder", "no/such/folder"),
        ("shapes-cls --init modelnet40-eat-smal", "did you mean 'modelnet40-eat-small'"),
        ("shapes-cls --freeze encoder head", "leaves nothing to train"),
        ("shapes-cls --head-lr -1", "--head-lr is -1.0"),
        ("shapes-cls --tracker tensorbord", "did you mean 'tensorboard'"),
        ("--resume no/such/run", "no run to resume in no/such/run"),
        ("shapes-cls --resume run", "leave 'shapes-cls' out"),
        ("--resume run --epochs 3", "leave --epochs out"),
    ],
)
def test_refuses_in_one_line_and_leaves_nothing(
    pcea: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    toys: Path,
    words: str,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PCEA_DATA", str(toys))
    options = words.split()
    if "--dataset" not in options and "shapes-cls" in options and "--resume" not in options:
        options += ["--dataset", "toys"]  # quicker to load than the built-in shapes
    assert reason in pcea("train", *options, status=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--freeze encodr", "did you mean 'encoder'"),
        ("--metric instance_miou", "metric 'instance_miou' is for segmentation"),
        ("--attention extrenal", "did you mean 'external'"),
        ("--init parts-eat-tiny", "do not fit model 'eat-tiny'"),
    ],
)
def test_what_is_wrong_for_any_data_is_refused_before_they_are_read(
    pcea: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str, reason: str
) -> None:
    monkeypatch.setattr("pcea.training.setup.load_dataset", lambda *call: 1 / 0)
    run = tmp_path / "run"
    assert reason in pcea("train", "shapes-cls", *words.split(), "--out", run, status=2)
    assert not run.exists()


def test_writes_a_run_folder(pcea: Run, classifier: Path) -> None:
    described = yaml.safe_load((classifier / "recipe.yaml").read_text())
    assert described["recipe"]["dataset"] == "toys"
    assert described["recipe"]["epochs"] == 1
    for name in ("model.safetensors", "metrics.jsonl", "report.html", "resume"):
        assert (classifier / name).exists()


def test_the_run_folder_is_named_by_recipe_and_time(
    pcea: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = []
    monkeypatch.setattr("pcea.training.train", lambda *call: seen.append(call) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pcea("train", "shapes-cls", "--data-root", tmp_path)
    # Without a folder, pcea.train names it.
    assert seen == [(RECIPES["shapes-cls"], None, tmp_path)]


def test_does_not_write_over_a_run(pcea: Run, classifier: Path, toys: Path) -> None:
    before = (classifier / "recipe.yaml").read_bytes()
    words = ("train", "shapes-cls", "--dataset", "toys", "--data-root", toys)
    assert "holds a run already" in pcea(*words, "--out", classifier, status=2)
    assert (classifier / "recipe.yaml").read_bytes() == before


def test_resume_of_a_finished_run_changes_nothing(pcea: Run, classifier: Path) -> None:
    before = (classifier / "metrics.jsonl").read_text()
    assert str(classifier) in pcea("train", "--resume", classifier)
    assert (classifier / "metrics.jsonl").read_text() == before
    assert json.loads(before)["epoch"] == 1


def test_a_loss_that_is_not_finite(pcea: Run, toys: Path, tmp_path: Path) -> None:
    words = "train shapes-cls --dataset toys --epochs 3 --clip 0 --optimizer sgd --lr 1e30".split()
    run = tmp_path / "run"
    err = pcea(*words, "--warmup-epochs", 0, "--data-root", toys, "--out", run, status=2)
    assert "not finite" in err


def test_built_in_shapes_from_training_to_figures(pcea: Run, tmp_path: Path) -> None:
    tiny = "--model-options depth=1 k=4 num=16,8 fused=16 dims=8,8,8".split()
    words = ("train", "shapes-cls", "--epochs", 1, "--num-points", 32, *tiny)
    assert "epoch   1/1" in pcea(*words, "--out", tmp_path / "run")
    assert "eat-tiny on shapes test" in pcea("evaluate", tmp_path / "run")
