"""Guessing up: with models whose confidence is known, and with those that ship."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.formats import Cloud, Mesh, read
from pcea.geometry import UP_AXES, upright
from pcea.models import PointModel, create_model, load_model, orientation
from pcea.models.orientation import UpGuess, agree, categories_by_up, choose_up, find_up, guess_up

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))

Score = Callable[[Tensor], Tensor]


def bounds(monkeypatch: pytest.MonkeyPatch, margin: float, least: float = 0.0) -> None:
    """Set the margin, and the least confidence of classifiers, that another axis than y needs."""
    monkeypatch.setattr(orientation, "MARGIN", margin)
    monkeypatch.setitem(orientation.LEAST, "classification", least)


def told(name: str, score: Score, monkeypatch: pytest.MonkeyPatch) -> PointModel:
    """A model that says of each cloud what ``score`` makes of its positions."""
    model = create_model(name, PARTS, num_points=64, normals=True)
    monkeypatch.setattr(model, "forward", lambda pos, normal: score(pos))
    return model


def skittle() -> Cloud:
    """Heavy below, thin above: y up."""
    pos = torch.rand(300, 3, generator=torch.Generator().manual_seed(1))
    pos[:, 1] = pos[:, 1] ** 3
    return Cloud(pos, torch.nn.functional.normalize(pos, dim=1))


def lay(cloud: Cloud, up: str) -> Cloud:
    turn = upright(torch.eye(3), up).T
    assert cloud.normal is not None
    return Cloud(cloud.pos @ turn, cloud.normal @ turn)


def surer_when_standing(pos: Tensor) -> Tensor:
    # The centroid is 0: heavy below means a positive third moment of y.
    chair = 40 * pos[..., 1].pow(3).mean(1).clamp(min=0)
    return torch.stack([torch.zeros_like(chair), chair], dim=1)


@pytest.mark.parametrize("up", UP_AXES)
def test_a_classifier_finds_the_axis_it_is_surest_of(
    up: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = told("eat-tiny", surer_when_standing, monkeypatch)
    cloud = lay(skittle(), up)
    bounds(monkeypatch, margin=0.0)
    guess = guess_up(model, cloud)
    assert guess.up == up
    by_hand = []
    for axis in ("y", up):
        seen = [model.sample(cloud, seed, axis).pos for seed in range(2)]
        p = torch.stack([surer_when_standing(pos).softmax(-1)[0] for pos in seen]).mean(0)
        by_hand.append(float(p.max()))
    assert (guess.y_confidence, guess.confidence) == pytest.approx(tuple(by_hand), abs=1e-5)


def test_y_stays_unless_another_is_clearly_better(monkeypatch: pytest.MonkeyPatch) -> None:
    model = told("eat-tiny", surer_when_standing, monkeypatch)
    cloud = lay(skittle(), "-z")
    bounds(monkeypatch, margin=0.0)
    clear = guess_up(model, cloud)
    ahead = clear.confidence - clear.y_confidence
    assert ahead > 0.05
    bounds(monkeypatch, margin=ahead - 0.01)
    assert guess_up(model, cloud).up == "-z"
    bounds(monkeypatch, margin=ahead + 0.01)
    kept = guess_up(model, cloud)
    assert (kept.up, kept.confidence) == ("y", clear.y_confidence)


def test_y_stays_unless_the_model_is_sure_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    model = told("eat-tiny", surer_when_standing, monkeypatch)
    cloud = lay(skittle(), "-z")
    bounds(monkeypatch, margin=0.0)
    confidence = guess_up(model, cloud).confidence
    bounds(monkeypatch, margin=0.0, least=confidence - 1e-4)
    assert guess_up(model, cloud).up == "-z"
    bounds(monkeypatch, margin=0.0, least=confidence + 1e-4)
    assert guess_up(model, cloud).up == "y"


def test_many_are_chosen_at_once() -> None:
    y, z = UP_AXES.index("y"), UP_AXES.index("z")
    sure = torch.zeros(3, 6)
    sure[:, y], sure[:, z] = torch.tensor([0.5, 0.5, 0.7]), torch.tensor([0.9, 0.6, 0.8])
    assert choose_up(sure, margin=0.2, least=0.7).tolist() == [z, y, y]


def test_a_segmenter_is_judged_by_the_parts_of_a_category(monkeypatch: pytest.MonkeyPatch) -> None:
    def score(pos: Tensor) -> Tensor:  # the parts of cup, whichever, where x is up
        flat = 40 * pos[..., 0].pow(3).mean(1)[:, None].expand(pos.shape[:2])
        return torch.stack([flat, flat, torch.zeros_like(flat)], dim=-1)

    model = told("eat-seg-tiny", score, monkeypatch)
    found = categories_by_up(model, skittle())
    assert found.shape == (6, 2)
    torch.testing.assert_close(found.sum(-1), torch.ones(6))
    taken = model.sample(skittle(), 0, "z").pos, model.sample(skittle(), 1, "z").pos
    by_hand = torch.stack([score(pos).softmax(-1)[0].mean(0) for pos in taken]).mean(0)
    expected = torch.stack([by_hand[0] + by_hand[1], by_hand[2]])
    torch.testing.assert_close(found[UP_AXES.index("z")], expected, rtol=1e-4, atol=1e-5)


def test_normals_turn_with_the_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    model = create_model("eat-tiny", PARTS, num_points=64, normals=True).train()

    def forward(pos: Tensor, normal: Tensor) -> Tensor:
        assert not model.training
        return torch.stack([normal[..., 1].mean(1), (normal * pos).sum(-1).mean(1)], dim=1)

    monkeypatch.setattr(model, "forward", forward)
    found = categories_by_up(model, skittle(), votes=1)
    assert model.training
    model.eval()
    for row, up in zip(found, UP_AXES, strict=True):
        batch = model.sample(skittle(), 0, up)
        torch.testing.assert_close(row, model(batch.pos, batch.normal).softmax(-1)[0])
    assert len({round(float(row[0]), 4) for row in found}) == 6


def test_a_mesh_and_a_cloud_without_normals(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds(monkeypatch, margin=1.0)
    model = create_model("eat-seg-tiny", PARTS, num_points=64)
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    for shape in (mesh, Cloud(skittle().pos)):
        guess = guess_up(model, shape)
        assert guess.up == "y" and guess.confidence == guess.y_confidence


def test_models_that_ship_share_one_guess() -> None:
    models = load_model("modelnet40-eat-small"), load_model("parts-eat-tiny")
    chair = read(Path(__file__).parents[2] / "data" / "samples" / "chair.obj")
    for up in ("y", "-z"):
        shape = chair.upright(up)
        found = [find_up(model, shape) for model in models]
        assert found[0] == found[1]
        assert found[0] in [guess_up(model, shape) for model in models]


def guessed(up: str, confidence: float, **sure: float) -> UpGuess:
    told = dict.fromkeys(UP_AXES, 0.1) | sure | {up: confidence}
    return UpGuess(up, tuple(told[axis] for axis in UP_AXES))


@pytest.mark.parametrize(
    ("guesses", "up"),
    [
        ({"y": (0.3, 0.75), "z": (0.9, 0.85)}, "z"),  # who is sure speaks
        ({"y": (0.8, 0.75), "z": (0.99, 0.85)}, "y"),  # what stands for one is left standing
        ({"x": (0.8, 0.75), "z": (0.95, 0.85)}, "z"),  # over its bound by 0.1, the other by 0.05
        ({"x": (0.95, 0.75), "z": (0.95, 0.85)}, "x"),
        ({"y": (0.3, 0.75)}, "y"),
    ],
)
def test_several_agree(guesses: dict[str, tuple[float, float]], up: str) -> None:
    told = [(guessed(axis, sure), least) for axis, (sure, least) in guesses.items()]
    assert agree(told).up == agree(told[::-1]).up == up


@pytest.mark.parametrize(("of_z", "up"), [(0.2, "z"), (0.0, "y")])
def test_one_may_object(of_z: float, up: str) -> None:
    told = [(guessed("z", 0.8), 0.75), (guessed("y", 0.64, z=of_z), 0.85)]  # y: 0.1 + 0.64
    found = agree(told)
    assert found == agree(told[::-1])
    assert (found.up, found.confidence) == (up, {"z": 0.8, "y": 0.64}[up])


def test_a_model_of_other_weights_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    model = told("eat-tiny", surer_when_standing, monkeypatch)
    cloud = lay(skittle(), "x")
    assert find_up(model, cloud) == guess_up(model, cloud)
