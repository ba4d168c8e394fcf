import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pcea.errors import InputError
from pcea.models import load_model
from pcea.models.familiarity import Familiarity
from pcea.recipes import Recipe
from pcea.training import build_model, setup, train

STEPS = 3


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
    original = setup.load_dataset

    def load(name: str, which: str, root: Any = None) -> Any:
        data = original(name, which, root)
        if which == split:
            data.clouds = data.clouds.select([])
        return data

    monkeypatch.setattr(setup, "load_dataset", load)
    with pytest.raises(InputError, match=split):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def without_labels(
    monkeypatch: pytest.MonkeyPatch, split: str, category: int, parts_of: Any = None
) -> None:
    """Take the part labels of a category of a split away."""
    original = setup.load_dataset

    def load(name: str, which: str, root: Any = None) -> Any:
        data = original(name, which, root)
        if parts_of is not None:
            data.taxonomy = replace(data.taxonomy, parts_of=parts_of)
        if which == split:
            owner = data.clouds.category.repeat_interleave(data.clouds.counts)
            part = data.clouds.part.where(owner != category, -1)
            data.clouds = replace(data.clouds, part=part)
        return data

    monkeypatch.setattr(setup, "load_dataset", load)


def test_points_without_part_labels_are_learned_from(
    segmentation: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_labels(monkeypatch, "train", category=1)
    recipe = replace(segmentation, epochs=1, transforms=("translate(0.2)",))
    run = train(recipe, tmp_path / "run")
    assert math.isfinite(run.read_metrics()[0]["train_loss"])


@pytest.mark.parametrize(
    ("split", "parts_of", "transforms", "complaint"),
    [
        ("val", None, (), "points of split 'val' have no part label"),
        ("train", None, ("rsmix",), "rsmix.* cannot mix clouds whose points have no part labels"),
        ("train", ((0, 1), (), (4, 5)), (), "'disc' have no part labels, and the category has no"),
    ],
)
def test_points_without_part_labels_where_they_are_needed(
    segmentation: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    split: str,
    parts_of: Any,
    transforms: tuple[str, ...],
    complaint: str,
) -> None:
    without_labels(monkeypatch, split, 1, parts_of)
    with pytest.raises(InputError, match=complaint):
        train(replace(segmentation, transforms=transforms), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_training_drops_what_calibration_learned(classification: Recipe, tmp_path: Path) -> None:
    model = train(replace(classification, epochs=1), tmp_path / "first")
    calibrated = load_model(model.path)
    calibrated.info = replace(
        calibrated.info, limits={"probability": 0.5}, category_temperature=0.5
    )
    calibrated.familiarity = Familiarity(3, calibrated.last_layer.in_features)
    run = train(replace(classification, epochs=1), tmp_path / "second", model=calibrated)
    again = load_model(run.path)
    assert again.familiarity is None and not again.info.limits
    assert again.info.category_temperature == 1


def test_a_validation_split_smaller_than_a_batch(
    recipe: Recipe, tmp_path: Path, sizes: Any
) -> None:
    sizes["val"] = 1
    run = train(replace(recipe, epochs=1), tmp_path / "run")
    assert len(run.read_metrics()) == 1 and run.report.is_file()


def test_a_segmenter_needs_part_labels(classification: Recipe) -> None:
    data = setup.load_dataset("classification", "train")
    with pytest.raises(InputError, match="parts"):
        build_model(replace(classification, model="eat-seg-tiny"), data)


@pytest.mark.parametrize("zeros", [False, True])
def test_a_recipe_with_normals_needs_some(recipe: Recipe, tmp_path: Path, zeros: bool) -> None:
    recipe = replace(recipe, normals=True)
    data = setup.load_dataset(recipe.dataset, "train")
    if zeros:
        data.clouds = replace(data.clouds, normal=torch.zeros_like(data.clouds.pos))
    with pytest.raises(InputError, match=r"has no normals in split 'train'.*--no-normals"):
        build_model(recipe, data)
    with pytest.raises(InputError, match="no normals"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_clouds_of_which_some_lack_normals_are_taken(recipe: Recipe) -> None:
    data = setup.load_dataset(recipe.dataset, "train")
    normal = torch.zeros_like(data.clouds.pos)
    normal[:30, 1] = 1.0
    data.clouds = replace(data.clouds, normal=normal)
    assert build_model(replace(recipe, normals=True), data).encoder.normals


def test_the_recipe_chooses_the_attention(classification: Recipe) -> None:
    data = setup.load_dataset("classification", "train")
    recipe = replace(classification, attention="self", attention_options={}, residual="add")
    model = build_model(recipe, data)
    assert model.info.options["attention"] == "self"
    assert model.info.num_points == recipe.num_points


def test_a_transform_that_changes_among_other_categories_is_refused(
    recipe: Recipe, tmp_path: Path
) -> None:
    recipe = replace(recipe, transforms=("any-up",))
    with pytest.raises(InputError, match=r"any-up.* the categories x, -x, .* has others"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
