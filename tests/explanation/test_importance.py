"""Importance: shares counted by hand, saliency against finite differences in float64."""

from typing import Any

import pytest
import torch

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.explanation import Importance
from pcea.explanation import importance as find_importance
from pcea.formats import Cloud, Mesh
from pcea.models import Classifier, PointModel, Segmenter, create_model

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))


def build(name: str = "eat-tiny", num: int = 150, **options: Any) -> PointModel:
    torch.manual_seed(3)
    # Without dropout, so that its random numbers do not decide what the tests compare.
    model = create_model(name, PARTS, num_points=num, normals=True, dropout=0.0, **options)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    pos = torch.rand(4, num, 3) * 2 - 1
    model(pos, torch.nn.functional.normalize(pos, dim=-1))
    return model.eval()


def cloud_of(num: int = 150) -> Cloud:
    pos = torch.rand(num, 3, generator=torch.Generator().manual_seed(3))
    return Cloud(pos * 40 + 7, torch.nn.functional.normalize(pos, dim=-1))


def importance(
    model: PointModel, shape: Cloud | Mesh, target: str | None = None, votes: int = 1, up: str = "y"
) -> Importance:
    return find_importance(model, shape, target, votes, up)


def slope(model: PointModel, cloud: Cloud, score: Any, points: list[int]) -> list[float]:
    """How a score changes as a point moves along its own position, by central differences."""
    batch = model.sample(cloud)
    pos, found = batch.pos.double(), []
    for point in points:
        step = torch.zeros_like(pos)
        step[0, point] = 1e-6 * pos[0, point]
        with torch.no_grad():
            ahead = score(model(pos + step, batch.normal)[0])
            behind = score(model(pos - step, batch.normal)[0])
        found.append(float(ahead - behind) / 2e-6)
    return found


@pytest.mark.parametrize("name", ["eat-tiny", "spct", "eat-seg-tiny", "eat-seg-simple"])
def test_saliency_is_the_slope_along_a_points_position(name: str) -> None:
    model = build(name).double()
    cloud = cloud_of()
    points = list(range(0, 150, 7))
    found = importance(model, cloud, "chair" if model.task == "classification" else "cup/b")
    if isinstance(model, Classifier):
        expected = slope(model, cloud, lambda logits: logits[1], points)
    else:
        batch = model.sample(cloud)
        with torch.no_grad():
            logits = model(batch.pos, batch.normal)[0]
        own = logits[:, 1] > logits[:, 0]  # among the parts of cup alone
        assert 0 < own.sum() < 150
        expected = slope(model, cloud, lambda logits: logits[own, 1].sum(), points)
    assert max(map(abs, expected)) > 1e-4
    torch.testing.assert_close(found.saliency[points], torch.tensor(expected), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", ["eat-tiny", "eat-simple", "eat-seg-tiny"])
@torch.no_grad()
def test_critical_points_are_counted(name: str) -> None:
    model = build(name)
    cloud = cloud_of()
    found = importance(model, cloud)
    batch = model.sample(cloud)
    tokens = model.encoder(batch.pos, batch.normal)[-1]
    expected = torch.zeros(150)
    for channel in tokens.x[0].unbind(1):
        winner = max(range(len(channel)), key=lambda i: float(channel[i]))
        at = [i for i in range(150) if torch.equal(batch.pos[0, i], tokens.pos[0, winner])]
        expected[at[0]] += 1 / tokens.x.shape[2]
    torch.testing.assert_close(found.critical, expected)
    assert float(found.critical.sum()) == pytest.approx(1)
    # Between tokens the shares of those nearby; 1 is an even share.
    centers = (batch.pos[0, :, None] == tokens.pos[0]).all(-1).any(1)
    share = found.critical[centers] * tokens.x.shape[1]
    torch.testing.assert_close(found.nearby[centers], share, rtol=1e-3, atol=1e-3)
    assert found.nearby.max() <= share.max() + 1e-4
    assert bool((found.critical[~centers] == 0).all())


@torch.no_grad()
def test_only_critical_points_reach_the_maximum() -> None:
    # Without neighbors and attention a token knows its point alone: others may go unnoticed.
    model = build("eat-simple", depth=0, keep_embedding=True)
    cloud = cloud_of()
    critical = importance(model, cloud).critical > 0
    assert 0 < critical.sum() < 150
    batch = model.sample(cloud)
    assert batch.normal is not None
    whole = model(batch.pos, batch.normal)
    few = model(batch.pos[:, critical], batch.normal[:, critical])
    torch.testing.assert_close(few, whole)
    first = torch.ones(150, dtype=torch.bool)
    first[critical.nonzero()[0]] = False
    assert not torch.allclose(model(batch.pos[:, first], batch.normal[:, first]), whole)


def test_votes_stand_one_after_the_other() -> None:
    model = build()
    cloud = cloud_of(900)
    one, two = importance(model, cloud, "cup"), importance(model, cloud, "cup", votes=2)
    assert len(two.sample) == len(two.critical) == len(two.nearby) == len(two.saliency) == 300
    assert torch.equal(two.sample.pos[:150], one.sample.pos)
    torch.testing.assert_close(two.critical[:150] * 2, one.critical)
    torch.testing.assert_close(two.saliency[:150], one.saliency)
    assert float(two.critical.sum()) == pytest.approx(1)


def test_the_default_target_is_what_the_model_says() -> None:
    cloud = cloud_of(400)
    classifier = build()
    assert isinstance(classifier, Classifier)
    best = classifier.classify(cloud, top=1, up="y")[0][0]
    found = importance(classifier, cloud)
    assert found.target == best
    assert torch.equal(found.saliency, importance(classifier, cloud, best.upper()).saliency)
    segmenter = build("eat-seg-tiny")
    assert isinstance(segmenter, Segmenter)
    for bias, expected in (([0.0, 9.0, 0.0], "cup/b"), ([0.0, 0.0, 9.0], "chair/a")):
        with torch.no_grad():
            segmenter.last.bias.copy_(torch.tensor(bias))
        assert importance(segmenter, cloud).target == expected


def test_up_and_meshes() -> None:
    model = build()
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    found = importance(model, mesh, "cup", up="z")
    assert found.sample.face is not None
    assert not torch.allclose(found.saliency, importance(model, mesh, "cup").saliency)


def test_the_model_is_left_as_it_was() -> None:
    model = build().train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        importance(model, cloud_of())
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_a_model_without_a_maximum_has_no_critical_points() -> None:
    found = importance(build(pooling=("mean",)), cloud_of())
    assert found.critical.isnan().all() and found.nearby.isnan().all()
    assert found.saliency.isfinite().all()


def test_refuses_what_it_does_not_know() -> None:
    model, segmenter = build(), build("eat-seg-tiny")
    with pytest.raises(InputError, match=r"no target 'chairs' \(did you mean 'chair'\?\)"):
        importance(model, cloud_of(), "chairs")
    with pytest.raises(InputError, match="no target 'cup'"):
        importance(segmenter, cloud_of(), "cup")
    with pytest.raises(InputError, match="votes is 0; it must be a whole number of at least 1"):
        importance(model, cloud_of(), votes=0)
    with torch.no_grad():
        segmenter.last.bias.copy_(torch.tensor([99.0, 0.0, 0.0]))  # type: ignore[union-attr, operator]
    with pytest.raises(InputError, match="no point is given the part 'cup/b'; there is cup/a"):
        importance(segmenter, cloud_of(), "cup/b")
