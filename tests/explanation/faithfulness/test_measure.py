"""All figures together, of small models with every attention."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from pcea.attention import list_attentions
from pcea.datasets import Clouds, Taxonomy
from pcea.errors import InputError
from pcea.explanation import Faithfulness, measure_faithfulness
from pcea.explanation.faithfulness.curves import area
from pcea.explanation.faithfulness.measure import BASELINES
from pcea.models import Classifier, PointModel, create_model
from pcea.models.info import ModelInfo

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a", "chair/b"), ((0, 1), (2, 3)))
SMALL: dict[str, Any] = {"depth": 1, "k": 4, "num": (24, 12), "dims": (8, 8, 8), "fused": 16}


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    """Curves of four points instead of twelve, which are measured in a third of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pcea.explanation.faithfulness.curves.GIVEN", (0.1, 0.4, 0.7, 1.0))
        yield


def clouds(num: int = 6, points: int = 80, parts: bool = True) -> Clouds:
    pos = torch.randn(num, points, 3, generator=Generator().manual_seed(0))
    pos = pos / pos.norm(dim=-1, keepdim=True)
    category = torch.arange(num) % 2
    part = 2 * category[:, None] + (pos[..., 1] > 0).long() if parts else None
    return Clouds.from_dense(pos, category, part=part)


def build(name: str = "eat-tiny", **options: Any) -> PointModel:
    torch.manual_seed(0)
    model = create_model(name, PARTS, num_points=64, hidden=(8, 8), **{**SMALL, **options})
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0  # statistics of a batch, or all points would seem alike
    pos = clouds().pos.view(6, 80, 3)
    model(pos, pos)
    return model.eval()


def measure(model: PointModel, data: Clouds | None = None, **how: Any) -> Faithfulness:
    return measure_faithfulness(model, data or clouds(), **{"repeats": 2, **how})


@pytest.fixture(scope="module")
def found(few_steps: None) -> Faithfulness:
    return measure(build(), num_clouds=3)


class Reader(Classifier):
    """The more points there are with x > 1/2, the surer it is of category 0."""

    def forward(self, pos: Tensor, *_: Any) -> Tensor:
        self.encoder(pos)
        read = (pos[..., 0] - 0.5).relu().sum(1)
        return torch.stack([read, 4 - read], dim=1)


def test_saliency_finds_the_points_that_are_read() -> None:
    pos = clouds().pos.view(6, 80, 3)[:4]
    data = Clouds.from_dense(pos, torch.zeros(4))
    found = measure(Reader(ModelInfo("reader", PARTS, num_points=40), **SMALL), data, repeats=4)
    for curves in found.deletion, found.insertion:
        own = curves["saliency"].over["random"]
        assert own.mean > own.margin
        assert own.mean == max(each.over["random"].mean for each in curves.values() if each.over)
    # Saliency does not depend on any weight: the check must say so.
    assert found.correlation["saliency"] == pytest.approx([1.0] * len(found.blocks))
    assert found.notes[0] == "the points have no part labels, so there is no pointing game"
    assert found.pointing == {}


@pytest.mark.parametrize("attention", list_attentions())
def test_every_attention(attention: str) -> None:
    found = measure(build(attention=attention), num_clouds=2, num_points=24, repeats=1)
    assert (found.attention, found.clouds, found.left_out) == (attention, 2, 0)
    own = {"slots": {"slots", "slot", "any_slot"}, "points": {"received", "query"}}[str(found.kind)]
    measured = own | {"critical", "saliency"}
    assert set(found.correlation) == measured
    assert set(found.deletion) == measured | {"shuffled_weights", "random", "regions"}
    assert list(found.deletion) == list(found.insertion)
    # Attention does not depend on what comes after it.
    assert found.blocks == ("head", "fuse", "layer 0", "embedding")
    for name in own:
        # The same map as before, or one without an order on one of the two clouds or on both.
        before = found.correlation[name][0]
        assert any(before == pytest.approx(each, abs=1e-6) for each in (0.0, 0.5, 1.0))
        assert found.correlation[name][1] == pytest.approx(before, abs=1e-6)
        if attention != "identity":  # whose map depends on no weight
            assert found.correlation[name][-1] < 0.99
    json.dumps(found.summary(), allow_nan=False)


def test_what_the_curves_are(found: Faithfulness) -> None:
    assert found.inserted[-1] == 1.0 and found.deleted[0] == 0.0
    assert found.deleted == pytest.approx([1 - each for each in reversed(found.inserted)])
    # All points are given at the end of an insertion and at the start of a deletion.
    whole = {each.probability[-1] for each in found.insertion.values()}
    whole |= {each.probability[0] for each in found.deletion.values()}
    assert max(whole) - min(whole) < 1e-6
    for each in found.insertion.values():
        under = area(torch.tensor(each.probability), torch.tensor(found.inserted))
        assert each.probability_area == pytest.approx(float(under), abs=1e-6)
    for curves, sign in ((found.deletion, -1), (found.insertion, 1)):
        for name, each in curves.items():
            assert set(each.over) == (set() if name in BASELINES else set(BASELINES))
            for baseline, gain in each.over.items():
                expected = each.probability_area - curves[baseline].probability_area
                assert gain.mean == pytest.approx(sign * expected, abs=1e-6)
    one, other = found.deletion["random"], found.insertion["random"]
    assert one.probability == tuple(reversed(other.probability))


def test_a_segmenter() -> None:
    model = build("eat-seg-tiny", normals=True).train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = measure(model, clouds(4), num_points=40, repeats=1)
    assert set(found.pointing) == {"slots", "saliency"}
    assert found.pointing["slots"].trials == 4 * 64  # each cloud is a trial once
    for game in found.pointing.values():
        assert 0.3 < game.chance < 0.7 and game.shuffled_weights is not None
    assert found.notes == ()
    assert model.training and model.clean
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_the_size_of_a_batch_does_not_matter(found: Faithfulness) -> None:
    for name, each in measure(build(), num_clouds=3, batch_size=2).deletion.items():
        if name != "shuffled_weights":
            assert each.probability == pytest.approx(found.deletion[name].probability, abs=1e-5)


def test_models_without_maps() -> None:
    found = measure(build(depth=0, pooling=("mean",)))
    assert found.kind is None
    assert list(found.deletion) == ["saliency", "random", "regions"]
    assert list(found.deletion["saliency"].over) == ["random", "regions"]
    assert found.notes[0] == "eat-tiny has no attention map"
    assert found.notes[1] == "eat-tiny pools no maximum, so it has no critical points"


def test_refuses_what_it_cannot_measure() -> None:
    with pytest.raises(InputError, match="num_clouds is 1; it must be a whole number of at least"):
        measure(build(), num_clouds=1)
    with pytest.raises(InputError, match="num_points is 2; it must be a whole number of at least"):
        measure(build(), num_points=2)  # one step is no curve
    with pytest.raises(InputError, match="no part labels to evaluate 'eat-seg-tiny' by"):
        measure(build("eat-seg-tiny"), clouds(parts=False))
    with pytest.raises(InputError, match="'eat-tiny' knows no category 2"):
        measure(build(), Clouds.from_dense(clouds(2).pos.view(2, 80, 3), torch.tensor([2, 0])))
    pos = clouds(3).pos.view(3, 80, 3).clone()
    pos[:2, 1:] = 0.001 * pos[:2, 1:]
    data = Clouds.from_dense(pos, torch.zeros(3))
    with pytest.raises(InputError, match="1 of 3 clouds can be measured, and 2 are needed"):
        measure(build(), data, num_points=80)


def test_notes() -> None:
    pos = clouds(3).pos.view(3, 80, 3).clone()
    pos[0, 1:] = 0.001 * pos[0, 1:]
    data = Clouds.from_dense(1000 * pos, torch.zeros(3))  # in any unit
    found = measure(build(attention="mean"), data, num_points=80, repeats=1)
    assert (found.clouds, found.left_out) == (2, 1)
    assert found.notes[0].startswith("1 of 3 clouds were left out")
    assert found.notes[-2].startswith("attention received: all points of 2 of 2 clouds have the")
