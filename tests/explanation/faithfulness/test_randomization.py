"""Shuffled weights: which ones, in which order, and that nothing of them is left."""

from typing import Any

import torch
from torch import Generator, Tensor, nn

from pcea.datasets import Taxonomy
from pcea.evaluation.association import rank_correlation
from pcea.explanation.faithfulness.curves import Labeled
from pcea.explanation.faithfulness.randomization import shuffle_from_the_output
from pcea.models import PointModel, create_model

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))
SMALL: dict[str, Any] = {"depth": 2, "k": 4, "num": (16, 8), "dims": (16, 16, 16), "fused": 32}


def made(name: str = "eat-tiny") -> tuple[PointModel, Labeled]:
    torch.manual_seed(0)
    model = create_model(name, PARTS, hidden=(16, 16), **SMALL).eval().requires_grad_(False)
    model.clean = False
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape))
    pos = torch.randn(5, 40, 3, generator=Generator().manual_seed(1)) * 0.4
    return model, Labeled(pos, None, torch.tensor([0, 1, 0, 1, 0]), None, False)


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: each.clone() for name, each in model.named_parameters()}


def test_from_the_head_to_the_embedding(generator: Generator) -> None:
    for name in "eat-tiny", "eat-seg-tiny":
        model, clouds = made(name)
        before = weights(model)
        seen = list[str]()
        for block in shuffle_from_the_output(model, clouds, 3, generator):
            seen.append(block)
            for key, value in weights(model).items():
                own = key.split(".")
                where = "head" if own[0] != "encoder" else " ".join(own[1:3])
                where = where.replace("layers", "layer")
                if not where.startswith("layer ") and where != "head":
                    where = own[1]
                assert torch.equal(value, before[key]) == (where not in seen or len(value) < 2), key
        assert seen == ["head", "fuse", "layer 1", "layer 0", "embedding"]


def test_nothing_is_left_but_the_numbers(generator: Generator) -> None:
    model, clouds = made()
    before = weights(model)
    list(shuffle_from_the_output(model, clouds, 3, generator))
    after = weights(model)
    for name, value in before.items():
        assert torch.equal(value.flatten().sort().values, after[name].flatten().sort().values)
    one, other = (torch.cat([each.flatten() for each in both.values()]) for both in (before, after))
    assert len(one) > 3000
    assert abs(float(rank_correlation(one, other))) < 0.06


def test_statistics_fit_the_shuffled_weights(generator: Generator) -> None:
    model, clouds = made()
    old = {name: each.clone() for name, each in model.named_buffers()}
    blocks = shuffle_from_the_output(model, clouds, 5, generator)
    next(blocks)
    for name, value in model.named_buffers():
        assert name.startswith("encoder") == torch.equal(value, old[name]), name
    # With one batch of all clouds, the statistics are those of the inputs of the first norm.
    features = model.encoder(clouds.pos)[-1].pool("max", "mean")
    head: Any = model.head
    expected = head[0].linear(features)
    torch.testing.assert_close(head[0].norm.running_mean, expected.mean(0))
    torch.testing.assert_close(head[0].norm.running_var, expected.var(0))
    assert not any(module.training for module in model.modules())
