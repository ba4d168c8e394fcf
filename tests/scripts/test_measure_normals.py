"""The script that measures estimated normals, on spheres, whose normals are their positions."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from pcea.datasets import Clouds
from pcea.errors import InputError

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_normals.py"


@pytest.fixture
def spheres(generator: torch.Generator) -> Clouds:
    pos = torch.nn.functional.normalize(torch.randn(1200, 3, generator=generator), dim=-1)
    ptr, category = torch.tensor([0, 600, 1200]), torch.zeros(2, dtype=torch.long)
    return Clouds(pos, ptr, category, pos, names=("one", "other"))


def test_a_sphere_is_easy_and_turned_inside_out_all_wrong(
    script: ModuleType, spheres: Clouds
) -> None:
    found = script.measure(spheres, 500, 0.0, 20)
    assert found.right == found.tenth == 1.0
    assert found.median <= found.mean < 5
    assert spheres.normal is not None
    turned = script.measure(replace(spheres, normal=-spheres.normal), 500, 0.0, 20)
    assert turned.right == turned.tenth == 0.0
    assert turned.mean == pytest.approx(found.mean)


def test_noise_makes_it_harder(script: ModuleType, spheres: Clouds) -> None:
    quiet, loud = (script.measure(spheres, 500, noise, 20) for noise in (0.0, 0.05))
    assert loud.mean > 2 * quiet.mean


def test_refuses_a_split_without_normals(script: ModuleType, spheres: Clouds) -> None:
    with pytest.raises(InputError, match="no normals"):
        script.measure(replace(spheres, normal=None), 500, 0.0, 20)


def test_prints_a_line_for_each_setting(
    script: ModuleType,
    spheres: Clouds,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(script, "load_dataset", lambda *_: type("Split", (), {"clouds": spheres}))
    monkeypatch.setattr(sys, "argv", ["measure_normals", "balls", "--num-points", "100", "200"])
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[-5:] if line.strip()][-4:] == [
        ["100", "0"],
        ["100", "0.01"],
        ["200", "0"],
        ["200", "0.01"],
    ]
