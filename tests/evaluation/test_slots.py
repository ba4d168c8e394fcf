import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from pcea.attention import Attention
from pcea.datasets import Clouds, Taxonomy
from pcea.errors import InputError
from pcea.evaluation.slots import measure_slots
from pcea.models import PointModel, create_model
from pcea.models.embedding import Tokens
from pcea.models.info import ModelInfo
from pcea.models.preparing import Prepared

PARTS = Taxonomy(
    ("bar", "slab"), ("bar/low", "bar/high", "slab/low", "slab/high"), ((0, 1), (2, 3))
)
Map = Callable[[Tensor], Tensor]


def stub(make: Map, kind: str = "slots") -> Any:
    """A model whose one attention map (B, H, M, S) a test makes from the points (B, M, 3)."""

    class Made(Attention):
        map_kind = kind

        def attend(
            self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
        ) -> tuple[Tensor, Tensor]:
            return x, make(x)

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = Made()
            self.layers = [SimpleNamespace(attention=self.attention)]
            self.attentions = [self.attention]

        def forward(self, pos: Tensor, normal: Tensor | None) -> list[Tokens]:
            assert not self.training and not torch.is_grad_enabled()
            return [Tokens(pos, self.attention(pos, pos, None), None)]

    encoder: Any = Encoder()
    model: Any = PointModel(ModelInfo("stub", PARTS, num_points=64), encoder)
    model.prepare = lambda pos, normal: Prepared(pos, normal, None)
    return model


def halves(num: int, generator: Generator, points: int = 80) -> Clouds:
    """Balls in turn of two categories, of which what is above y = 0.2 is one part."""
    pos = torch.randn(num, points, 3, generator=generator)
    pos = pos / pos.norm(dim=-1, keepdim=True)
    category = torch.arange(num) % 2
    return Clouds.from_dense(pos, category, part=2 * category[:, None] + (pos[..., 1] > 0.2))


def high(pos: Tensor) -> Tensor:
    """Slots that lie on the upper part, on the lower one, everywhere, and on one point."""
    upper = (pos[..., 1] > 0.2).float()
    one = torch.zeros_like(upper)
    one[:, 0] = 1.0
    return torch.stack([upper, 1 - upper, torch.full_like(upper, 0.3), one], dim=-1)[:, None]


def test_slots_that_are_parts(generator: Generator) -> None:
    found = measure_slots(stub(high), halves(12, generator), PARTS, repeats=20)
    assert (found.kind, found.clouds, found.points, found.repeats) == ("slots", 12, 64, 20)
    upper, lower, everywhere, one = found.slots
    for slot, which in ((upper, "high"), (lower, "low")):
        assert slot.nmi == pytest.approx(1.0, abs=1e-6)
        assert slot.auc == 1.0 and slot.part in (f"bar/{which}", f"slab/{which}")
        assert slot.shuffled_mean < 0.02 and slot.shuffled_95 < 0.05
        assert slot.shuffled_mean < slot.slabs_mean < slot.slabs_95
        assert slot.lift == slot.nmi - slot.slabs_mean > 0.4
        assert slot.above_chance is True
        assert slot.part_agreement == pytest.approx(1.0, abs=1e-5)
        # The same place in both categories: agreement says nothing of this one.
        assert slot.agreement > 0.7 and slot.agreement_elsewhere > 0.7
    assert everywhere.entropy == pytest.approx(1.0, abs=1e-6)
    assert everywhere.nmi == 0.0 and everywhere.above_chance is False
    assert everywhere.agreement is None and everywhere.part_agreement is None
    assert one.entropy == pytest.approx(0.0, abs=1e-6)
    assert found.telling()[:2] in ([upper, lower], [lower, upper])
    # A point's strongest slot is the upper or the lower one, but for the first point.
    (layer,) = found.layers
    assert layer.nmi > 0.85 and layer.above_chance == 0.5
    assert layer.entropy == pytest.approx(sum(each.entropy for each in found.slots) / 4)


def test_the_entropy_of_part_of_a_shape(generator: Generator) -> None:
    clouds = halves(6, generator, points=64)
    found = measure_slots(stub(high), clouds, PARTS, repeats=1)
    inside = clouds.part.view(6, 64).remainder(2).sum(1)
    expected = sum(math.log(n) / math.log(64) for n in inside.tolist()) / 6
    assert found.slots[0].entropy == pytest.approx(expected, abs=1e-6)


def test_random_slots_are_at_chance(generator: Generator) -> None:
    noise = Generator().manual_seed(1)

    def make(pos: Tensor) -> Tensor:
        return torch.rand(len(pos), 2, pos.shape[1], 20, generator=noise)

    found = measure_slots(stub(make), halves(20, generator), PARTS, repeats=50)
    assert len(found.slots) == 40
    assert [(each.head, each.slot) for each in found.slots[19:22]] == [(0, 19), (1, 0), (1, 1)]
    mean = sum(each.nmi for each in found.slots) / 40
    chance = sum(each.shuffled_mean for each in found.slots) / 40
    assert mean == pytest.approx(chance, rel=0.35)
    # One in twenty is above its own 95th percentile, and fewer are above both.
    assert sum(each.above_chance for each in found.slots) <= 5
    for layer in found.layers:
        assert abs(layer.nmi - layer.shuffled_mean) < 3 * (layer.shuffled_95 - layer.shuffled_mean)
    assert all(abs(each.agreement) < 0.1 for each in found.slots)


def test_place_apart_from_part(generator: Generator) -> None:
    # Each shape is lit on a side of its own: no two agree, and no part is meant.
    def make(pos: Tensor) -> Tensor:
        side = torch.randn(len(pos), 3, 1, generator=Generator().manual_seed(2))
        return ((pos @ side) > 0).float()[:, None]

    (slot,) = measure_slots(stub(make), halves(32, generator), PARTS, repeats=50).slots
    assert abs(slot.agreement) < 0.2
    assert slot.nmi < 0.1


def test_what_points_receive(generator: Generator) -> None:
    def make(pos: Tensor) -> Tensor:
        weights = high(pos)[:, 0, :, :2].transpose(1, 2)  # (B, H = 2, M): what is received
        return weights.unsqueeze(2).expand(-1, -1, pos.shape[1], -1).contiguous()

    found = measure_slots(stub(make, "points"), halves(8, generator), PARTS, repeats=4)
    assert found.kind == "points"
    assert [(each.head, each.slot) for each in found.slots] == [(0, None), (1, None)]
    assert all(each.nmi == pytest.approx(1.0, abs=1e-6) for each in found.slots)
    assert found.slots[1].name == "layer 0 head 1 received"
    assert [each.nmi for each in found.layers] == [None, None]


def test_received_is_the_mean_of_the_rows(generator: Generator) -> None:
    # Every point attends to the next one but the first half, which all attend to point 5.
    def make(pos: Tensor) -> Tensor:
        weights = torch.eye(64).roll(1, 1)
        weights[:32] = torch.eye(64)[5]
        return weights.expand(len(pos), 1, 64, 64)

    (slot,) = measure_slots(stub(make, "points"), halves(2, generator), PARTS, repeats=1).slots
    expected = (0.5 * math.log(2) + 32 / 64 * math.log(64)) / math.log(64)
    assert slot.entropy == pytest.approx(expected, abs=1e-6)


def test_without_parts(generator: Generator) -> None:
    clouds = halves(4, generator)
    bare = Clouds(clouds.pos, clouds.ptr, clouds.category, names=clouds.names)
    found = measure_slots(stub(high), bare, Taxonomy(("bar", "slab")))
    assert {each.nmi for each in found.slots} == {each.part for each in found.slots} == {None}
    assert found.slots[0].agreement > 0.7 and found.slots[0].lift is None
    assert found.telling() == sorted(found.slots, key=lambda each: -(each.gain or 0.0))
    assert found.slots[0].gain == found.slots[0].agreement - found.slots[0].agreement_elsewhere
    assert found.auc.shape == (4, 0)


def test_a_part_that_hardly_occurs_is_nobodys_best(generator: Generator) -> None:
    clouds = halves(8, generator).select([0, 1, 2, 3, 4, 6])  # two slabs
    found = measure_slots(stub(high), clouds, PARTS, repeats=1)
    assert {each.part.partition("/")[0] for each in found.slots} == {"bar"}
    assert bool((found.auc[0, [1, 3]] == 1).all())  # but what was measured is there


def test_rows_are_flat_and_json(generator: Generator) -> None:
    found = measure_slots(stub(high), halves(4, generator), PARTS, repeats=3)
    rows = json.loads(json.dumps(found.rows(), allow_nan=False))
    assert len(rows) == 4
    assert rows[0]["slabs_mean"] == found.slots[0].slabs_mean
    assert rows[0]["lift"] == found.slots[0].lift
    assert rows[2]["agreement"] is None
    assert json.loads(json.dumps(found.summary()["layers"]))[0]["shuffled_95"] >= 0


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    tiny = {"depth": 2, "k": 4, "num": (24, 16), "fused": 16, "dims": (8, 8, 8), "hidden": (8, 8)}
    options = {"attention": "multihead-external", "attention_options": {"heads": 2, "slots": 3}}
    return create_model("eat-seg-tiny", PARTS, num_points=48, **tiny, **options).train()


def test_a_real_model_whatever_the_batch(model: Any, generator: Generator) -> None:
    clouds = halves(7, generator)
    one = measure_slots(model, clouds, PARTS, batch_size=7, repeats=5, seed=3)
    assert model.training
    assert (one.points, len(one.slots), len(one.layers)) == (16, 2 * 2 * 3, 2 * 2)
    many = measure_slots(model, clouds, PARTS, batch_size=2, repeats=5, seed=3)
    for a, b in zip(
        one.rows() + one.summary()["layers"], many.rows() + many.summary()["layers"], strict=True
    ):
        assert a == pytest.approx(b, abs=1e-4)
    again = measure_slots(model, clouds, PARTS, batch_size=7, repeats=5, seed=3)
    assert again.rows() == one.rows()
    other = measure_slots(model, clouds, PARTS, repeats=5, seed=4)
    assert other.rows() != one.rows()


def test_against_loops_in_float64(model: Any, generator: Generator) -> None:
    """The figures of one slot from the map, by other code than the package's."""
    clouds = halves(6, generator, points=48)  # all points are seen, only their order is drawn
    found = measure_slots(model, clouds, PARTS, repeats=1)
    batch = clouds.batch(range(6), 48, Generator().manual_seed(0))
    maps: list[Tensor] = []
    for each in model.encoder.layers:
        each.attention.register_forward_hook(
            lambda attention, given, _: maps.append(attention.attend(*given)[1])
        )
    with torch.no_grad():
        tokens = model.eval().encoder(batch.pos, None)[-1]
    head, slot, layer = 1, 2, 1
    column = maps[layer][:, head, :, slot].double()
    lit: dict[tuple[int, bool, int], int] = {}
    entropies = []
    for shape in range(6):
        share = (column[shape] / column[shape].sum()).tolist()
        entropies.append(-sum(p * math.log(p) for p in share) / math.log(16))
        for point, p in enumerate(share):
            at = next(i for i in range(48) if torch.equal(batch.pos[shape, i],
                                                          tokens.pos[shape, point]))  # fmt: skip
            key = (shape % 2, p > 1 / 16 * 1.0001, int(batch.part[shape, at]))
            lit[key] = lit.get(key, 0) + 1
    figures = []
    for category in range(2):
        joint = {key[1:]: n / 48 for key, n in lit.items() if key[0] == category}
        rows = [sum(p for (a, _), p in joint.items() if a is on) for on in (True, False)]
        columns = {part: sum(p for (_, b), p in joint.items() if b == part) for _, part in joint}
        bits = [-sum(p * math.log(p) for p in each if p) for each in (rows, columns.values())]
        both = -sum(p * math.log(p) for p in joint.values())
        figures.append((bits[0] + bits[1] - both) / math.sqrt(bits[0] * bits[1]))
    row = next(each for each in found.slots if (each.layer, each.head, each.slot) == (1, 1, 2))
    assert row.entropy == pytest.approx(sum(entropies) / 6, abs=1e-5)
    assert row.nmi == pytest.approx(sum(figures) / 2, abs=1e-9)


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"num_points": 1.5}, {"batch_size": "8"}])
def test_wrong_arguments(wrong: dict[str, Any], generator: Generator) -> None:
    ((name, value),) = wrong.items()
    words = f"^{name} is {value!r}; it must be a whole number of at least 1$"
    with pytest.raises(InputError, match=words):
        measure_slots(stub(high), halves(2, generator), PARTS, **wrong)
