"""The script that prints the tables of docs/slots.md."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from pcea.datasets import PointCloudDataset, load_dataset
from pcea.models import create_model, save_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_slots.py"
TINY = {"depth": 1, "k": 4, "num": (16, 8), "fused": 16, "dims": (8, 8, 8), "hidden": (8, 8)}


@pytest.fixture(scope="module")
def shapes() -> PointCloudDataset:
    data = load_dataset("shapes", "val")
    few = [i for i in range(len(data)) if data.clouds.category[i] < 3]
    return PointCloudDataset(data.clouds.select(few), data.taxonomy, "shapes", "val")


def test_tables(
    script: ModuleType,
    shapes: PointCloudDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = []
    for attention in ("external", "self"):
        torch.manual_seed(0)
        options = {**TINY, "attention": attention}
        model = create_model("eat-seg-tiny", shapes.taxonomy, num_points=64, **options)
        files.append(str(tmp_path / f"{attention}.safetensors"))
        save_model(model, files[-1])
    script.measure(files, shapes, repeats=2, seeds=2)
    said = capsys.readouterr().out
    head, models, layers, slots = said.strip().split("\n\n")
    assert f"{len(shapes)} clouds of shapes val, 8 points each, 2 repeats, seed 0" in head
    names = [line.split(" | ")[0] for line in models.splitlines()[2:]]
    assert names == [
        "| eat-seg-tiny, external, None",
        "| eat-seg-tiny, external, untrained",
        "| eat-seg-tiny, self, None",
        "| eat-seg-tiny, self, untrained",
    ]
    assert "±" in models.splitlines()[3] and "±" not in models.splitlines()[2]
    assert len(layers.splitlines()) == 2 + 2  # none among points
    assert len(slots.splitlines()) == 2 + script.SHOWN
    widths = {line.count("|") for line in models.splitlines()}
    assert len(widths) == 1


def test_an_untrained_model_is_another_with_statistics(
    script: ModuleType, shapes: PointCloudDataset
) -> None:
    model = create_model("eat-seg-tiny", shapes.taxonomy, num_points=64, **TINY)
    one, same, other = (script.fresh(model, shapes.clouds, seed) for seed in (0, 0, 1))
    assert not one.training
    states = [each.state_dict() for each in (one, same, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["last.weight"], states[2]["last.weight"])
    norm = one.encoder.embedding.point[0].norm
    assert float(norm.running_mean.abs().max()) > 0 and int(norm.num_batches_tracked) > 0
