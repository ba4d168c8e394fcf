"""The script that prints the table of stray points in docs/models.md."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from pcea.datasets import PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.geometry import unit_sphere
from pcea.models import create_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_strays.py"
TINY = {"depth": 1, "k": 4, "num": (16, 8), "fused": 16, "dims": (8, 8, 8), "hidden": (8, 8)}


@pytest.fixture(scope="module")
def shapes() -> PointCloudDataset:
    data = load_dataset("shapes", "val")
    return PointCloudDataset(data.clouds.select([0, 20, 40, 60]), data.taxonomy, "shapes", "val")


def test_every_condition_has_its_line(
    script: ModuleType, shapes: PointCloudDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    model = create_model("eat-tiny", shapes.taxonomy, num_points=512, **TINY)
    script.measure(model, shapes, every=2)
    head, table = capsys.readouterr().out.strip().split("\n\n")
    assert head == "2 clouds of shapes val, seed 0"
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert [row[0] for row in rows[2:]] == list(script.CONDITIONS)
    assert {len(row) for row in rows} == {5}
    caught = {row[0]: row[4] for row in rows[2:]}
    assert caught["clean"] == "–" and caught["one stray, 1,000 times as far"] == "100.0 %"


def test_conditions_are_clouds_in_the_unit_sphere(
    script: ModuleType, shapes: PointCloudDataset
) -> None:
    pos = unit_sphere(shapes.clouds.batch(torch.arange(4), 512).pos)
    strays = {"10 strays in the cube": 10, "100 strays in the unit ball": 100, "one side": 0}
    for name, change in script.CONDITIONS.items():
        cloud, stray = change(pos, torch.Generator().manual_seed(0))
        assert cloud.shape[:2] == stray.shape and cloud.isfinite().all()
        assert torch.allclose(cloud.norm(dim=-1).amax(1), torch.ones(4), atol=0.01)
        if name in strays:
            assert stray.sum(1).tolist() == 4 * [strays[name]]


def test_a_segmenter_is_refused(script: ModuleType, shapes: PointCloudDataset) -> None:
    model = create_model("eat-seg-tiny", shapes.taxonomy, **TINY)
    with pytest.raises(InputError, match="is not a classifier"):
        script.measure(model, shapes)
