"""The script that measures on which side normals are: its forms of a shape, and its table."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

import pcea
from pcea.datasets import Clouds
from pcea.errors import InputError

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "measure_sides.py"
sys.path.append(str(SCRIPT.parent))  # it shares the names of the samples with check_samples


def ball(generator: torch.Generator, num: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(num, 3, generator=generator), dim=-1)


def test_the_forms_of_a_mesh(script: ModuleType) -> None:
    bottle = pcea.read(ROOT / "data" / "samples" / "bottle.obj")
    forms, again = script.forms(bottle, 3), script.forms(bottle, 3)
    assert forms["its own"] is bottle
    half = forms["50 % of the faces flipped"]
    turned = (half.faces != bottle.faces).any(1)
    assert 0.4 < turned.float().mean() < 0.6
    assert torch.equal(half.faces[turned], bottle.faces[turned].flip(1))
    up = forms["planes, toward +z"]
    assert (up.normal[:, 2] >= 0).all() and up.name == "bottle"
    torch.testing.assert_close(up.normal.norm(dim=1), torch.ones(len(up)))
    assert torch.equal(
        again["10 % of the signs wrong"].normal, forms["10 % of the signs wrong"].normal
    )


def test_one_side_of_a_ball_is_seen(script: ModuleType, generator: torch.Generator) -> None:
    pos = ball(generator, 3000)
    seen = script.seen(pcea.Cloud(5 * pos + 2, pos), generator)
    assert 0.3 < len(seen) / 3000 < 0.5  # a little less than half, from four radii away
    way = torch.nn.functional.normalize(seen.normal.mean(0), dim=0)
    assert (seen.normal @ way > 0).all()


def test_fitted_planes_have_the_directions_of_a_ball(
    script: ModuleType, generator: torch.Generator
) -> None:
    pos = ball(generator, 2000)
    assert ((script.unoriented(pos) * pos).sum(1).abs() > 0.95).all()


def test_prints_a_line_for_each_form_of_a_split(
    script: ModuleType,
    generator: torch.Generator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pos = ball(generator, 1600)
    ptr, category = torch.tensor([0, 800, 1600]), torch.zeros(2, dtype=torch.long)
    clouds = Clouds(pos, ptr, category, pos, names=("one", "other"))
    monkeypatch.setattr(script, "load_dataset", lambda *_: SimpleNamespace(clouds=clouds))
    monkeypatch.setattr(sys, "argv", ["measure_sides", "--dataset", "balls"])
    script.main()
    lines = {line.strip().split("  ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["its own"].split()[-6:] == ["0.00", "0.00", "0.00", "0", "of", "2"]
    assert lines["50 % of the signs wrong"].split()[-3:] == ["2", "of", "2"]
    bare = replace(clouds, normal=None)
    monkeypatch.setattr(script, "load_dataset", lambda *_: SimpleNamespace(clouds=bare))
    with pytest.raises(InputError, match="no normals"):
        script.main()


@pytest.mark.parametrize(
    ("name", "answer", "unsure", "verdict"),
    [
        ("bottle", "bottle", False, "right"),
        ("bottle", "vase", False, "wrong"),
        ("bottle", "vase", True, "unsure"),
        ("bowl", "vase", True, "right"),
        ("bowl", "vase", False, "wrong"),
    ],
)
def test_verdicts(script: ModuleType, name: str, answer: str, unsure: bool, verdict: str) -> None:
    found = SimpleNamespace(category=answer, unsure=unsure)
    info = SimpleNamespace(taxonomy=SimpleNamespace(categories=("bottle", "vase")))
    model = SimpleNamespace(info=info, predict=lambda shape, votes, up: found)
    assert script.judge(SimpleNamespace(name=name), model) == verdict
