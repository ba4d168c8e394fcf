"""Maps of one cloud: those that `explain` gives, and the saliency of a linear model."""

from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor

from pcea.datasets import Batch, Taxonomy
from pcea.explanation import explain
from pcea.explanation.faithfulness.maps import cloud_maps
from pcea.formats import Cloud
from pcea.models import Classifier, Segmenter, create_model
from pcea.models.info import ModelInfo

TWO = Taxonomy(("cup", "chair"))
SMALL: dict[str, Any] = {"depth": 2, "k": 4, "num": (16, 8), "dims": (8, 8, 8), "fused": 16}


class Linear(Classifier):
    """Logits that are linear in the positions."""

    def forward(self, pos: Tensor, *_: Any) -> Tensor:
        self.encoder(pos)
        return (pos @ self.weight).sum(1)

    weight = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])


def batch(generator: Generator, num: int = 60) -> Batch:
    pos = torch.randn(1, num, 3, generator=generator)
    return Batch(pos, torch.tensor([1]))


def test_saliency_of_a_linear_model(generator: Generator) -> None:
    model = Linear(ModelInfo("linear", TWO, num_points=60), **SMALL).eval()
    model.clean = False
    found = cloud_maps(model, batch(generator), generator)
    # Of the true category, 1: 2 y.
    torch.testing.assert_close(found.values["saliency"], 2 * found.pos[:, 1])


class LinearParts(Segmenter):
    """Logits of the parts of each point that are linear in its position."""

    weight = torch.randn(3, 160, generator=Generator().manual_seed(1))

    def forward(self, pos: Tensor, *_: Any) -> Tensor:
        self.encoder(pos)
        return pos @ self.weight


def test_saliency_of_a_linear_segmenter(generator: Generator) -> None:
    # More categories than points, of two parts each.
    names = tuple(f"c{i}" for i in range(80))
    parts = tuple(f"{name}/{i}" for name in names for i in range(2))
    taxonomy = Taxonomy(names, parts, tuple((2 * i, 2 * i + 1) for i in range(80)))
    model = LinearParts(ModelInfo("linear", taxonomy, num_points=60), **SMALL).eval()
    model.clean = False
    truth = 158 + torch.randint(2, (1, 60), generator=generator)
    cloud = replace(batch(generator), category=torch.tensor([79]), part=truth)
    found = cloud_maps(model, cloud, generator)
    logits = found.pos @ model.weight
    torch.testing.assert_close(found.values["saliency"], logits.gather(1, truth[0, :, None])[:, 0])
    # Of each part, the logit is the highest at one of the points that are given it.
    given = 158 + logits[:, 158:].argmax(1)
    expected = {
        part: int(logits[:, part].where(given == part, -torch.inf).argmax()) for part in (158, 159)
    }
    # Points that are given another part have a saliency of 0.
    assert all(logits[point, part] > 0 for part, point in expected.items())
    assert found.of_parts == expected


def test_attention_is_that_of_explain(generator: Generator) -> None:
    for attention in "external", "self":
        torch.manual_seed(0)
        model = create_model("eat-tiny", TWO, attention=attention, num_points=60, **SMALL)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.momentum = 1.0  # statistics of a batch, or all points would seem alike
        model(torch.randn(4, 60, 3, generator=generator).clamp(-1, 1))
        model.eval()
        cloud = batch(generator)
        found = cloud_maps(model, cloud, generator)
        why = explain(model, Cloud(cloud.pos[0]), up="y", votes=1, target="chair", slots=9)
        assert why.importance is not None
        torch.testing.assert_close(found.values["saliency"], why.importance.saliency)
        torch.testing.assert_close(found.values["critical"], why.importance.nearby)
        for name, (layer, column) in found.columns.items():
            expected = why.values(why.columns(layer, 1, column))[:, 0]
            torch.testing.assert_close(found.values[name], expected)
        if attention == "external":
            assert list(found.values) == ["slots", "slot", "any_slot", "critical", "saliency"]
            shares = torch.stack([each.shares.mean(1) for each in why.maps]).mean(0)
            torch.testing.assert_close(found.values["slots"], shares)
            assert len(found.peaks) == 2 * 64
            assert int(found.peaks[70]) == int(why.maps[1].values[0, :, 6].argmax())
        else:
            assert list(found.values) == ["received", "query", "critical", "saliency"]
            received = torch.stack([each.values.mean(0)[:, 0] for each in why.maps]).mean(0)
            torch.testing.assert_close(found.values["received"], received)
            assert found.columns["query"][1] > 0
            assert len(found.peaks) == 2 * 4


def test_a_flat_map_has_no_order(generator: Generator) -> None:
    model = create_model("eat-tiny", TWO, attention="mean", num_points=60, **SMALL).eval()
    found = cloud_maps(model, batch(generator), generator)
    assert bool((found.values["received"] == 0).all())  # and not rounding errors around 1


def test_the_columns_of_another_model(generator: Generator) -> None:
    torch.manual_seed(0)
    one, other = (create_model("eat-tiny", TWO, num_points=60, **SMALL).eval() for _ in range(2))
    cloud = batch(generator)
    columns = cloud_maps(one, cloud, generator).columns
    assert cloud_maps(other, cloud, generator, columns=columns).columns == columns
