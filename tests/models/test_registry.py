"""Models by name, and the sizes that were published."""

import re

import pytest
import torch

from pcea.errors import InputError
from pcea.models import Classifier, ModelInfo, PointModel, create_model, list_models, register_model
from pcea.models.registry import MODELS


def count(name: str, **options: object) -> int:
    return sum(parameter.numel() for parameter in create_model(name, **options).parameters())


def test_pct_has_the_published_number_of_parameters() -> None:
    assert count("pct") == 2_876_136
    assert count("spct") == 1_360_552


def test_the_attention_is_all_that_tells_eat_from_pct() -> None:
    slots, dim, depth = 64, 256, 4
    offset = dim * dim // 4 + dim * dim + dim  # query shared with the key, value with bias
    external = dim * dim + 2 * slots * dim  # query, two memories
    assert count("eat") == 2_876_136 + depth * (external - offset)
    assert count("eat", attention="offset") == 2_876_136


def test_the_residual_is_one_switch() -> None:
    transform = 256 * 256 + 256 + 2 * 256
    assert count("eat", residual="add") == count("eat")
    assert count("eat", residual="none") == count("eat") - 4 * transform


def test_lists_by_task() -> None:
    both = list_models("classification") + list_models("segmentation")
    assert sorted(both) == list_models()
    assert "eat" in list_models("classification")
    assert "eat-seg" in list_models("segmentation")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("eatt", {}, r"no model is called 'eatt' \(did you mean 'eat'"),
        ("eat", {"atention": "self"}, r"no option 'atention' \(did you mean 'attention'"),
        ("eat", {"attention": "externa"}, "external"),
        ("eat", {"attention_options": {"slot": 3}}, "slots"),
        ("eat", {"residual": "ofset"}, "offset"),
    ],
)
def test_unknown_names_get_the_nearest(name: str, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_model(name, **options)


def test_layers_take_the_values_of_a_list_in_turn() -> None:
    options = {"turn": [0, 1, 2], "block": 8, "halo": 4}
    model = create_model("eat", attention="halo", attention_options=options)
    attentions = [layer.attention for layer in model.encoder.layers]
    assert [each.turn for each in attentions] == [0, 1, 2, 0]
    assert [each.block for each in attentions] == [8] * 4
    with pytest.raises(InputError, match="turn is 3"):
        create_model("eat", attention="halo", attention_options={"turn": (0, 3)})


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("depth", -1, "a whole number of at least 0"),
        ("depth", True, "a whole number of at least 0"),
        ("k", "abc", "a whole number of at least 1"),
        ("k", 0, "a whole number of at least 1"),
        ("k", 2.5, "a whole number of at least 1"),
        ("inner", 0, "a whole number of at least 1"),
        ("outer", -1, "a whole number of at least 0"),
        ("stem", -1, "a whole number of at least 0"),
        ("fused", 0, "a whole number of at least 1"),
        ("num", (0, 1), "a list of whole numbers, each of at least 1"),
        ("num", ("a", 4), "a list of whole numbers, each of at least 1"),
        ("num", 8, "a list of whole numbers, each of at least 1"),
        ("dims", (8, None, 8), "a list of whole numbers, each of at least 1"),
        ("dims", 64, "a list of whole numbers, each of at least 1"),
        ("hidden", (8, 0), "a list of whole numbers, each of at least 1"),
        ("hidden", (8,), "two whole numbers"),
        ("hidden", (8, 8, 8), "two whole numbers"),
        ("keep_embedding", 2, "true or false"),
        ("normals", "no", "true or false"),
        ("outward", 1, "true or false"),
        ("pooling", "max", "a list of 'max', 'mean' or both"),
        ("pooling", ("max", "x"), "a list of 'max', 'mean' or both"),
        ("pooling", (), "a list of 'max', 'mean' or both"),
    ],
)
def test_options_that_build_no_model_are_refused(option: str, value: object, wanted: str) -> None:
    words = f"^model option {option} is {re.escape(repr(value))}; it must be {wanted}$"
    with pytest.raises(InputError, match=words):
        create_model("eat-tiny", **{option: value})


@pytest.mark.parametrize("option", ["dropout", "category_dropout"])
@pytest.mark.parametrize("value", [5, -0.1, "a"])
def test_shares_are_between_0_and_1(option: str, value: object) -> None:
    with pytest.raises(InputError, match=f"cannot be built with .*{option}"):
        create_model("eat-seg-tiny", **{option: value})


@pytest.mark.parametrize("options", [{"dims": ()}, {"num": (8,)}, {"dims": (8, 8)}])
def test_each_stage_needs_a_width(options: dict) -> None:
    with pytest.raises(
        InputError, match=r"option dims is \(.*\), and num is .* stages? need . widths"
    ):
        create_model("eat-tiny", **options)


def test_a_model_of_the_least_sizes_runs() -> None:
    least = {"k": 1, "depth": 0, "inner": 1, "outer": 0, "stem": 0, "fused": 1, "num": (1, None)}
    model = create_model("eat-tiny", dims=[1, 1, 1], hidden=[1, 1], **least).eval()
    assert model(torch.rand(2, 8, 3) / 2).shape == (2, 40)
    with pytest.raises(InputError, match="depth is 0; that leaves nothing without keep_embedding"):
        create_model("eat-tiny", **least, keep_embedding=False)
    with pytest.raises(InputError, match="outward is true; that needs normals as an input"):
        create_model("eat-tiny", outward=True)


def test_a_model_and_its_description_say_what_they_hold() -> None:
    model = create_model("eat-seg-tiny", attention="self", dataset="shapenetpart")
    assert repr(model) == (
        "Segmenter(eat-seg-tiny: segmentation of 16 categories, 50 parts, self attention, "
        f"{count('eat-seg-tiny', attention='self'):,} parameters)"
    )
    assert repr(model.info) == (
        "ModelInfo(eat-seg-tiny: 16 categories, 50 parts, 1,024 points, trained on shapenetpart)"
    )
    assert "trained on nothing known" in repr(create_model("pct").info)


@pytest.fixture
def own_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODELS, "_entries", dict(MODELS._entries))


@pytest.mark.usefixtures("own_models")
def test_a_class_of_ones_own_joins() -> None:
    @register_model("mean-tiny", scale=3.0)
    class Mean(Classifier):
        def __init__(self, info: ModelInfo, scale: float = 1.0) -> None:
            super().__init__(info, dims=(8,), num=(), stem=0, keep_embedding=False)
            self.scale = scale

    assert "mean-tiny" in list_models("classification")
    assert "mean-tiny" not in list_models("segmentation")
    assert MODELS.get("mean-tiny").keywords == {"scale": 3.0}
    model = create_model("mean-tiny")
    assert isinstance(model, Mean) and model.scale == 3
    other = create_model("mean-tiny", scale=2.0)
    assert isinstance(other, Mean) and other.scale == 2
    with pytest.raises(InputError, match="no option 'dims'"):
        create_model("mean-tiny", dims=(9,))
    with pytest.raises(ValueError, match="model 'mean-tiny' is already"):
        register_model("mean-tiny")(Mean)


@pytest.mark.usefixtures("own_models")
def test_what_is_no_model_is_refused() -> None:
    for kind in (dict, PointModel):
        with pytest.raises(TypeError, match=r"model 'nothing': .* is no class of PointModel with"):
            register_model("nothing")(kind)  # type: ignore[type-var]


def test_the_options_behind_a_name() -> None:
    assert MODELS.get("eat").keywords == {}
    assert MODELS.get("eat-tiny").keywords["pooling"] == ("max", "mean")
    with pytest.raises(InputError, match="no model is called 'eatt'"):
        create_model("eatt")
