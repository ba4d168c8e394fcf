"""The script that prints the table of up axes in docs/models.md."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from pcea.datasets import load_dataset
from pcea.formats import Cloud
from pcea.geometry import UP_AXES, upright
from pcea.models import create_model, save_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_orientation.py"
TINY = {"depth": 1, "k": 4, "num": (16, 8), "fused": 16, "dims": (8, 8, 8), "hidden": (8, 8)}


@pytest.mark.parametrize("up", UP_AXES)
def test_a_cloud_that_was_laid_down_stands_up_again(script: ModuleType, up: str) -> None:
    cloud = Cloud(torch.eye(3) + 1)
    laid = script.lay_down(cloud, up)
    torch.testing.assert_close(upright(laid.pos, up), cloud.pos)
    assert laid.normal is None


def test_shares_by_hand(script: ModuleType) -> None:
    weight = torch.tensor([[0.0, 0, 1, 0, 0, 0], [0, 0, 0.4, 0, 0.6, 0], [0, 0, 0.03, 0, 0.97, 0]])
    # With y up the first category is said, with z up the second, with little confidence.
    found = torch.tensor([[0.5, 0.5]] * 6).repeat(3, 1, 1)
    found[:, UP_AXES.index("y")] = torch.tensor([1.0, 0.0])
    found[:, UP_AXES.index("z")] = torch.tensor([0.4, 0.6])
    up = torch.full((3,), UP_AXES.index("y"))
    # The second cloud combines both: 0.4 + 0.6 · 0.4 = 0.64 for the first category.
    label = torch.tensor([0, 0, 0])
    shares = script.shares(weight, found, up, label)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1 / 3, 2 / 3])


def test_every_guide_has_its_line(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    taxonomy = load_dataset("shapes", "val").taxonomy
    save_model(
        create_model("eat-tiny", taxonomy, num_points=64, **TINY), tmp_path / "own.safetensors"
    )
    line = f"{SCRIPT} {tmp_path / 'own.safetensors'} --dataset shapes --clouds 4 --votes 1 --json"
    monkeypatch.setattr(sys, "argv", [*line.split(), str(tmp_path / "table.json")])
    script.main()
    printed = [text for text in capsys.readouterr().out.splitlines() if text.startswith("| ")]
    rows = json.loads((tmp_path / "table.json").read_text())
    assert [row[:2] for row in rows] == [
        ["nobody", 1.0],
        ["the model alone", 0.5],
        *(["upright-eat-tiny", prior] for prior in (0.3, 0.5, 0.7)),
    ]
    assert len(printed) == 1 + len(rows)
    assert rows[0][2:5] == [1.0, 1.0, 0.0]  # y is up, and nobody doubts it
