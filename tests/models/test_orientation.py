"""Guessing up: with models whose confidence is known, and with those that ship."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read
from pcea.geometry import UP_AXES, upright
from pcea.models import PointModel, create_model, load_model, orientation
from pcea.models.orientation import (
    axes_by_guide,
    categories_by_up,
    find_up,
    weigh_axes,
)
from pcea.models.prediction import UpGuess
from pcea.models.weights import GUIDE, PRETRAINED

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
Score = Callable[[Tensor], Tensor]


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
    confidence = categories_by_up(model, cloud).amax(-1)
    assert UP_AXES[int(confidence.argmax())] == up
    seen = [model.sample(cloud, seed, up).pos for seed in range(2)]
    by_hand = torch.stack([surer_when_standing(pos).softmax(-1)[0] for pos in seen]).mean(0).max()
    assert float(confidence.max()) == pytest.approx(float(by_hand), abs=1e-5)
    guess = find_up(model, cloud)
    assert sum(guess.by_axis) == pytest.approx(1) and guess.confidence == max(guess.by_axis)
    torch.testing.assert_close(torch.tensor(guess.by_axis), weigh_axes(confidence**4))


def test_axes_are_weighed_by_prior_and_likelihood() -> None:
    both = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.9, 0.5], [0.5, 0.5, 0.8, 0.5, 0.1, 0.5]])
    prior = torch.tensor([0.075, 0.075, 0.5, 0.075, 0.2, 0.075])  # x, -x, y, -y, z, -z
    for one, found in zip(both, weigh_axes(both), strict=True):
        torch.testing.assert_close(found, prior * one / (prior * one).sum())
    assert weigh_axes(both[0], {"y": 1.0})[UP_AXES.index("y")] == 1
    assert torch.allclose(weigh_axes(torch.ones(6), {}), torch.full((6,), 1 / 6))


def test_y_is_kept_of_a_shape_that_no_model_knows() -> None:
    assert UpGuess(tuple(weigh_axes(torch.full((6,), 0.2)).tolist())).up == "y"


def sees_where_it_is_heavy(pos: Tensor) -> Tensor:
    """Logits of a guide that knows that shapes are heavy below: those of UP_AXES."""
    moment = 40 * pos.pow(3).mean(1)  # (B, 3)
    return torch.stack([moment, -moment], dim=2).flatten(1)


@pytest.mark.parametrize("up", UP_AXES)
def test_a_guide_tells_the_axis_however_a_shape_lies(
    up: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = create_model("eat-tiny", Taxonomy(UP_AXES), num_points=64)
    monkeypatch.setattr(guide, "forward", lambda pos, normal: sees_where_it_is_heavy(pos))
    cloud = lay(skittle(), up)
    found = axes_by_guide(guide, cloud)
    taken = torch.cat([guide.sample(cloud, seed).pos for seed in range(2)])
    expected = sees_where_it_is_heavy(taken).softmax(-1).mean(0)
    torch.testing.assert_close(found, expected)
    assert UP_AXES[int(found.argmax())] == up


def test_a_guide_that_says_the_same_of_everything_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guide = create_model("eat-tiny", Taxonomy(UP_AXES), num_points=64)
    always = torch.tensor([0.0, 0.0, 3.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(guide, "forward", lambda pos, normal: always.expand(len(pos), 6))
    torch.testing.assert_close(axes_by_guide(guide, skittle()), torch.full((6,), 1 / 6))


def test_a_model_of_up_axes_gets_shapes_as_they_are() -> None:
    guide, cloud = load_model(GUIDE), lay(skittle(), "z")
    found = guide.predict(cloud, votes=1)
    assert found.up == "y" and found.up_confidence is None and found.over_axes is None
    assert found.category == guide.predict(cloud, votes=1, up="y").category


def test_another_model_is_no_guide() -> None:
    with pytest.raises(InputError, match=r"'eat-tiny' does not tell which of x, -x, .* is up"):
        axes_by_guide(create_model("eat-tiny"), skittle())


def test_a_folder_of_the_same_name_does_not_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(PRETRAINED / "modelnet40-eat-small.safetensors")
    before = find_up(model, skittle())
    (tmp_path / GUIDE).mkdir()
    monkeypatch.chdir(tmp_path)
    orientation._guide.cache_clear()
    assert find_up(model, skittle()) == before


@pytest.mark.parametrize("name", ["eat-tiny", "eat-seg-tiny"])
def test_a_guess_that_is_not_settled_combines_all_axes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = create_model(name, PARTS, num_points=64).eval()
    cloud = lay(skittle(), "x")
    axes = categories_by_up(model, cloud)
    for by_axis in ((0.1, 0.0, 0.6, 0.0, 0.3, 0.0), (0.0, 0.0, 0.97, 0.0, 0.03, 0.0)):
        guess = UpGuess(by_axis)
        monkeypatch.setattr(orientation, "find_up", lambda *_, guess=guess: guess)
        found = model.predict(cloud, votes=1)
        assert found.up == "y" and found.up_confidence == max(by_axis)
        notes = [note for note in found.notes if "which way is up" in note]
        if guess.settled:
            assert found.over_axes is None and not notes
        else:
            expected = 0.1 * axes[0] + 0.6 * axes[2] + 0.3 * axes[4]
            torch.testing.assert_close(found.category_probability, expected)
            assert found.category == PARTS.categories[int(expected.argmax())]
            assert "which way is up is not sure (y: 60 %)" in notes[0]


def test_an_axis_that_is_not_settled_is_said_of_parts_and_of_a_given_category(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = create_model("eat-seg-tiny", PARTS, num_points=64).eval()
    guess = UpGuess((0.1, 0.0, 0.6, 0.0, 0.3, 0.0))
    monkeypatch.setattr(orientation, "find_up", lambda *_: guess)
    said = "which way is up is not sure (y: 60 %): the parts are those with y up; "
    known, ending = model.predict(skittle(), 1, category="cup"), "if you know the axis, give it"
    assert known.over_axes is None and known.notes[-1] == said + ending
    free = model.predict(skittle(), 1)
    assert free.notes[-1] == f"{said}the category is that of all six axes together; {ending}"
    assert model.segment(skittle(), "cup", votes=1).notes == known.notes
    assert not model.predict(skittle(), 1, "y", "cup").notes


def test_a_guess_that_was_made_before_is_taken_by_another_model() -> None:
    model = create_model("eat-tiny", PARTS, num_points=64).eval()
    guess = UpGuess((0.1, 0.0, 0.3, 0.0, 0.6, 0.0), torch.rand(6, 7))  # of seven categories
    found = model.predict(skittle(), 1, guess=guess)
    axes = categories_by_up(model, skittle())
    expected = 0.1 * axes[0] + 0.3 * axes[2] + 0.6 * axes[4]
    torch.testing.assert_close(found.category_probability, expected)
    assert (found.up, found.up_confidence, found.guess) == ("z", 0.6, guess)
    given = model.predict(skittle(), 1, "x", guess=guess)
    assert (given.up, given.up_confidence, given.over_axes) == ("x", None, None)


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


def test_the_calibration_of_a_segmenter_does_not_change_its_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def by_height(pos: Tensor) -> Tensor:
        chair = 10 * pos[..., 1].pow(3).mean(1, keepdim=True).expand(-1, 64)
        return torch.stack([0 * chair, 0 * chair, chair], dim=-1)

    model = told("eat-seg-tiny", by_height, monkeypatch)
    shape = lay(skittle(), "z")
    before, said = find_up(model, shape), categories_by_up(model, shape)
    model.info = replace(model.info, category_temperature=0.4)
    after = find_up(model, shape)
    assert not torch.allclose(said, categories_by_up(model, shape), atol=0.05)
    assert after.by_axis == pytest.approx(before.by_axis, rel=1e-4)


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


def test_a_mesh_and_a_cloud_without_normals() -> None:
    model = create_model("eat-seg-tiny", PARTS, num_points=64)
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    for shape in (mesh, Cloud(skittle().pos)):
        assert find_up(model, shape).up in UP_AXES


def test_models_that_ship_share_one_guess() -> None:
    models = load_model("modelnet40-eat-small"), load_model("parts-eat-tiny")
    chair = read(SAMPLES / "chair.obj")
    for turned, up in (("y", "y"), ("-z", "z")):
        shape = chair.upright(turned)
        found = [find_up(model, shape) for model in models]
        weight = weigh_axes(axes_by_guide(load_model(GUIDE), shape))
        assert found[0] == found[1] == UpGuess(tuple(weight.tolist()))
        assert found[0].up == up and found[0].settled


@pytest.mark.parametrize("name", ["bench.off", "chair.obj", "lamp.glb", "person.pcd", "table.ply"])
def test_the_guide_that_ships_finds_any_axis(name: str) -> None:
    shape, guide = read(SAMPLES / name), load_model(GUIDE)
    # What is up after an axis was turned to y, and y with it.
    now_up = {"x": "-x", "-x": "x", "y": "y", "-y": "-y", "z": "-z", "-z": "z"}
    for turned, up in now_up.items():
        said = axes_by_guide(guide, shape.upright(turned))
        assert UP_AXES[int(said.argmax())] == up, turned


def test_a_model_of_other_weights_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    model = told("eat-tiny", surer_when_standing, monkeypatch)
    cloud = lay(skittle(), "x")
    expected = weigh_axes(categories_by_up(model, cloud).amax(-1) ** 4)
    torch.testing.assert_close(torch.tensor(find_up(model, cloud).by_axis), expected)
