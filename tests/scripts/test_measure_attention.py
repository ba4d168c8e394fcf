"""The script that takes the attention out of a model."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from pcea.datasets import load_dataset
from pcea.models import create_model, save_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_attention.py"
TINY: dict[str, Any] = {"depth": 2, "k": 4, "num": (16, 8), "fused": 16, "dims": (8, 8, 8)}


def test_all_points_read_the_mean(script: ModuleType, generator: torch.Generator) -> None:
    torch.manual_seed(0)
    model = create_model("eat-tiny", **TINY).eval()
    x, pos = torch.randn(2, 5, 8, generator=generator), torch.zeros(2, 5, 3)
    first, second = model.encoder.attentions
    before = [first(x, pos), second(x, pos)]
    with script.without_attention(model, [1]):
        assert torch.equal(first(x, pos), before[0])
        torch.testing.assert_close(second(x, pos)[:, 3], before[1].sum(1) / 5)
    assert torch.equal(second(x, pos), before[1])


def test_each_layer_has_its_row(
    script: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = load_dataset("shapes", "val", num_per_category=2, num_points=64)
    monkeypatch.setattr(script, "load_dataset", lambda *given: data)
    torch.manual_seed(0)
    model = create_model("eat-seg-tiny", data.taxonomy, num_points=64, **TINY).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # so that some points get other parts
            parameter.add_(torch.randn_like(parameter))
    save_model(model, tmp_path / "m.safetensors")
    script.main(
        [str(tmp_path / "m.safetensors"), "--dataset", "shapes", "--json", str(tmp_path / "f.json")]
    )
    figures = json.loads((tmp_path / "f.json").read_text())
    rows = ["nothing", "that of layer 0", "that of layer 1", "that of all layers"]
    assert list(figures) == rows
    assert len(capsys.readouterr().out.strip().splitlines()) == 2 + 2 + len(rows)
    assert figures["nothing"] != figures["that of all layers"]
    with pytest.raises(SystemExit, match="do not say what they were trained on"):
        script.main([str(tmp_path / "m.safetensors")])
