"""The measures of corrupted clouds: means, benchmarks, and what stays out of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Clouds, PointCloudDataset
from pcea.datasets.corrupted_files import CorruptedFiles
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.evaluation import CorruptedResult, evaluate, evaluate_corrupted
from pcea.models import PointModel
from pcea.models.info import ModelInfo
from pcea.transforms import corruption_sets

TAXONOMY = Taxonomy(("flat", "tall"))


class ByHeight(PointModel):
    """A classifier that calls tall what reaches higher than it is wide."""

    task = "classification"

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.info = ModelInfo("stub", TAXONOMY, num_points=128)

    def forward(self, pos: Tensor, *_: Any) -> Tensor:
        extent = pos.amax(1) - pos.amin(1)
        return torch.stack([extent[:, 0], extent[:, 1]], -1) * 20


@pytest.fixture(scope="module")
def data() -> PointCloudDataset:
    generator = Generator().manual_seed(0)
    category = torch.arange(12) % 2
    pos = torch.rand(12, 128, 3, generator=generator) - 0.5
    wide = torch.where(category.bool()[:, None, None], 1.2, 0.9)
    pos[..., 1:2] *= wide
    return PointCloudDataset(Clouds.from_dense(pos, category), TAXONOMY, "boxes", "test")


def test_figures_are_those_of_evaluate(data: PointCloudDataset) -> None:
    model = ByHeight()
    found = evaluate_corrupted(model, data, ["jitter", "rotate:4", "modelnet-c"], severities=[2, 5])
    assert found.clean == evaluate(model, data.clouds, 128).summary()
    assert set(found.figures["rotate"]) == {2, 4, 5} and set(found.figures["jitter"]) == {2, 5}
    assert set(found.figures) == set(corruption_sets()["modelnet-c"])
    one = evaluate(model, data.clouds, 128, corruption="rotate", severity=4).summary()
    assert found.figures["rotate"][4] == one
    each = [found.figures["jitter"][level]["overall_accuracy"] for level in (2, 5)]
    assert found.mean("jitter")["overall_accuracy"] == pytest.approx(sum(each) / 2)
    means = [found.mean(name)["overall_accuracy"] for name in found.figures]
    assert found.accuracy == pytest.approx(sum(means) / 7)
    assert found.benchmarks() == {}  # not at all severities


def test_approximations_stay_out_of_means(data: PointCloudDataset) -> None:
    found = evaluate_corrupted(ByHeight(), data, ["occlusion:1", "jitter:1", "density_inc:2"])
    assert set(found.lacks) == {"occlusion", "density_inc"}
    assert found.accuracy == found.figures["jitter"][1]["overall_accuracy"]
    halves = evaluate_corrupted(ByHeight(), data, ["density_inc:2"], num_points=64)
    assert halves.lacks == {}  # the clouds have twice as many points as the model takes


def test_published_files_replace_clouds_made_on_the_fly(data: PointCloudDataset) -> None:
    class Published(CorruptedFiles):
        benchmark, usual, mark = "modelnet40-c", "mine", "label.npy"
        categories = TAXONOMY.categories

        def file(self, name: str, severity: int) -> Path:
            return Path(__file__) if severity < 5 else self.folder / name

        def read(self, name: str, severity: int) -> Clouds:
            clouds = data.clouds[: 4 + severity]
            return replace(clouds, pos=clouds.pos * 1.5)

    names = ["lidar:1", "density_inc:4", "jitter:1"]
    found = evaluate_corrupted(ByHeight(), data, names, files=[Published(Path("folder"))])
    assert found.source == {
        "lidar": "files in folder",
        "density_inc": "files in folder",
        "jitter": "made on the fly",
    }
    assert found.lacks == {}  # what is published is no approximation
    clouds = Published(Path()).read("density_inc", 4)
    assert found.figures["density_inc"][4] == evaluate(ByHeight(), clouds, 128).summary()
    with pytest.raises(InputError, match="lidar: missing"):
        evaluate_corrupted(ByHeight(), data, ["lidar"], files=[Published(Path("folder"))])
    Published.categories = ("tall", "flat")
    with pytest.raises(InputError, match=r"folder: its clouds are of other .* of 'stub'"):
        evaluate_corrupted(ByHeight(), data, names, files=[Published(Path("folder"))])


def made(dataset: str, means: dict[str, float], clean: float) -> CorruptedResult:
    figures = {
        name: {level: {"overall_accuracy": mean + (level - 3) / 100} for level in range(1, 6)}
        for name, mean in means.items()
    }
    return CorruptedResult("classification", dataset, {"overall_accuracy": clean}, figures)


# Published for ModelNet-C: DGCNN has 1 and 1 by definition; PCT's mCE and RmCE follow from its
# accuracies for each corruption, in the order of the names.
NAMES = ("add_global", "add_local", "dropout_global", "dropout_local", "jitter", "rotate", "scale")
REFERENCE = (0.705, 0.725, 0.752, 0.793, 0.684, 0.785, 0.906)


def test_mce_and_rmce() -> None:
    dgcnn = made("modelnet40", dict(zip(NAMES, REFERENCE, strict=True)), 0.926)
    measures = dgcnn.benchmarks()["modelnet-c"]
    assert measures["mce"] == pytest.approx(1) and measures["rmce"] == pytest.approx(1)
    # Half of DGCNN's errors everywhere: the errors sum up by hand.
    half = {name: 1 - (1 - each) / 2 for name, each in zip(NAMES, REFERENCE, strict=True)}
    measures = made("modelnet40", half, 0.963).benchmarks()["modelnet-c"]
    assert measures["mce"] == pytest.approx(0.5)
    assert measures["rmce"] == pytest.approx(0.5)
    assert measures["mean_error"] == pytest.approx(sum(1 - each for each in half.values()) / 7)
    assert made("modelnet40-plus", half, 0.963).benchmarks()["modelnet-c"] == measures
    # DGCNN's accuracies are of ModelNet40, so there is no mCE elsewhere.
    assert set(made("boxes", half, 0.9).benchmarks()["modelnet-c"]) == {"mean_error"}


def test_the_mean_error_of_modelnet40_c_leaves_approximations_out() -> None:
    names = corruption_sets()["modelnet40-c"]
    result = made("modelnet40", dict.fromkeys(names, 0.8), 0.9)
    assert result.benchmarks() == {"modelnet40-c": {"mean_error": pytest.approx(0.2)}}
    result.figures["lidar"] = {level: {"overall_accuracy": 0.1} for level in range(1, 6)}
    result.lacks["lidar"] = "made of points"
    assert result.benchmarks()["modelnet40-c"]["mean_error"] == pytest.approx(0.2)
    del result.figures["uniform"]
    assert result.benchmarks() == {}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("jiter", "did you mean 'jitter'"),
        ("modelnet-d", "did you mean 'modelnet-c'"),
        ("jitter:6", "a severity is 1, 2, 3, 4 or 5"),
        ("modelnet-c:", "a severity is 1, 2, 3, 4 or 5"),
    ],
)
def test_unknown_names_are_refused(data: PointCloudDataset, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        evaluate_corrupted(ByHeight(), data, [name])


def test_nothing_to_measure_is_refused(data: PointCloudDataset) -> None:
    for names, severities in (((), (1, 2)), (("jitter",), ())):
        with pytest.raises(InputError, match="without a corruption and a severity"):
            evaluate_corrupted(ByHeight(), data, names, severities)
    with pytest.raises(InputError, match="num_points is 0"):
        evaluate_corrupted(ByHeight(), data, ["jitter:1"], num_points=0)
