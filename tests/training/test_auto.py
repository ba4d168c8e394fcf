"""What ``auto`` becomes, on machines and in runs that are made up."""

import shutil
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from pcea.datasets import load_dataset
from pcea.models.wrapped import wrap
from pcea.recipes import RECIPES, Recipe
from pcea.training import auto, build_model
from pcea.training.auto import choose
from pcea.transforms import as_transforms

CPU = torch.device("cpu")
RECIPE = replace(RECIPES["shapes-cls"], num_points=32, batch_size=8, epochs=100)


class Mean(nn.Linear):
    """A model that is not of this package."""

    def __init__(self) -> None:
        super().__init__(3, 16)

    def forward(self, pos: Tensor, normal: Tensor | None = None) -> Tensor:
        return super().forward(pos.mean(1))


def chosen(
    recipe: Recipe, device: torch.device = CPU, **options: object
) -> tuple[Recipe, list[str]]:
    data = load_dataset("shapes", num_per_category=2, num_points=32)
    model = build_model(replace(recipe, model_options={"dims": (4, 4, 4), "k": 4}), data)
    if options.get("own"):
        model = wrap(Mean(), data.taxonomy, False, dataset="shapes", num_points=32)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    transforms = as_transforms(options.get("transforms", recipe.transforms))
    found = choose(recipe, model, data.clouds, device, transforms)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "it trained the model"
    assert all(each.grad is None for each in model.parameters())
    return found


@pytest.mark.parametrize("faster", [True, False])
def test_precision_is_what_the_device_multiplies_faster(
    monkeypatch: pytest.MonkeyPatch, faster: bool
) -> None:
    monkeypatch.setattr(auto, "in_bf16", lambda *_: faster)
    recipe, (note,) = chosen(replace(RECIPE, precision="auto", compile="no"))
    assert recipe.precision == ("bf16" if faster else "float32")
    assert note.startswith(f"precision: {recipe.precision} (auto: ")


def test_what_is_said_is_kept() -> None:
    given = replace(RECIPE, precision="bf16", compile="yes", method="plain")
    assert chosen(given) == (given, [])


@pytest.mark.parametrize(
    ("seconds", "compiler", "own", "compiles", "why"),
    [
        (0.01, True, False, "no", "min, too few to repay it"),
        (1000.0, True, False, "yes", "long enough"),
        (1000.0, False, False, "no", "no C++ compiler"),
        (1000.0, True, True, "no", "models of this package"),
    ],
)
def test_a_step_is_compiled_where_that_pays(
    monkeypatch: pytest.MonkeyPatch,
    *,
    seconds: float,
    compiler: bool,
    own: bool,
    compiles: str,
    why: str,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name if compiler else None)
    monkeypatch.setattr(auto, "_seconds_of_step", lambda *_: seconds)
    recipe, (note,) = chosen(replace(RECIPE, precision="float32", compile="auto"), own=own)
    assert recipe.compile == compiles
    assert note.startswith(f"compile: {compiles} (auto: ") and why in note


def test_a_segmenter_in_bf16_is_not_compiled_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(auto, "_seconds_of_step", lambda *_: 1 / 0)
    segmenter = replace(RECIPES["shapes-seg"], num_points=32, batch_size=8, epochs=500)
    recipe, (note,) = chosen(replace(segmenter, precision="bf16", compile="auto"))
    assert recipe.compile == "no" and "only classifiers" in note


def test_a_step_is_timed_on_a_copy() -> None:
    recipe, (note,) = chosen(replace(RECIPE, precision="float32", compile="auto"))
    assert recipe.compile == "no" and "min, too few" in note


def test_a_run_of_few_steps_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "_seconds_of_step", lambda *_: 1 / 0)
    recipe, (note,) = chosen(replace(RECIPE, epochs=1, precision="float32", compile="auto"))
    assert recipe.compile == "no" and "the run has 4 steps" in note


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(
    ("resample", "varies"),
    [
        ({"points": [16, 32], "same": True}, True),
        ({"share": [0.5, 1.0], "same": True}, True),
        ({"points": [16, 32]}, False),
        ({"points": 16, "same": True}, False),
    ],
)
def test_a_step_is_not_compiled_if_the_number_of_points_varies(
    monkeypatch: pytest.MonkeyPatch, device: str, resample: dict[str, object], *, varies: bool
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(auto, "has_triton", lambda: True)
    monkeypatch.setattr(auto, "_seconds_of_step", lambda *_: 1000.0)
    given = replace(
        RECIPE, precision="float32", compile="auto", transforms=[{"resample": resample}]
    )
    recipe, (note,) = chosen(given, torch.device(device))
    assert recipe.compile == ("no" if varies else "yes")
    assert ("N differs from batch to batch" in note) == varies


def test_a_step_is_timed_on_clouds_without_part_labels() -> None:
    data = load_dataset("shapes", num_per_category=2, num_points=32)
    part = data.clouds.part
    assert part is not None
    clouds = replace(data.clouds, part=torch.full_like(part, -1))
    recipe = replace(RECIPES["shapes-seg"], num_points=32, precision="float32")
    model = build_model(replace(recipe, model_options={"dims": (4, 4, 4), "k": 4}), data)
    assert auto._seconds_of_step(recipe, model, clouds, CPU, ()) > 0


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_transforms_may_be_functions(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(auto, "has_triton", lambda: False)
    given = replace(RECIPE, precision="float32", compile="auto", transforms=["Function(f=<f>)"])
    recipe, _ = chosen(given, torch.device(device), transforms=[lambda batch, generator: batch])
    assert recipe.compile == "no"
