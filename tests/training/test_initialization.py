"""Modules that start from the features of training clouds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pcea.attention.base import ATTENTIONS, register_attention
from pcea.attention.catt import CATTAttention
from pcea.attention.self_attention import SelfAttention
from pcea.errors import InputError
from pcea.models import create_model
from pcea.recipes import Recipe
from pcea.training import Callback, initialization, initialize_from_data, setup, train
from tests.training.conftest import make_clouds
from tests.training.test_resume import InterruptAt, assert_same_values


class Recorder(SelfAttention):
    """Keeps the features, and sets its query, key and value from them."""

    features: Tensor

    def initialize_from(self, features: Tensor) -> None:
        self.features = features
        self.qkv.weight.fill_(float(features.mean()) + float(torch.rand(1)))


@pytest.fixture(autouse=True)
def _recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ATTENTIONS, "_entries", dict(ATTENTIONS._entries))
    register_attention("recorder")(Recorder)


def build(recipe: Recipe) -> Any:
    torch.manual_seed(0)
    return create_model("eat-tiny", **{**recipe.model_options, "depth": 3}, attention="recorder")


def moments(features: Tensor) -> Tensor:
    """What does not depend on the order of the features."""
    features = features.flatten(0, -2).double()
    return features.T @ features / len(features)


def test_each_layer_gets_what_the_layers_before_give(classification: Recipe) -> None:
    model, clouds = build(classification), make_clouds(6, seed=1, ragged=False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.encoder.stem.eval()
    modes, state = [each.training for each in model.modules()], torch.get_rng_state()
    given = list[Any]()
    model.encoder.register_forward_pre_hook(lambda _, args: given.append(args))
    (line,) = initialize_from_data(model, clouds, num_points=30, seed=5)
    assert line.startswith(
        "initialized from data: 3 of 3 modules (Recorder), each from up to 48 features"
    )
    assert modes == [each.training for each in model.modules()]
    assert torch.equal(state, torch.get_rng_state())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]) != name.endswith("qkv.weight"), name

    # Another forward pass of the same batch gives each layer the features that it was given.
    attentions = [layer.attention for layer in model.encoder.layers]
    seen = list[Tensor]()
    for each in attentions:
        each.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    model.train().encoder(*given[0])
    assert len(given[0][0]) == 6
    for each, features in zip(attentions, seen, strict=True):
        torch.testing.assert_close(moments(each.features), moments(features))


def test_a_seed_determines_it(classification: Recipe) -> None:
    clouds = make_clouds(24, seed=1, ragged=True)

    def weights(seed: int) -> Tensor:
        model = build(classification)
        initialize_from_data(model, clouds, num_points=16, seed=seed)
        torch.rand(3)
        return model.encoder.layers[2].attention.qkv.weight

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_no_more_clouds_and_features_than_needed(
    classification: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initialization, "MOST_POINTS", 5 * 16)
    monkeypatch.setattr(initialization, "MOST_FEATURES", 7)
    model = build(classification)
    (line,) = initialize_from_data(model, make_clouds(24, seed=1, ragged=True), num_points=16)
    assert line.endswith("each from up to 7 features of 5 training clouds")
    assert all(layer.attention.features.shape == (7, 16) for layer in model.encoder.layers)


def test_a_model_without_such_modules_is_left_alone(classification: Recipe) -> None:
    plain = create_model("eat-tiny", **classification.model_options)
    assert initialize_from_data(plain, make_clouds(3, seed=1, ragged=True)) == []


def test_one_cloud_is_refused(classification: Recipe) -> None:
    with pytest.raises(InputError, match="from one cloud: at least 2 are needed"):
        initialize_from_data(build(classification), make_clouds(1, seed=1, ragged=True))


class Start(Callback):
    """Keeps the dictionary, and the lines that are printed, from before the first step."""

    def on_start(self, state: Any) -> None:
        self.dictionary = state.model.encoder.layers[0].attention.dictionary.detach().clone()
        self.notes = [note for note in state.notes if note.startswith("initialized")]


@pytest.fixture
def catt(classification: Recipe) -> Recipe:
    return replace(
        classification, attention="catt", attention_options={"slots": 6, "heads": 2}, epochs=2
    )


def test_only_a_fresh_run_is_initialized(catt: Recipe, tmp_path: Path) -> None:
    def started(*args: Any, **named: Any) -> tuple[Tensor, list[str]]:
        start = Start()
        train(*args, **named, callbacks=[start])
        return start.dictionary, start.notes

    once = replace(catt, epochs=1)
    first, notes = started(once, tmp_path / "first")
    again, _ = started(once, tmp_path / "again")
    assert torch.equal(first, again) and len(notes) == 1
    torch.manual_seed(once.seed)
    given = setup.build_model(once, setup.load_dataset(once.dataset, "train"))
    fresh = given.encoder.layers[0].attention.dictionary.detach().clone()  # type: ignore[union-attr]
    assert not torch.equal(first, fresh)
    # Features after a ReLU are not negative, and so are means of them.
    assert first.min() > -1e-6 > fresh.min()

    own, notes = started(once, tmp_path / "own", model=given)
    assert torch.equal(own, fresh) and not notes
    init = replace(once, init=str(tmp_path / "first"))
    kept, notes = started(init, tmp_path / "init")
    assert not notes and not torch.equal(kept, first)


def test_a_resumed_run_goes_on_from_the_same_values(catt: Recipe, tmp_path: Path) -> None:
    whole = train(catt, tmp_path / "whole")
    for step in (1, 4):
        with pytest.raises(KeyboardInterrupt):
            train(catt, tmp_path / f"cut{step}", callbacks=[InterruptAt(step)])
        cut = train(out=tmp_path / f"cut{step}", resume=True)
        assert_same_values(cut.load_state(), whole.load_state())


@pytest.mark.parametrize("slots", [6, 10_000])
def test_a_dictionary_is_of_the_centers_of_its_features(
    slots: int, generator: torch.Generator
) -> None:
    torch.manual_seed(0)
    attention = CATTAttention(8, heads=2, slots=slots)
    features = torch.randn(6, 1, 8, generator=generator).expand(6, 40, 8).flatten(0, 1)
    before = attention.dictionary.detach().clone()
    attention.initialize_from(features)
    found = attention.dictionary.detach()
    if slots == 6:
        distance = torch.cdist(found, features[::40])
        assert (
            sorted(distance.argmin(1).tolist()) == list(range(6))
            and distance.min(1)[0].max() < 1e-5
        )
    else:
        assert torch.equal(found[:240], features) and torch.equal(found[240:], before[240:])
