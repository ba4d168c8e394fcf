from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pcea.datasets import Clouds, PointCloudDataset
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.models import create_model
from pcea.recipes import RECIPES, Recipe, get_recipe, set_transform
from pcea.training import build_model
from pcea.transforms import as_transforms

PARTS = Taxonomy(("a", "b"), ("a/1", "a/2", "b/1"), ((0, 1), (2,)))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_its_model(name: str) -> None:
    recipe = get_recipe(name)
    assert recipe.name == name
    pos = torch.rand(2, 8, 3)
    clouds = Clouds.from_dense(pos, torch.tensor([0, 1]), pos, torch.zeros(2, 8))
    model = build_model(recipe, PointCloudDataset(clouds, PARTS, recipe.dataset, "train"))
    assert model.info.dataset == recipe.dataset
    assert model.info.num_points == recipe.num_points
    assert model.encoder.normals == recipe.normals
    expected = (2, 2) if model.task == "classification" else (2, 8, 3)
    assert model(pos, pos, clouds.category).shape == expected


@pytest.mark.parametrize("name", RECIPES)
def test_values_make_sense(name: str) -> None:
    recipe = RECIPES[name]
    assert 0 <= recipe.final_lr <= recipe.lr
    assert recipe.warmup_epochs < recipe.epochs
    assert recipe.batch_size > 1 and recipe.num_points > 0
    assert list(map(str, as_transforms(recipe.transforms)))
    assert 0 <= recipe.label_smoothing < 1 and 0 <= recipe.ema < 1
    assert create_model(recipe.model).task == (
        "segmentation" if "seg" in recipe.model else "classification"
    )


def test_the_promised_recipes_are_there() -> None:
    assert {
        "shapes-cls",
        "shapes-seg",
        "modelnet40-pct",
        "modelnet40-eat",
        "modelnet40-eat-tiny",
        "shapenetpart-eat",
        "parts-eat",
    } <= set(RECIPES)


def test_pct_is_trained_as_published() -> None:
    recipe = get_recipe("modelnet40-pct")
    published = {
        "model": "pct",
        "optimizer": "sgd",
        "lr": 0.01,
        "final_lr": 1e-4,
        "weight_decay": 5e-4,
        "epochs": 250,
        "batch_size": 32,
        "num_points": 1024,
        "label_smoothing": 0.2,
        "transforms": ("scale(0.67, 1.5)", "translate(0.2)", "drop-points(0.875)"),
    }
    assert {key: getattr(recipe, key) for key in published} == published


def test_recipes_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        get_recipe("shapes-cls").lr = 1.0  # type: ignore[misc]


def test_recipes_are_plain_data() -> None:
    defaults = Recipe("name", "dataset", "model")
    for each in fields(Recipe):
        assert getattr(defaults, each.name) is None or isinstance(
            getattr(defaults, each.name), (str, int, float, tuple, dict)
        )


def test_lists_in_a_recipe_are_tuples() -> None:
    given = {"transforms": ["jitter"], "model_options": {"num": [256, [128, None]]}}
    recipe = Recipe("r", "d", "m", **given)  # type: ignore[arg-type]
    assert recipe.transforms == ("jitter",)
    assert recipe.model_options == {"num": (256, (128, None))}
    assert recipe == replace(recipe)


def test_transforms_may_be_mappings() -> None:
    given: Any = [
        {"scale": {"low": 0.5, "high": 2}},
        {"jitter": 0.02, "rotate": [15, "any"]},
        "shear",
    ]
    recipe = Recipe("r", "d", "m", transforms=given)
    assert recipe.transforms == (
        "scale(low=0.5, high=2)",
        "jitter(0.02)",
        "rotate(15, any)",
        "shear",
    )


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("scale", (0.9, 1.1), "rotate(5) scale(0.9, 1.1) mine translate(0.2)"),
        ("scale", (1.0, 1.0), "rotate(5) mine translate(0.2)"),
        ("translate", 0.0, "rotate(5) scale(0.67, 1.5) mine"),
        ("jitter", 0.01, "rotate(5) scale(0.67, 1.5) mine jitter(0.01) translate(0.2)"),
        ("drop_points", 0.5, "rotate(5) scale(0.67, 1.5) mine translate(0.2) drop-points(0.5)"),
        ("rotate", 30, "rotate(30) scale(0.67, 1.5) mine translate(0.2)"),
        ("rotate", 0, "scale(0.67, 1.5) mine translate(0.2)"),
    ],
)
def test_one_transform_is_set_where_it_belongs(option: str, value: Any, expected: str) -> None:
    before = ("rotate(5)", "scale(0.67, 1.5)", "mine", "translate(0.2)")
    assert " ".join(set_transform(before, option, value)) == expected


def test_an_unknown_recipe_gets_the_nearest_names() -> None:
    with pytest.raises(InputError, match=r"'shapes-clss'.*shapes-cls"):
        get_recipe("shapes-clss")
    with pytest.raises(InputError, match="modelnet40-eat"):
        get_recipe("modelnet40-eta")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "epochs is 0; it must be a whole number from 1 to"),
        ({"batch_size": -1}, "batch_size is -1; it must be a whole number from 1 to"),
        ({"lr": -0.1}, "lr is -0.1; it must be a finite number of at least 0"),
        ({"lr": float("nan")}, "lr is nan; it must be a finite number"),
        ({"clip": float("inf")}, "clip is inf; it must be a finite number"),
        ({"balance": 1.5}, "balance is 1.5; it must be a finite number from 0 to 1"),
        (
            {"seed": 10**20},
            r"seed is 10+; it must be a whole number from -9,.* to 9,223,372,036,854,775,807$",
        ),
        ({"seed": -(10**20)}, "seed is -10+; it must be a whole number from"),
        ({"batch_size": 10**20}, r"batch_size is 10+; it must be .* to 2,147,483,647$"),
        ({"num_points": 2**31}, r"num_points is \d+; it must be .* to 2,147,483,647$"),
        ({"metric": [3]}, r"metric is \(3,\); it must be a list of names"),
        ({"tracker": [1]}, r"tracker is \(1,\); it must be a list of names"),
        ({"freeze": [1, 2]}, r"freeze is \(1, 2\); it must be a list of names"),
        ({"model_options": {1: 2}}, "model_options is {1: 2}; it must be a mapping of names"),
        ({"ema": 1.0}, "ema is 1.0; it must be below 1"),
        ({"restarts": (9, 4)}, r"restarts is \(9, 4\); it must be epochs in order"),
        ({"restarts": (6,)}, "all before the last one, 6, or nothing"),
        ({"restarts": (0,)}, "restarts is"),
        ({"transforms": (print,)}, "a recipe is plain data"),
        ({"optimizer": "adam"}, "optimizer is 'adam'; it must be 'adamw' or 'sgd'"),
        ({"epochs": 2.5}, "epochs is 2.5; it must be a whole number"),
        ({"normals": "no"}, "normals is 'no'; it must be true or false"),
        ({"freeze": "encoder"}, "freeze is 'encoder'; it must be a list of names"),
        ({"head_lr": -1.0}, "head_lr is -1.0; it must be a finite number of at least 0"),
        ({"head_lr": 1.0, "lr": 0}, "it needs an lr above 0"),
    ],
)
def test_values_that_can_train_nothing_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(get_recipe("shapes-cls"), **changes)


def test_a_file_is_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("dataset: shapes\nmodel: eat-tiny\nmodel_options: {num: [64, 32]}\nlr: 0.01\n")
    expected = Recipe("mine", "shapes", "eat-tiny", model_options={"num": (64, 32)}, lr=0.01)
    assert get_recipe(str(path)) == expected


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.e-3", "10e-4", "+1e-03", "0.001"])
def test_numbers_are_read_however_they_are_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"dataset: shapes\nmodel: eat\nlr: {text}\ntransforms: [jitter: {text}]\n")
    recipe = get_recipe(str(path))
    assert recipe.lr == 0.001
    assert recipe.transforms == ("jitter(0.001)",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataset: shapes\nmodel: eat\nepohcs: 3", "no value 'epohcs' .*'epochs'"),
        ("model: eat", "does not say its dataset"),
        ("dataset: shapes\nmodel: eat\nlr: 1e-3x", "lr is '1e-3x'; it must be a finite number"),
        ("dataset: shapes\nmodel: eat\nname: ../esc/x", "name is '../esc/x'; it must be a name"),
        ("dataset: shapes\nmodel: eat\nmodel_options: 3", "model_options is 3"),
        ("dataset: shapes\nmodel: eat\ntransforms: 1", "transforms is 1"),
        ("- shapes", "is a mapping"),
        ("{", "cannot read recipe"),
        ("dataset: !!python/name:os.system", "cannot read recipe"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=f"mine.yaml.*{words}|{words}.*mine.yaml") as caught:
        get_recipe(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read recipe .*none\.yaml"):
        get_recipe(str(tmp_path / "none.yaml"))
