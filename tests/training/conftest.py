"""Data sets and recipes so small that a whole training takes a second."""

from dataclasses import replace

import pytest
import torch

from pcea.datasets import Clouds, PointCloudDataset
from pcea.datasets.taxonomy import Taxonomy
from pcea.recipes import Recipe
from pcea.training import report, setup


@pytest.fixture(autouse=True)
def _reports_without_drawings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing a report takes longer than a training of this size; test_report.py draws them."""
    if request.path.stem != "test_report":
        monkeypatch.setattr(report, "as_svg", lambda figure, label: "<svg></svg>")


SIZES = {"train": 24, "val": 7, "trainval": 24}


def make_clouds(count: int, seed: int, ragged: bool) -> Clouds:
    """Balls, discs and rods in turn; the upper half of each is one part, the lower another."""
    generator = torch.Generator().manual_seed(seed)
    stretch = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.2, 1.0], [0.2, 1.0, 0.2]])
    clouds = []
    for i in range(count):
        points = 30 + (i % 5 if ragged else 0)
        pos = torch.randn(points, 3, generator=generator)
        pos = pos / pos.norm(dim=1, keepdim=True) * stretch[i % 3]
        part = 2 * (i % 3) + (pos[:, 1] > 0).long()
        clouds.append(
            Clouds.from_dense(
                pos[None], torch.tensor([i % 3]), part=part[None], names=[f"cloud{i}"]
            )
        )
    return Clouds.cat(clouds)


def make_dataset(task: str, split: str, count: int) -> PointCloudDataset:
    clouds = make_clouds(count, seed=len(split), ragged=task == "segmentation")
    taxonomy = Taxonomy(("ball", "disc", "rod"))
    if task == "classification":
        clouds = replace(clouds, part=None)
    else:
        parts = tuple(f"{c}/{p}" for c in taxonomy.categories for p in ("lower", "upper"))
        taxonomy = Taxonomy(taxonomy.categories, parts, ((0, 1), (2, 3), (4, 5)))
    return PointCloudDataset(clouds, taxonomy, task, split)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Clouds of each split of the made data sets, called by their task; a test may change them."""
    counts = dict(SIZES)
    monkeypatch.setattr(
        setup,
        "load_dataset",
        lambda name, split, root=None: make_dataset(name, split, counts[split]),
    )
    return counts


@pytest.fixture(params=["classification", "segmentation"])
def recipe(request: pytest.FixtureRequest, sizes: dict[str, int]) -> Recipe:
    """A recipe with everything random in it: dropout, augmentation, sampling."""
    return tiny_recipe(request.param)


@pytest.fixture
def classification(sizes: dict[str, int]) -> Recipe:
    return tiny_recipe("classification")


@pytest.fixture
def segmentation(sizes: dict[str, int]) -> Recipe:
    return tiny_recipe("segmentation")


def tiny_recipe(task: str) -> Recipe:
    return Recipe(
        name="tiny",
        dataset=task,
        model="eat-tiny" if task == "classification" else "eat-seg-tiny",
        attention_options={"slots": 4},
        model_options={
            "dims": (8, 8, 16),
            "num": (12, 8),
            "k": 4,
            "depth": 1,
            "fused": 16,
            "hidden": (16, 16),
        },
        num_points=16,
        epochs=3,
        batch_size=8,
        lr=0.01,
        label_smoothing=0.1,
        ema=0.5,
        transforms=(
            "rotate(10)",
            "scale(0.67, 1.5)",
            "jitter(0.01)",
            "translate(0.2)",
            "drop-points(0.2)",
            "rsmix",
        ),
        precision="bf16",
    )
