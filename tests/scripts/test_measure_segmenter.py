"""The script that measures a segmenter on turned clouds and without true normals."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from pcea.datasets import load_dataset
from pcea.evaluation import evaluate
from pcea.models import create_model, save_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_segmenter.py"
TINY: dict[str, Any] = {"depth": 1, "k": 4, "num": (16, 8), "fused": 16, "dims": (8, 8, 8)}


def test_each_condition_has_its_row(
    script: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = load_dataset("shapes", "val", num_per_category=1, num_points=64)
    monkeypatch.setattr(script, "load_dataset", lambda *given: data)
    torch.manual_seed(0)
    model = create_model("eat-seg-tiny", data.taxonomy, num_points=64, normals=True, **TINY).eval()
    file = tmp_path / "m.safetensors"
    save_model(model, file)
    script.main([str(file), "--dataset", "shapes", "--json", str(tmp_path / "f.json")])
    lines = capsys.readouterr().out.strip().splitlines()
    figures = json.loads((tmp_path / "f.json").read_text())
    assert len(figures) == 5 and len(lines) == 2 + 2 + 5
    alone = evaluate(model, data.clouds, 64).figures()
    assert figures["as it is"]["instance_miou"] == pytest.approx(alone["instance_miou"])
    flipped, turned = (figures[f"{name}"] for name in list(figures)[3:0:-2])
    assert flipped != figures["as it is"] != turned
    with pytest.raises(SystemExit, match="is not a segmenter"):
        script.main(["modelnet40-eat-small", "--dataset", "shapes"])
