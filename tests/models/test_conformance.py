"""What every model holds with every attention: a new one is tested by being registered."""

import pytest
import torch
from torch import Tensor

from pcea.attention import list_attentions
from pcea.datasets import Taxonomy
from pcea.explanation import explain
from pcea.formats import Cloud
from pcea.models import PointModel, create_model, list_models
from pcea.testing import check_model

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))
# More points than the tiny models keep, so that sampling is part of what is tested.
NUM = 300

CASES = [(name, None) for name in list_models()]
# Their own attention is "external".
OTHERS = [attention for attention in list_attentions() if attention != "external"]
# They take the two tasks in turn: what an attention itself must hold is tested in tests/attention.
CASES += [(("eat-tiny", "eat-seg-tiny")[i % 2], each) for i, each in enumerate(OTHERS)]
every_model = pytest.mark.parametrize(
    ("name", "attention"), CASES, ids=[f"{name}-{a or 'own'}" for name, a in CASES]
)


def build(name: str, attention: str | None, **options: int) -> PointModel:
    torch.manual_seed(0)
    chosen = options if attention is None else {**options, "attention": attention}
    return create_model(name, PARTS, normals=True, num_points=64, **chosen)


@pytest.fixture
def pos(generator: torch.Generator) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(2, NUM, 3, generator=generator), dim=-1)


@every_model
def test_it_holds_what_every_model_must(name: str, attention: str | None) -> None:
    # Further layers hold what two of them hold, and take as long.
    check_model(name, depth=2, **({} if attention is None else {"attention": attention}))


@every_model
@torch.no_grad()
def test_explaining_changes_nothing(name: str, attention: str | None, pos: Tensor) -> None:
    model = build(name, attention).train()
    cloud = Cloud(pos[0], pos[0])
    batch = model.sample(cloud)
    blind = model.eval()(batch.pos, batch.normal)
    found = explain(model.train(), cloud, up="y", votes=1, importance=False)
    assert model.training
    assert torch.equal(model.eval()(batch.pos, batch.normal), blind)
    assert torch.equal(found.probability, blind[0].softmax(-1))


@every_model
def test_every_layer_shows_its_map(name: str, attention: str | None, pos: Tensor) -> None:
    model = build(name, attention)
    found = explain(
        model, Cloud(pos[0] * 3 + 1, pos[0]), up="y", votes=2, slots=6, importance=False
    )
    assert len(found.maps) == len(model.encoder.layers)
    for layer, each in enumerate(found.maps):
        assert each.layer == layer
        assert each.values.shape[1:] == (2 * 64, len(each.columns))
        assert each.values.isfinite().all() and each.values.min() >= 0
        assert (each.query is None) == (each.kind == "slots")
    short = model.attention(Cloud(pos[0], pos[0]), 1, "y")
    assert all(len(each) == NUM and each.isfinite().all() and each.min() >= 0 for each in short)


@pytest.mark.parametrize("attention", list_attentions())
def test_a_compiled_model_shows_the_same(attention: str, pos: Tensor) -> None:
    model = build("eat-seg-tiny", attention)
    cloud = Cloud(pos[0], pos[0])
    options = {"up": "y", "votes": 1, "importance": False}
    expected = explain(model, cloud, **options)
    wrapped = explain(torch.compile(model, backend="eager"), cloud, **options)
    model.compile(backend="eager")
    for found in (wrapped, explain(model, cloud, **options)):
        assert torch.equal(found.probability, expected.probability)
        for each, other in zip(found.maps, expected.maps, strict=True):
            assert torch.equal(each.values, other.values)
