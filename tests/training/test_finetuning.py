"""Training that begins with weights: what is kept, what is new, and what stands still."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.models import PointModel, create_model, load_model, save_model
from pcea.recipes import Recipe
from pcea.training import Callback, build_model, setup, train
from pcea.training.finetuning import freeze, initialize
from pcea.training.methods import create_method
from pcea.training.schedule import learning_rate
from pcea.training.state import TrainingState

OLD = Taxonomy(("Rod", "cup", "ball"))
OLD_PARTS = Taxonomy(
    ("rod", "cup"), ("rod/upper", "rod/lower", "cup/handle"), ((0, 1), (2,))
)  # fmt: skip


def source(recipe: Recipe, path: Path, taxonomy: Taxonomy = OLD, **options: Any) -> PointModel:
    torch.manual_seed(7)
    own = {"attention_options": dict(recipe.attention_options), **recipe.model_options, **options}
    model = create_model(recipe.model, taxonomy, **own)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.copy_(0.1 + torch.rand(tensor.shape) if tensor.is_floating_point() else tensor)
    save_model(model, path)
    return model


def fresh(recipe: Recipe) -> PointModel:
    torch.manual_seed(1)
    model = build_model(recipe, setup.load_dataset(recipe.dataset, "train"))
    assert isinstance(model, PointModel)
    return model


def test_weights_are_taken_over_and_known_classes_keep_theirs(
    classification: Recipe, tmp_path: Path
) -> None:
    old = source(classification, tmp_path / "old.safetensors")
    model, before = fresh(classification), fresh(classification).state_dict()
    notes = initialize(model, str(tmp_path / "old.safetensors"))
    assert notes[1] == "categories kept: ball, rod (from Rod); new: disc"
    last = {"head.4.weight", "head.4.bias"}
    for name, tensor in model.state_dict().items():
        given = old.state_dict()[name]
        if name in last:
            assert torch.equal(tensor[0], given[2]) and torch.equal(tensor[2], given[0])
            assert torch.equal(tensor[1], before[name][1])
        else:
            assert torch.equal(tensor, given), name


def test_parts_keep_theirs_and_the_category_code_follows(
    classification: Recipe, tmp_path: Path
) -> None:
    recipe = replace(classification, dataset="segmentation", model="eat-seg-tiny")
    old = source(recipe, tmp_path / "old.safetensors", OLD_PARTS).state_dict()
    model, before = fresh(recipe), fresh(recipe).state_dict()
    notes = initialize(model, str(tmp_path / "old.safetensors"))
    assert notes[1] == "categories kept: rod; new: ball, disc"
    assert notes[2].startswith("parts kept: rod/lower, rod/upper; new: ball/lower")
    new = model.state_dict()
    assert torch.equal(new["last.weight"][4], old["last.weight"][1])  # rod/lower
    assert torch.equal(new["last.weight"][5], old["last.weight"][0])  # rod/upper
    assert torch.equal(new["last.weight"][:4], before["last.weight"][:4])
    code = "category.linear.weight"
    assert torch.equal(new[code][:, 2], old[code][:, 0])
    assert torch.equal(new[code][:, :2], before[code][:, :2])


def test_the_encoder_of_a_segmenter_starts_a_classifier(
    classification: Recipe, tmp_path: Path
) -> None:
    parts = replace(classification, model="eat-seg-tiny")
    old = source(parts, tmp_path / "old.safetensors", OLD_PARTS).state_dict()
    model, before = fresh(classification), fresh(classification).state_dict()
    initialize(model, str(tmp_path / "old.safetensors"))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, old[name] if name.startswith("encoder") else before[name])


def test_weights_of_another_encoder_are_refused(classification: Recipe, tmp_path: Path) -> None:
    source(classification, tmp_path / "old.safetensors", normals=True)
    with pytest.raises(InputError, match=r"do not fit model 'eat-tiny': encoder.*'normals': True"):
        initialize(fresh(classification), str(tmp_path / "old.safetensors"))
    with pytest.raises(InputError, match="no weights at nowhere"):
        initialize(fresh(classification), "nowhere")


def test_frozen_parts_do_not_change_and_resume_is_exact(
    classification: Recipe, tmp_path: Path
) -> None:
    class Stop(Callback):
        def on_step(self, state: TrainingState) -> None:
            assert not state.model.encoder.training and state.model.head.training
            if state.step == 4:
                raise KeyboardInterrupt

    source(classification, tmp_path / "old.safetensors")
    recipe = replace(
        classification, init=str(tmp_path / "old.safetensors"), freeze=("encoder",), head_lr=0.02
    )
    whole = train(recipe, tmp_path / "whole")
    old, new = load_file(tmp_path / "old.safetensors"), load_file(whole.last)
    for name in new:
        same = torch.equal(new[name], old[name])
        assert same == name.startswith("encoder."), name
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "cut", callbacks=[Stop()])
    # The weights that it began with are not needed any more.
    (tmp_path / "old.safetensors").unlink()
    cut = train(out=tmp_path / "cut", resume=True)
    again = load_file(cut.last)
    assert all(torch.equal(again[name], new[name]) for name in new)
    assert load_model(cut.path).info.training["init"] == recipe.init


def test_the_head_has_a_learning_rate_of_its_own(classification: Recipe) -> None:
    recipe = replace(classification, lr=0.01, head_lr=0.05, optimizer="sgd")
    model = fresh(recipe)
    state = TrainingState(create_method(recipe, model, 1), recipe, Accelerator())
    inner = {id(parameter) for parameter in model.encoder.parameters()}
    found = {
        id(p): group["scaled"] for group in state.optimizer.param_groups for p in group["params"]
    }
    for parameter in model.parameters():
        expected = 1.0 if id(parameter) in inner else 5.0
        assert found[id(parameter)] == pytest.approx(expected)
    assert learning_rate(0, 3, recipe) * 5 == pytest.approx(
        learning_rate(0, 3, replace(recipe, lr=0.05))
    )


def test_what_can_be_frozen(classification: Recipe) -> None:
    (part,) = freeze(model := fresh(classification), ["encoder.embedding"])
    assert part is model.encoder.embedding
    assert not any(parameter.requires_grad for parameter in part.parameters())
    assert all(p.requires_grad for p in model.head.parameters())
    for names, words in (
        (["encodr"], "no part 'encodr'.*'encoder'"),
        (["encoder", "head"], "leaves nothing to train"),
    ):
        with pytest.raises(InputError, match=words):
            freeze(fresh(classification), names)
