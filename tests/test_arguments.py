"""Wrong arguments of public functions: one line that names the argument, its value and its rule."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

import pcea
from pcea.datasets import PointCloudDataset
from pcea.errors import checked, require
from pcea.evaluation import list_metrics, measure_slots
from pcea.pictures import Camera, Panel, Style, colors_of, gallery, part_colors, render, values_of
from pcea.recipes import get_recipe
from pcea.transforms import corruption_transforms

COUNT = "a whole number of at least 1"


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "words"),
    [
        (
            int,
            [0, -3, np.int64(2), torch.tensor(2)],
            [1.0, True, "2", None, float("nan")],
            "a whole number",
        ),
        (
            float,
            [1, 0.5, np.float32(2), torch.tensor(0.5)],
            [True, "2", float("inf"), 1j],
            "a finite number",
        ),
        (bool, [True, np.False_, torch.tensor(True)], [1, "no", None], "true or false"),
        (str, ["", "a"], [1, None, b"a", Path("a")], "text"),
        (str | Path, ["a", Path("a")], [1, None, b"a"], "text or a path"),
        (int | None, [1, None], ["a"], "a whole number"),
        (Literal["a", "b"], ["a"], ["c", None, ["a"], np.array(["a", "b"])], "'a' or 'b'"),
        (Sequence[str], [[], ["a"], ("a",)], ["a", [1], {"a": 1}, 3], "a list of names"),
        (Sequence[Sequence[int]], [[[1]], [()]], [[1], ["1"]], "a list of lists of whole numbers"),
        (tuple[int, int], [(1, 2), [1, 2]], [(1,), (1, 2, 3), ("1", 2)], "a list of whole numbers"),
        (Iterable[str], [iter("a"), []], ["a", 5, {"a": 1}], "a list of names"),
        (Mapping[str, Any], [{}, {"a": 1}], [[], {1: 2}], "a mapping of names to values"),
        (torch.Tensor, [torch.ones(1)], [np.ones(1)], "of type Tensor"),
        (Sequence[Panel], [[]], [[1]], "a list of Panel objects"),
        (Any, [None, 3, "a"], [], ""),
    ],
)
def test_what_fits_a_type(kind: Any, right: list[Any], wrong: list[Any], words: str) -> None:
    for value in right:
        require("name", value, kind)
    for value in wrong:
        with pytest.raises(pcea.InputError, match=f"^name is .*; it must be {re.escape(words)}$"):
            require("name", value, kind)


def test_bounds_are_included() -> None:
    for value in (1, 2.5, 4):
        require("share", value, float, 1, 4)
    with pytest.raises(
        pcea.InputError, match=r"^share is 4\.5; it must be a finite number from 1 to 4$"
    ):
        require("share", 4.5, float, 1, 4)
    with pytest.raises(pcea.InputError, match=r"whole numbers, each of at least 1$"):
        require("sizes", [3, 0], Sequence[int], 1)


def test_a_long_value_is_named_by_its_type() -> None:
    with pytest.raises(
        pcea.InputError, match=r"^votes is of type ndarray; it must be a whole numb"
    ):
        require("votes", np.zeros((9, 9)), int)


def test_a_checked_function_stays_itself() -> None:
    @checked(second=1)
    def join(first: str, second: int = 0, **more: Any) -> tuple[Any, ...]:
        """Join."""
        return first, second, more

    assert join.__name__ == "join" and join.__doc__ == "Join."
    assert join("a") == ("a", 0, {}) and join("a", 2, more=3) == ("a", 2, {"more": 3})
    with pytest.raises(pcea.InputError, match="second is 0"):
        join("a", 0)
    with pytest.raises(TypeError, match="missing 1 required"):
        join()  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def data() -> PointCloudDataset:
    return pcea.load_dataset("shapes", "val", num_per_category=1, num_points=64)


@pytest.fixture(scope="module")
def models(data: PointCloudDataset) -> dict[str, Any]:
    return {
        "classifier": pcea.create_model("eat-tiny", data.taxonomy, num_points=64),
        "segmenter": pcea.create_model("eat-seg-tiny", data.taxonomy, num_points=64),
    }


CLOUD = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
# How often a model is run on a shape: whatever takes votes.
VOTERS: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "classify": lambda models, votes: models["classifier"].classify(CLOUD, votes=votes),
    "predict": lambda models, votes: models["classifier"].predict(CLOUD, votes=votes),
    "attention": lambda models, votes: models["classifier"].attention(CLOUD, votes=votes),
    "segment": lambda models, votes: models["segmenter"].segment(CLOUD, votes=votes),
    "explain": lambda models, votes: pcea.explain(models["classifier"], CLOUD, votes=votes),
}


@pytest.mark.parametrize("votes", [1.5, "2", None, 0, True])
@pytest.mark.parametrize("voter", VOTERS)
def test_votes(models: dict[str, Any], voter: str, votes: Any) -> None:
    with pytest.raises(pcea.InputError, match=f"^votes is {votes!r}; it must be {COUNT}$"):
        VOTERS[voter](models, votes)


def test_numbers_of_numpy_count(models: dict[str, Any], tmp_path: Path) -> None:
    assert models["classifier"].classify(CLOUD, top=np.int64(2), votes=np.int32(1))
    sizes = {"num_points": np.int64(64), "k": np.int64(8)}
    made = pcea.create_model("eat-tiny", **sizes)  # type: ignore[arg-type]
    pcea.save_model(made, tmp_path / "made.safetensors")
    assert pcea.load_model(tmp_path / "made.safetensors").info.num_points == 64


def test_numbers_of_numpy_and_torch_reach_torch(
    models: dict[str, Any], data: PointCloudDataset
) -> None:
    model = models["classifier"]
    assert model.sample(CLOUD, seed=np.int64(1)).pos.shape == (1, 64, 3)
    whole = pcea.evaluate(model, data.clouds, 64)
    parts = pcea.evaluate(
        model,
        data.clouds,
        np.int64(64),  # type: ignore[arg-type]
        batch_size=torch.tensor(8),  # type: ignore[arg-type]
        use_category=np.True_,  # type: ignore[arg-type]
    )
    assert parts.figures() == whole.figures()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"slots": -1}, f"slots is -1; it must be {COUNT}"),
        ({"layer": "a"}, "layer is 'a'; it must be a whole number"),
        ({"target": 5}, "target is 5; it must be text"),
        ({"up": None}, "up is None; it must be text"),
        ({"importance": "yes"}, "importance is 'yes'; it must be true or false"),
    ],
)
def test_explain(models: dict[str, Any], options: dict[str, Any], words: str) -> None:
    with pytest.raises(pcea.InputError, match=f"^{words}$"):
        pcea.explain(models["classifier"], CLOUD, **options)
    with pytest.raises(pcea.InputError, match=r"^model is 'eat'; it must be of type PointModel$"):
        pcea.explain("eat", CLOUD, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["votes", "num_points", "batch_size"])
@pytest.mark.parametrize("value", [1.5, "2", 0])
def test_evaluate(data: PointCloudDataset, models: Any, option: str, value: Any) -> None:
    options = {"num_points": 32, option: value}
    with pytest.raises(pcea.InputError, match=f"^{option} is {value!r}; it must be {COUNT}$"):
        pcea.evaluate(models["classifier"], data.clouds, **options)
    if option != "votes":
        with pytest.raises(pcea.InputError, match=f"^{option} is {value!r}; it must be {COUNT}$"):
            measure_slots(models["classifier"], data.clouds, data.taxonomy, **options)


def test_a_data_set_is_no_clouds(data: PointCloudDataset, models: dict[str, Any]) -> None:
    with pytest.raises(pcea.InputError, match=r"^clouds is .*; it must be of type Clouds$"):
        pcea.evaluate(models["classifier"], data, 32)  # type: ignore[arg-type]


CALLS: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (pcea.load_dataset, {"name": 3}, "name is 3; it must be text or a path"),
    (pcea.load_dataset, {"name": "shapes", "split": None}, "split is None; it must be text"),
    (
        pcea.load_dataset,
        {"name": "shapes", "num_per_category": "x"},
        f"num_per_category is 'x'; it must be {COUNT}",
    ),
    (
        pcea.load_dataset,
        {"name": "shapes", "seed": 1.5},
        "seed is 1.5; it must be a whole number of at least 0",
    ),
    (pcea.load_model, {"weights": 5}, "weights is 5; it must be text or a path"),
    (
        pcea.save_model,
        {"model": None, "path": "a"},
        "model is None; it must be of type PointModel or of type WrappedModel",
    ),
    (pcea.create_model, {"name": None}, "name is None; it must be text"),
    (pcea.create_model, {"name": "eat", "num_points": 0}, f"num_points is 0; it must be {COUNT}"),
    (
        pcea.create_model,
        {"name": "eat", "taxonomy": ["a"]},
        "taxonomy is ['a']; it must be of type Taxonomy",
    ),
    (pcea.create_attention, {"name": [], "dim": 8}, "name is []; it must be text"),
    (
        pcea.list_models,
        {"task": "classify"},
        "task is 'classify'; it must be 'classification' or 'segmentation'",
    ),
    (list_metrics, {"task": 3}, "task is 3; it must be 'classification' or 'segmentation'"),
    (pcea.list_datasets, {"root": 3}, "root is 3; it must be text or a path"),
    (corruption_transforms, {"name": None, "severity": 1}, "name is None; it must be text"),
    (get_recipe, {"name": 3}, "name is 3; it must be text"),
    (pcea.train, {"recipe": 3}, "recipe is 3; it must be of type Recipe or text"),
    (
        pcea.train,
        {"recipe": "shapes-cls", "callbacks": 5},
        "callbacks is 5; it must be a list of Callback objects",
    ),
    (
        pcea.train,
        {"recipe": "shapes-cls", "callbacks": [print]},
        "callbacks is [<built-in function print>]; it must be a list of Callback objects",
    ),
    (pcea.train, {"recipe": "shapes-cls", "out": 5}, "out is 5; it must be text or a path"),
    (pcea.show, {"shape": CLOUD, "height": "x"}, f"height is 'x'; it must be {COUNT}"),
    (pcea.show, {"shape": CLOUD, "names": "abc"}, "names is 'abc'; it must be a list of names"),
    (colors_of, {"values": ["a"]}, "values must be real numbers: could not convert string"),
    (colors_of, {"values": [1.0], "low": "0"}, "low is '0'; it must be a finite number"),
    (values_of, {"colors": [], "low": 0, "high": 1}, "colors must have shape (N, 3), not (0,)"),
    (part_colors, {"num": "x"}, "num is 'x'; it must be a whole number of at least 0"),
    (part_colors, {"num": 3, "parts_of": 3}, "parts_of is 3; it must be a list of lists of whole"),
    (Camera, {"azimuth": "x"}, "azimuth is 'x'; it must be a finite number from -36,000 to 36,000"),
    (Style, {"dpi": 0}, f"dpi is 0; it must be {COUNT}"),
    (Style, {"camera": 5}, "camera is 5; it must be of type Camera"),
    (Panel, {"shape": CLOUD, "values": ["a"] * 64}, "values must be real numbers"),
    (Panel, {"shape": CLOUD, "title": 3}, "title is 3; it must be text"),
    (gallery, {"panels": 3}, "panels is 3; it must be a list of Panel objects"),
    (render, {"shape": CLOUD, "size": 300}, "size is 300; it must be a list of whole numbers"),
]


@pytest.mark.parametrize(("call", "arguments", "words"), CALLS)
def test_calls(
    call: Callable[..., Any],
    arguments: dict[str, Any],
    words: str,
    tmp_path: Path,
    monkeypatch: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pcea.InputError, match=f"^{re.escape(words)}"):
        call(**arguments)
    assert not list(tmp_path.iterdir())
