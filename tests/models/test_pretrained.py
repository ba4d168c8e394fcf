"""The models that ship: whole, small, of the task they are listed for, and as their card says."""

from pathlib import Path

import pytest

import pcea
from pcea.errors import InputError
from pcea.models import (
    Segmenter,
    create_model,
    list_pretrained,
    load_model,
    save_model,
    weights,
)
from pcea.recipes import RECIPES

CARD = weights.PRETRAINED / "README.md"
MEGABYTE = 1e6


NAMES = [*list_pretrained(), weights.GUIDE]


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_of_its_name_made_it(name: str) -> None:
    model = load_model(name)

    assert (name in list_pretrained(model.task)) == (name != weights.GUIDE)
    assert not model.training
    assert model.info.training["recipe"] == name
    assert model.info.name == RECIPES[name].model
    assert model.info.num_points == RECIPES[name].num_points


@pytest.mark.parametrize("name", NAMES)
def test_the_card_gives_its_validation_figures(name: str) -> None:
    validation = load_model(name).info.training["validation"]
    figures = [value for key, value in validation.items() if key.startswith("val_")]
    line = next(line for line in CARD.read_text().splitlines() if line.startswith(f"| `{name}`"))

    assert figures
    for figure in figures:
        assert f"{100 * figure:.1f} %" in line


def test_they_are_small_together() -> None:
    files = list(weights.PRETRAINED.rglob("*.safetensors"))
    assert len(files) == len(NAMES)
    assert sum(file.stat().st_size for file in files) < 25 * MEGABYTE


def test_a_file_in_the_folder_is_all_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ships = list_pretrained()
    for name in ships:
        file = f"{name}.safetensors"
        (tmp_path / file).symlink_to(weights.PRETRAINED / file)
    worse = create_model("eat-tiny", training={"validation": {"val_overall_accuracy": 0.1}})
    save_model(worse, tmp_path / "a-worse-one.safetensors")
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    weights._pretrained.cache_clear()
    try:
        assert list_pretrained() == [*ships, "a-worse-one"]
        assert list_pretrained("classification")[-1] == "a-worse-one"
        assert load_model("a-worse-one").info == worse.info
    finally:
        weights._pretrained.cache_clear()


def test_what_lies_in_the_folder_comes_before_what_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = list_pretrained()[0]
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError, match="no weights at"):
        load_model(name)


def test_a_name_with_a_slip_is_told() -> None:
    name = list_pretrained()[0]

    with pytest.raises(InputError, match=f"did you mean '{name}'"):
        load_model(name[:-1])


def test_a_sample_chair_is_split_into_what_a_chair_has() -> None:
    model = load_model(list_pretrained("segmentation")[0])
    chair = pcea.read(Path(__file__).parents[2] / "data" / "samples" / "chair.obj").sample(2048)
    assert isinstance(model, Segmenter)

    assert "chair" in model.segment(chair).category.lower()
