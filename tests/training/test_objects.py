"""Training takes objects: a model, data, transforms; and says how to give them again."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import Dataset

from pcea.datasets import Clouds, PointCloudDataset, Taxonomy
from pcea.datasets.objects import as_datasets
from pcea.errors import InputError
from pcea.evaluation import evaluate
from pcea.models import PointModel, create_model, load_model, save_model
from pcea.recipes import Recipe
from pcea.training import Callback, RunFolder, train
from pcea.training.setup import build_model

with warnings.catch_warnings():
    # torch-geometric scripts some of its classes when it is imported.
    warnings.simplefilter("ignore")
    from torch_geometric.data import Data, InMemoryDataset


def assert_same_weights(one: RunFolder, other: RunFolder) -> None:
    first, second = load_file(one.last), load_file(other.last)
    assert all(torch.equal(first[key], second[key]) for key in first | second)


class Net(nn.Module):
    """Somebody else's PointNet."""

    def __init__(self, out: int = 3, each: bool = False) -> None:
        super().__init__()
        self.each = each
        self.first = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 16))
        self.last = nn.Sequential(nn.Dropout(0.2), nn.Linear(16, out))

    def forward(self, pos: Tensor, normal: Tensor | None = None) -> Tensor:
        x = self.first(pos)  # (B, N, 16)
        return self.last(x if self.each else x.amax(1))


class Pairs(Dataset[tuple[Tensor, int]]):
    """A torch data set that answers any number, and names its classes."""

    classes = ("ball", "disc", "rod")

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        generator = torch.Generator().manual_seed(index)
        pos = torch.randn(25, 3, generator=generator) * 40 + 7
        return pos * torch.tensor([1.0, 1.0, 1.0 + index % 3]), index % 3


def items(count: int = 20, parts: bool = False) -> list[Data]:
    found = []
    for i in range(count):
        pos, label = Pairs()[i]
        y = (pos[:, 1] > 7).long() + 2 * label if parts else torch.tensor([label])
        found.append(Data(pos=pos, y=y, category=torch.tensor([label])))
    return found


class Given(InMemoryDataset):
    """A PyG data set."""

    def __init__(self) -> None:
        super().__init__()
        self.data, self.slices = self.collate(items())


@pytest.fixture
def quick(classification: Recipe) -> Recipe:
    return replace(classification, epochs=1)


@pytest.mark.parametrize("make", [Pairs, items, Given, lambda: [Pairs()[i] for i in range(20)]])
def test_data_of_many_kinds(
    quick: Recipe, tmp_path: Path, make: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(quick, tmp_path / "run", dataset=make())
    said = capsys.readouterr().out
    # Of 7, 7 and 6 clouds one each is held out: 1.4 and 1.2 are rounded.
    assert "so 3 of 20 clouds are held out (seed 0), a fifth of each category" in said
    model = load_model(run.path)
    expected = ("ball", "disc", "rod") if make is Pairs else ("0", "1", "2")
    assert model.info.taxonomy.categories == expected
    described = yaml.safe_load(run.recipe.read_text())
    assert set(described["objects"]) == {"dataset", "resume"}
    assert f"pcea.train(out={str(run.path)!r}, resume=True, dataset=…)" in str(described)


def test_all_kinds_of_one_content_train_alike(quick: Recipe, tmp_path: Path) -> None:
    weights = []
    for i, data in enumerate((items(), Given(), [Pairs()[i] for i in range(20)])):
        weights.append(load_model(train(quick, tmp_path / str(i), dataset=data).last).state_dict())
    for other in weights[1:]:
        assert all(torch.equal(weights[0][key], other[key]) for key in other)


def test_splits_that_are_given_stay(quick: Recipe, tmp_path: Path) -> None:
    counts: list[int] = []

    class Count(Callback):
        def on_start(self, state: Any) -> None:
            counts.append(state.steps_per_epoch)

    data = {"train": items(16), "val": items(5)}
    train(quick, tmp_path / "run", dataset=data, callbacks=[Count()])
    assert counts == [2]
    with pytest.raises(InputError, match="dataset has train, test"):
        train(quick, tmp_path / "2", dataset={"train": items(16), "test": items(5)})
    recipe = replace(quick, train_split="trainval")
    assert not [k for k in train(recipe, tmp_path / "3", dataset=items()).read_metrics()[0]
                if k.startswith("val_")]  # fmt: skip


def test_parts_of_points(quick: Recipe, sizes: Any, tmp_path: Path) -> None:
    options = {**quick.model_options, "hidden": (16, 16)}
    recipe = replace(quick, model="eat-seg-tiny", model_options=options)
    run = train(recipe, tmp_path / "run", dataset=items(parts=True))
    taxonomy = load_model(run.path).info.taxonomy
    assert taxonomy.parts_of == ((0, 1), (2, 3), (4, 5))
    assert "val_instance_miou" in run.read_metrics()[0]


def test_data_are_centered_and_scaled(quick: Recipe, tmp_path: Path) -> None:
    from pcea.datasets.objects import as_datasets

    clouds = as_datasets({"train": Pairs()})["train"].clouds
    pos = clouds.pos.view(20, 25, 3)
    torch.testing.assert_close(pos.norm(dim=-1).amax(1), torch.ones(20))
    assert pos.mean(1).abs().max() < 1e-5
    pairs = [(torch.cat([clouds.pos[:25]] * 2, 1), "b"), (clouds.pos[:25].numpy(), "a")]
    given = as_datasets({"train": [(p, c) for p, c in pairs[1:]]})["train"]
    assert given.taxonomy.categories == ("a",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (3, "is of type int: give a data set's name"),
        ([], "has no items"),
        ([torch.rand(9, 3)] * 4, r"train\[0\] has no label"),
        ([(torch.rand(9, 3), 0.5)] * 4, r"train\[0\]: its label is of type torch.float"),
        ([(torch.rand(9, 2), 0)] * 4, r"train\[0\]: .*\(N, 3\)"),
        ([(torch.rand(9, 3), [0, 1])] * 4, r"train\[0\]: it has 2 labels for 9"),
        ([(torch.rand(9, 3), 0), (torch.rand(9, 3), "a")], "some categories are names"),
        ([(torch.rand(9, 3), 0), (torch.rand(9, 3), [0] * 9)], "1 of 2 items have a label for"),
        ([(torch.rand(9, 3), -1)] * 4, "-1"),
    ],
)
def test_data_that_cannot_be_used(quick: Recipe, tmp_path: Path, data: Any, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        train(quick, tmp_path / "run", dataset=data)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("each", [False, True])
def test_any_module_is_trained_saved_and_loaded(quick: Recipe, tmp_path: Path, each: bool) -> None:
    torch.manual_seed(0)
    name = "segmentation" if each else "classification"
    net = Net(6 if each else 3, each)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    run = train(replace(quick, ema=0.0, dataset=name), tmp_path / "run", model=net)
    assert any(not torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert "Net" in run.report.read_text()
    with pytest.raises(InputError, match=r"given as an object, .*:Net: load it with .*model=…"):
        load_model(run.path)
    loaded = load_model(run.last, model=Net(6 if each else 3, each))
    assert loaded.task == name and not loaded.training
    assert loaded.info.taxonomy.categories == ("ball", "disc", "rod")
    pos = torch.nn.functional.normalize(torch.randn(2, 9, 3), dim=-1)
    assert torch.equal(loaded(pos), net.eval()(pos))
    with pytest.raises(InputError, match="do not fit"):
        load_model(run.last, model=Net(5))


def test_a_loaded_module_is_evaluated(quick: Recipe, tmp_path: Path) -> None:
    run = train(replace(quick, precision="float32"), tmp_path / "run", model=Net(),
                dataset={"train": items(16), "val": items(6)})  # fmt: skip
    from pcea.datasets.objects import as_datasets

    clouds = as_datasets({"val": items(6)})["val"].clouds
    result = evaluate(load_model(run.path, model=Net()), clouds, quick.num_points)
    row = max(run.read_metrics(), key=lambda row: row["val_overall_accuracy"])
    assert result.figures()["overall_accuracy"] == row["val_overall_accuracy"]


@pytest.mark.parametrize("changed", ["number", "category", "part", "order", "names"])
def test_a_run_does_not_go_on_with_other_validation_data(
    quick: Recipe, tmp_path: Path, changed: str
) -> None:
    """The training data stay the same, and the data that are held out do not."""
    parts = as_datasets({"all": items(parts=True)})["all"]
    data, held_out = parts.clouds[:12], parts.clouds[12:]

    def given(clouds: Clouds, taxonomy: Taxonomy = parts.taxonomy) -> dict[str, Any]:
        splits = {"train": data, "val": clouds}
        return {s: PointCloudDataset(each, taxonomy, "mine", s) for s, each in splits.items()}

    recipe = replace(quick, model="eat-seg-tiny")
    run = train(recipe, tmp_path / "run", dataset=given(held_out))
    category, part = held_out.category.flip(0), held_out.part
    assert part is not None
    names = replace(parts.taxonomy, categories=parts.taxonomy.categories[::-1])
    other = {
        "number": given(held_out[:7]),
        "category": given(replace(held_out, category=category)),
        "part": given(replace(held_out, part=part.flip(0))),
        "order": given(held_out[list(range(7, -1, -1))]),
        "names": given(held_out, names),
    }
    with pytest.raises(InputError, match="validation data are not those of the run"):
        train(out=run.path, resume=True, dataset=other[changed])
    train(out=run.path, resume=True, dataset=given(held_out))


def test_a_module_goes_on_bit_for_bit_when_it_is_given_again(
    classification: Recipe, tmp_path: Path
) -> None:
    class Stop(Callback):
        def on_step(self, state: Any) -> None:
            if state.step == 4:
                raise KeyboardInterrupt

    def net() -> Net:
        torch.manual_seed(5)
        return Net()

    whole = train(classification, tmp_path / "whole", model=net(), dataset=items())
    with pytest.raises(KeyboardInterrupt):
        train(classification, tmp_path / "cut", model=net(), dataset=items(), callbacks=[Stop()])
    cut = RunFolder(tmp_path / "cut")
    with pytest.raises(
        InputError, match=r"was given objects.*model \(.*:Net\).*model=…, dataset=…"
    ):
        train(out=cut.path, resume=True, dataset=items())
    other = items()
    other[0].y = 1 - other[0].y
    for changed in (items(19), other, items()[::-1]):
        with pytest.raises(InputError, match="data are not those of the run"):
            train(out=cut.path, resume=True, model=net(), dataset=changed)
    train(out=cut.path, resume=True, model=Net(), dataset=items())
    assert_same_weights(cut, whole)
    named = train(replace(classification, epochs=1), tmp_path / "named")
    with pytest.raises(InputError, match="has its own model: leave model= out"):
        train(out=named.path, resume=True, model=net())


class Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(5, 3)

    def forward(self, pos: Tensor) -> Tensor:
        return self.last(pos)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (Broken(), r"Broken cannot be called with pos \(2, 64, 3\)"),
        (Net(5), r"gives \(2, 5\) for pos .*; needed is \(2, 3\) for classification"),
        (nn.Identity(), "it has no parameters"),
    ],
)
def test_modules_that_do_not_fit(quick: Recipe, tmp_path: Path, net: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        train(quick, tmp_path / "run", model=net)


def test_a_model_of_ours_is_trained_as_it_is(quick: Recipe, tmp_path: Path) -> None:
    from pcea.training import setup

    data = setup.load_dataset("classification", "train")
    model = build_model(quick, data)
    assert isinstance(model, PointModel)
    run = train(quick, tmp_path / "run", model=model)
    again = train(quick, tmp_path / "again", model="eat-tiny")
    assert load_model(run.path).info.name == load_model(again.path).info.name == "eat-tiny"
    assert "objects" not in yaml.safe_load(again.recipe.read_text())
    with pytest.raises(InputError, match="which the model does not know"):
        train(quick, tmp_path / "other", model=create_model("eat-tiny"))


def test_a_compiled_module_is_trained_as_the_module(quick: Recipe, tmp_path: Path) -> None:
    net = Net()
    run = train(quick, tmp_path / "run", model=torch.compile(net, backend="eager"))
    assert load_model(run.path, model=Net()).info.name.endswith(":Net")
    loaded = load_model(run.last, model=torch.compile(Net(), backend="eager"))
    save_model(loaded, tmp_path / "again.safetensors")
    load_model(tmp_path / "again.safetensors", model=Net())


def test_transforms_by_name_and_as_functions(quick: Recipe, tmp_path: Path) -> None:
    named = train(quick, tmp_path / "1", transforms=["jitter(0.1)"])
    assert named.describe()["recipe"].transforms == ("jitter(std=0.1, clip=3.0)",)
    called: list[int] = []

    def count(batch: Any, generator: torch.Generator) -> Any:
        called.append(len(batch))
        return batch

    run = train(quick, tmp_path / "2", transforms=["jitter(0.1)", count])
    assert called == [8, 8, 8]
    assert_same_weights(run, named)
    with pytest.raises(InputError, match=r"transforms \(.*transforms=…\)"):
        train(out=run.path, resume=True)
    train(out=run.path, resume=True, transforms=["jitter(0.1)", count])


def test_a_recipe_by_its_name_and_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="did you mean 'shapes-cls'"):
        train("shapes-clz")
    with pytest.raises(InputError, match="train needs a recipe"):
        train()
    taxonomy = load_model("modelnet40-eat-small").info.taxonomy
    clouds = Clouds.from_dense(torch.rand(9, 20, 3) - 0.5, torch.arange(9) % 3)
    data = PointCloudDataset(clouds, taxonomy, "mine", "all")
    tiny = tmp_path / "tiny.yaml"
    tiny.write_text("dataset: shapes\nmodel: eat-tiny\nepochs: 1\nnum_points: 16\n")
    run = train(tiny, dataset=data)
    assert run.path.parent == Path("runs") and run.path.name.startswith("tiny-20")
    assert load_model(run.path).info.dataset == "mine"
