"""The script of the eight conditions."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Generator

from pcea.datasets import load_dataset
from pcea.geometry import unit_sphere
from pcea.models import create_model, save_model

SCRIPTS = Path(__file__).parents[2] / "scripts"
SCRIPT = SCRIPTS / "measure_conditions.py"
TINY: dict[str, Any] = {
    "depth": 1,
    "k": 4,
    "num": (16, 8),
    "fused": 16,
    "dims": (8, 8, 8),
    "hidden": (8, 8),
}


@pytest.fixture(autouse=True, scope="module")
def _path() -> None:
    sys.path.append(str(SCRIPTS))


@pytest.fixture(scope="module")
def pos() -> torch.Tensor:
    return unit_sphere(torch.randn(6, 1024, 3, generator=Generator().manual_seed(0)))


def changed(script: ModuleType, name: str, pos: torch.Tensor) -> torch.Tensor:
    (key,) = (each for each in script.CONDITIONS if name in each)
    found: torch.Tensor = script.CONDITIONS[key](pos, Generator().manual_seed(0))
    return found


def test_there_are_eight_and_each_is_the_same_again(script: ModuleType, pos: torch.Tensor) -> None:
    assert len(script.CONDITIONS) == 8
    for name in script.CONDITIONS:
        assert torch.equal(changed(script, name, pos), changed(script, name, pos))


def test_a_turn_keeps_heights_and_distances(script: ModuleType, pos: torch.Tensor) -> None:
    found = changed(script, "turned", pos)
    assert torch.equal(found[..., 1], pos[..., 1]) and not torch.allclose(found, pos)
    assert torch.allclose(torch.cdist(found, found), torch.cdist(pos, pos), atol=1e-3)


def test_points_are_left_out_where_they_should_be(script: ModuleType, pos: torch.Tensor) -> None:
    assert changed(script, "quarter", pos).shape[1] == 256
    side = changed(script, "one side", pos)
    assert side.shape[1] == 512 and (side.mean(1).norm(dim=-1) > 0.1).all()
    kept = changed(script, "hole", pos)
    assert kept.shape[1] == 1024 - 300
    for cloud, left in zip(pos, kept, strict=True):
        there = {tuple(point) for point in left.tolist()}
        lost = torch.stack([point for point in cloud if tuple(point.tolist()) not in there])
        # Of the lost points, one is nearer to all others of them than to any that is left.
        reach = torch.cdist(lost, lost).amax(1)
        assert (reach <= torch.cdist(lost, left).amin(1) + 1e-6).any()


def test_it_prints_a_table_and_writes_the_figures(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    taxonomy = load_dataset("shapes", "val").taxonomy
    save_model(
        create_model("eat-tiny", taxonomy, num_points=1024, **TINY), tmp_path / "a.safetensors"
    )
    words = [str(tmp_path / "a.safetensors"), "--dataset", "shapes", "--every", "40"]
    monkeypatch.setattr(sys, "argv", ["measure_conditions", *words, "--json", str(tmp_path / "f")])
    script.main()
    lines = capsys.readouterr().out.strip().splitlines()
    assert "7 clouds of shapes val, seed 0" in lines[0] and len(lines) == 2 + 2 + 10
    figures = json.loads((tmp_path / "f").read_text())
    mean = sum(figures[name][0] for name in script.CONDITIONS) / 8
    assert lines[-1].startswith(f"| mean of the eight conditions | {100 * mean:.1f} %")
    monkeypatch.setattr(
        sys, "argv", ["measure_conditions", "parts-eat-tiny", "--dataset", "shapes"]
    )
    with pytest.raises(SystemExit, match="parts-eat-tiny is not a classifier"):
        script.main()
    for more, complaint in (
        (["modelnet40-eat-small", "--dataset", "shapes"], "which the model does not know"),
        (words + ["--every", "0"], "--every 0 must be at least 1"),
    ):
        monkeypatch.setattr(sys, "argv", ["measure_conditions", *more])
        with pytest.raises(SystemExit, match=complaint):
            script.main()
