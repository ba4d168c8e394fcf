"""The script that tries the samples: its forms of a shape, and its verdicts."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

import pcea

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "check_samples.py"


def test_forms_of_a_shape(script: ModuleType) -> None:
    vase = pcea.read(ROOT / "data" / "samples" / "vase.ply")
    forms, again = script.forms(vase, 3), script.forms(vase, 3)
    assert list(forms) == ["as it is", "cloud", "scan", "noisy scan"]
    assert forms["as it is"] is vase
    cloud, scan, noisy = (forms[name].pos for name in ("cloud", "scan", "noisy scan"))
    assert len(cloud) == 2048 and len(scan) == len(noisy) == 1024
    torch.testing.assert_close(cloud[:, 1].amax(), vase.vertices[:, 1].amax(), atol=0.05, rtol=0)
    assert torch.equal(noisy, again["noisy scan"].pos)
    # A scan shows one side: its mean lies off that of the cloud.
    assert (scan.mean(0) - cloud.mean(0)).norm() > 0.05 * cloud.std()


def model(*categories: str, answer: str, probability: float, unsure: bool | None = None) -> Any:
    found = SimpleNamespace(
        category=answer, unsure=unsure, best=lambda: [(answer, probability)], votes=1
    )
    taxonomy = SimpleNamespace(categories=categories)
    info = SimpleNamespace(taxonomy=taxonomy)
    return SimpleNamespace(info=info, predict=lambda shape, votes: found)


@pytest.mark.parametrize(
    ("name", "first", "second", "verdict"),
    [
        ("mug", ("cup", 0.9, None), ("Vase", 0.9, None), "right"),
        ("mug", ("vase", 0.9, None), ("Cup", 0.9, None), "wrong"),
        ("mug", ("vase", 0.4, None), ("Cup", 0.9, None), "unsure"),
        ("mug", ("vase", 0.9, True), ("Cup", 0.9, None), "unsure"),
        ("mug", ("cup", 0.4, False), ("Cup", 0.9, None), "right"),
        ("rocket", ("cup", 0.9, True), ("Vase", 0.4, None), "right"),
        ("rocket", ("cup", 0.9, True), ("Vase", 0.6, None), "wrong"),
        ("glasses", ("cup", 0.9, None), ("Glasses", 0.6, None), "right"),
    ],
)
def test_verdicts(
    script: ModuleType, name: str, first: tuple[Any, ...], second: tuple[Any, ...], verdict: str
) -> None:
    models = [
        model("cup", "vase", answer=first[0], probability=first[1], unsure=first[2]),
        model("Vase", "Glasses", answer=second[0], probability=second[1], unsure=second[2]),
    ]
    assert script.judge(name, None, models)[0] == verdict
