"""Calibrated models, and what they say of shapes that they know and of others."""

import copy
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import pcea
from pcea.datasets import PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.evaluation import evaluate, make_trustworthy
from pcea.models import Classifier, Segmenter, create_model
from pcea.models.familiarity import Familiarity, strangeness
from pcea.models.info import ModelInfo
from pcea.models.prediction import Prediction

OPTIONS = {"dims": (8, 8, 16), "num": (16, 8), "k": 4, "depth": 1, "fused": 16, "hidden": (16, 8)}


@pytest.fixture(scope="module")
def splits() -> list[PointCloudDataset]:
    names = ("train", "val")
    return [load_dataset("shapes", each, num_per_category=6, num_points=64) for each in names]


@pytest.fixture
def model(splits: list[PointCloudDataset]) -> Classifier:
    torch.manual_seed(0)
    model = create_model("eat-tiny", splits[0].taxonomy, **OPTIONS)
    assert isinstance(model, Classifier)
    model.info = replace(model.info, num_points=64)
    with torch.no_grad():
        for _ in range(30):  # BatchNorm learns what features are like
            model.train()(splits[0].clouds.batch(range(32), 64).pos)
        model.last_layer.weight.mul_(20)  # much too sure of itself
    return model.eval()


@pytest.fixture(scope="module")
def trained_segmenter(splits: list[PointCloudDataset]) -> Segmenter:
    torch.manual_seed(0)
    model = create_model("eat-seg-tiny", splits[0].taxonomy, normals=True, **OPTIONS)
    assert isinstance(model, Segmenter)
    model.info = replace(model.info, num_points=64)
    optimizer = torch.optim.Adam(model.train().parameters(), lr=0.005)
    for _ in range(60):
        batch = splits[0].clouds.batch(torch.randperm(len(splits[0]))[:32], 64)
        logits = model(batch.pos, batch.normal).transpose(1, 2)
        torch.nn.functional.cross_entropy(logits, batch.part).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@pytest.fixture
def segmenter(trained_segmenter: Segmenter) -> Segmenter:
    return copy.deepcopy(trained_segmenter)


def best_temperature(logits: Tensor, target: Tensor) -> float:
    """Try many temperatures, in float64."""
    tried = torch.logspace(-1, math.log10(50), 5_001, dtype=torch.float64)
    losses = [
        float(torch.nn.functional.cross_entropy(logits.double() / each, target)) for each in tried
    ]
    return float(tried[losses.index(min(losses))])


def test_answers_stay_and_probabilities_become_true(
    model: Classifier, splits: list[PointCloudDataset], tmp_path: Path
) -> None:
    train, val = (each.clouds for each in splits)
    before = evaluate(model, val, 64)
    with torch.no_grad():
        model_logits = model(val.batch(range(len(val)), 64).pos)
    found = make_trustworthy(model, train, val, 64)
    after = evaluate(model, val, 64)
    assert torch.equal(before.prediction, after.prediction)
    assert found.temperature == pytest.approx(
        best_temperature(model_logits, val.category), rel=1e-3
    )
    assert found.temperature > 2 and found.after.log_loss < found.before.log_loss
    assert found.before.log_loss == pytest.approx(before.figures(["log_loss"])["log_loss"])
    assert found.after.log_loss == pytest.approx(after.figures(["log_loss"])["log_loss"], rel=1e-4)
    assert torch.equal(found.right, after.prediction == val.category) and not found.all_right
    with torch.no_grad():
        distance = model.familiarity.distance(model.features(val.batch(range(len(val)), 64).pos))
    usual = strangeness(distance, after.probability) <= found.limits["strangeness"] + 1e-5
    assert usual.double().mean() == pytest.approx(0.95, abs=0.01)
    assert torch.equal(found.sure, usual & (after.probability.amax(1) >= 0.5))

    pcea.save_model(model, tmp_path / "m.safetensors")
    again = pcea.load_model(tmp_path / "m.safetensors")
    assert again.info.limits == found.limits
    shape = pcea.Cloud(val[0].pos)
    one, other = (each.predict(shape, votes=2, up="y") for each in (model, again))
    assert one.distance == pytest.approx(other.distance) and one.distance is not None
    features = again.features(torch.cat([each.input.pos for each in other.encoded]))
    assert again.familiarity is not None
    mean = again.familiarity.distance(features).mean()
    assert other.distance == pytest.approx(mean.item(), rel=1e-4)
    (_, first), (_, second) = other.best(2)
    wanted = other.distance - 0.1 * math.log(first / second)
    assert other.strangeness == pytest.approx(wanted, rel=1e-4)


def test_a_segmenter_keeps_its_parts_and_learns_how_true_its_categories_are(
    segmenter: Segmenter, splits: list[PointCloudDataset], tmp_path: Path
) -> None:
    model, (train, val) = segmenter, (each.clouds for each in splits)
    weights = {name: each.clone() for name, each in model.state_dict().items()}
    before = evaluate(model, val, 64, use_category=False)
    found = make_trustworthy(model, train, val, 64)
    after = evaluate(model, val, 64, use_category=False)

    assert all(torch.equal(model.state_dict()[name], each) for name, each in weights.items())
    assert torch.equal(before.prediction, after.prediction)
    calibrated = (before.category_probability.log() / found.temperature).softmax(-1)
    torch.testing.assert_close(after.category_probability, calibrated, rtol=1e-4, atol=1e-7)

    drawn = torch.Generator().manual_seed(1)
    batches = [val.batch(index, 64, drawn) for index in torch.arange(len(val)).split(32)]
    with torch.no_grad():
        logits = torch.cat([model(each.pos, each.normal) for each in batches])
        part = logits.softmax(-1).mean(1)  # of all points
        features = torch.cat([model.features(each.pos, each.normal).mean(1) for each in batches])
        distance = model.familiarity.distance(features)
    own = [part[:, list(ids)].sum(1) for ids in splits[0].taxonomy.parts_of]
    logits = torch.stack(own, 1).log()
    assert found.temperature == model.info.category_temperature != 1
    assert found.temperature == pytest.approx(best_temperature(logits, val.category), rel=1e-3)
    calibrated = (logits / found.temperature).softmax(-1)
    assert torch.equal(found.right, calibrated.argmax(1) == val.category)
    assert found.right.any() and not found.right.all()
    usual = strangeness(distance, calibrated) <= found.limits["strangeness"] + 1e-5
    assert usual.double().mean() == pytest.approx(0.95, abs=0.01)
    assert torch.equal(found.sure, usual & (calibrated.amax(1) >= 0.5))

    pcea.save_model(model, tmp_path / "m.safetensors")
    again = pcea.load_model(tmp_path / "m.safetensors")
    assert again.info.category_temperature == found.temperature
    shape = pcea.Cloud(val[0].pos, normal=val[0].normal)
    one, other = (each.predict(shape, votes=2, up="y") for each in (model, again))
    assert one.distance == pytest.approx(other.distance) and one.distance is not None
    assert one.best(3) == other.best(3)
    given = model.predict(shape, votes=1, up="y", category=val.names[0].split("/")[0])
    assert given.distance is None and given.strangeness is None and not given.doubts


def test_the_order_of_points_in_a_cloud_hardly_matters_to_a_segmenter(
    segmenter: Segmenter, splits: list[PointCloudDataset]
) -> None:
    found = []
    for key in (torch.rand(1024), None):
        several = []
        for split in ("train", "val"):
            clouds = load_dataset("shapes", split, num_per_category=3, num_points=1024).clouds
            order = torch.cat(
                [
                    int(start) + (cloud.pos[:, 1] if key is None else key).argsort()
                    for start, cloud in zip(clouds.ptr[:-1], clouds, strict=True)
                ]
            )
            several.append(
                replace(
                    clouds,
                    pos=clouds.pos[order],
                    normal=clouds.normal[order],
                    part=clouds.part[order],
                )
            )
        model = copy.deepcopy(segmenter)
        found.append(make_trustworthy(model, *several, 64))
    shuffled, by_height = found
    assert by_height.before.log_loss == pytest.approx(shuffled.before.log_loss, rel=0.1)


def test_a_second_calibration_changes_hardly_anything(
    segmenter: Segmenter, splits: list[PointCloudDataset]
) -> None:
    train, val = (each.clouds for each in splits)
    first = make_trustworthy(segmenter, train, val, 64).temperature
    assert make_trustworthy(segmenter, train, val, 64).temperature == pytest.approx(1, abs=1e-3)
    assert segmenter.info.category_temperature == pytest.approx(first, rel=1e-3)


def answer(model: Classifier, limits: dict[str, float]) -> Prediction:
    model.info = replace(model.info, limits=limits)
    shape = torch.randn(64, 3, generator=torch.Generator().manual_seed(3))
    return model.predict(pcea.Cloud(shape), votes=1, up="y")


def test_doubts_by_the_limits(model: Classifier, splits: list[PointCloudDataset]) -> None:
    assert answer(model, {}).unsure is None
    make_trustworthy(model, *(each.clouds for each in splits), 64)
    sure = answer(model, {"probability": 0.0, "strangeness": 1e9})
    assert sure.unsure is False and not sure.doubts and "unsure" not in sure.summary
    low = answer(model, {"probability": 1.01, "strangeness": 1e9})
    assert low.unsure and ["less than 101 %" in each for each in low.doubts] == [True]
    far = answer(model, {"probability": 0.0, "strangeness": -9.0})
    assert ["19 of 20 validation shapes" in each for each in far.doubts] == [True]
    both = answer(model, {"probability": 1.01, "strangeness": -9.0})
    assert len(both.doubts) == 2 and "unsure" in both.summary
    assert {f"the answer is unsure: {each}" for each in both.doubts} <= set(both.notes)


def test_too_few_clouds(model: Classifier, splits: list[PointCloudDataset]) -> None:
    train, val = (each.clouds for each in splits)
    with pytest.raises(InputError, match="at least 2 clouds"):
        make_trustworthy(model, train, val.select([0]), 64)


@pytest.mark.parametrize(
    "limits",
    [{"strangeness": "x"}, [1], None, {"other": 1.0}, {"strangeness": 10**400}]
    + [{"probability": -1}, {"distance": 1.0}, {"strangeness": -math.inf}],
)
def test_broken_limits_are_refused(model: Classifier, limits: Any) -> None:
    text = json.loads(replace(model.info, limits={"strangeness": -1.0}).to_json())
    assert ModelInfo.from_json(json.dumps(text)).limits == {"strangeness": -1.0}
    with pytest.raises(InputError, match=r"limit|not a description of a pcea model"):
        ModelInfo.from_json(json.dumps({**text, "limits": limits}))


def test_a_limit_that_cannot_be_measured_says_nothing(model: Classifier) -> None:
    assert answer(model, {"strangeness": 1.0}).unsure is None


def test_if_all_answers_are_right_the_temperature_stays(
    model: Classifier, splits: list[PointCloudDataset]
) -> None:
    train, val = (each.clouds for each in splits)
    right = evaluate(model, val, 64).prediction
    found = make_trustworthy(model, train, replace(val, category=right), 64)
    assert found.temperature == 1 and found.right.all() and found.all_right


def test_labels_that_the_model_lacks_leave_it_as_it_was(
    model: Classifier, splits: list[PointCloudDataset]
) -> None:
    train, val = (each.clouds for each in splits)
    weight = model.last_layer.weight.clone()
    with pytest.raises(InputError, match="knows no category"):
        make_trustworthy(model, replace(train, category=train.category + 9), val, 64)
    assert torch.equal(model.last_layer.weight, weight) and not model.info.limits


def test_the_familiarity_of_another_model_is_refused(
    model: Classifier, splits: list[PointCloudDataset], tmp_path: Path
) -> None:
    model.familiarity = Familiarity(3, 7)
    pcea.save_model(model, tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="do not fit model"):
        pcea.load_model(tmp_path / "m.safetensors")
