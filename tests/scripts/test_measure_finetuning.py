"""The script that trains from nothing and from weights, on clouds made here."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

from pcea.datasets import Clouds, PointCloudDataset, Taxonomy
from pcea.errors import InputError

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_finetuning.py"
COUNTS = {"ball": 12, "rod": 7, "plate": 3}


@pytest.fixture(scope="module")
def data() -> PointCloudDataset:
    pos = torch.randn(sum(COUNTS.values()), 64, 3, generator=torch.Generator().manual_seed(0))
    category = torch.arange(len(COUNTS)).repeat_interleave(torch.tensor([*COUNTS.values()]))
    clouds = Clouds.from_dense(pos, category=category)
    return PointCloudDataset(clouds, Taxonomy(tuple(COUNTS)), "made", "trainval")


def test_no_shape_is_trained_on_and_validated_on(
    script: ModuleType, data: PointCloudDataset
) -> None:
    splits = script.choose(data, ["plate", "ball"], 5, seed=0)
    train, val = (splits[name].clouds for name in ("train", "val"))
    # Three plates: one is validated on. Twelve balls: five are trained on, five others validated.
    assert train.category.tolist() == [0] * 2 + [1] * 5
    assert val.category.tolist() == [0] * 1 + [1] * 5
    clouds = [each.pos for each in (*train, *val)]
    assert not any(torch.equal(a, b) for i, a in enumerate(clouds) for b in clouds[:i])
    again = script.choose(data, ["plate", "ball"], 5, seed=0)["train"].clouds
    other = script.choose(data, ["plate", "ball"], 5, seed=1)["train"].clouds
    assert torch.equal(train.pos, again.pos) and not torch.equal(train.pos, other.pos)
    with pytest.raises(InputError, match="'bowl'"):
        script.choose(data, ["bowl"], 5, seed=0)


def test_both_trainings_are_printed(
    script: ModuleType,
    data: PointCloudDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(script, "load_dataset", lambda *_: data)
    file = tmp_path / "figures.json"
    words = "--epochs 1 --batch-size 4 --seeds 0 1 --shapes 4 --categories ball rod --json".split()
    script.main([*words, str(file)])
    said = capsys.readouterr().out.splitlines()
    runs = json.loads(file.read_text())["runs"]
    assert [run["clouds"] for run in runs] == [{"train": 8, "val": 7}] * 2
    for name, line in zip(("from nothing", "from modelnet40-eat-small"), said[-2:], strict=True):
        values = torch.tensor([run[name]["value"] for run in runs])
        mean, std = 100 * values.mean(), 100 * values.std()
        assert line.startswith(f"{name}: overall_accuracy {mean:.1f} ± {std:.1f} % (")
    assert any("new: ball, rod" in line for line in said)
