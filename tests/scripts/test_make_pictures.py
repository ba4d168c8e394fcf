from pathlib import Path
from types import ModuleType

import pytest
import torch

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.models import create_model, save_model

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "make_pictures.py"
PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))


def save(path: Path, name: str, **options: object) -> Path:
    torch.manual_seed(0)
    save_model(create_model(name, PARTS, num_points=64, **options), path)
    return path


def test_the_same_weights_give_the_same_picture(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "SAMPLES", ("chair.obj",))
    monkeypatch.setattr(script, "VOTES", 1)
    weights = save(tmp_path / "seg.safetensors", "eat-seg-tiny")
    first = script.draw(weights, tmp_path / "one")
    again = script.draw(weights, tmp_path / "two")
    assert first == tmp_path / "one" / "parts.png"
    assert first.read_bytes().startswith(b"\x89PNG")
    assert first.read_bytes() == again.read_bytes()


def test_transforms_are_drawn(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "TRANSFORMS", ("stray-points(10)", "rsmix(0.6, probability=1)"))
    monkeypatch.setattr(script, "POINTS", 200)
    assert script.draw_transforms(tmp_path).read_bytes().startswith(b"\x89PNG")


def test_corruptions_are_drawn(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "corruption_sets", lambda: {"some": ("jitter", "background")})
    monkeypatch.setattr(script, "SEVERITIES", (5,))
    monkeypatch.setattr(script, "POINTS", 200)
    assert script.draw_corruptions(tmp_path).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [("eat-tiny", {}, "not a part segmenter"), ("pct-seg", {}, "no slots")],
)
def test_other_models_are_refused(
    script: ModuleType, tmp_path: Path, name: str, options: dict, message: str
) -> None:
    weights = save(tmp_path / "model.safetensors", name, **options)
    with pytest.raises(InputError, match=message):
        script.draw(weights, tmp_path)
