"""Models with a complementary attention against the equations of their layers."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from pcea.models import create_model
from pcea.models.encoder import AttentionLayer

SMALL: dict[str, Any] = {
    "dims": (8, 8, 16),
    "num": (12, 8),
    "k": 4,
    "depth": 2,
    "fused": 16,
    "hidden": (16, 8),
    "dropout": 0.0,
}


@pytest.mark.parametrize("residual", ["offset", "add", "none", "pre-norm"])
def test_only_the_first_output_passes_its_input_on(residual: Any) -> None:
    """x_c = x + MLP(causal) and x_s = MLP(confounder), with one BatchNorm over both."""
    torch.manual_seed(0)
    layer = AttentionLayer(8, "caam", residual).double()
    x = torch.randn(3, 6, 8, dtype=torch.float64)
    mask = torch.arange(6) < torch.tensor([[6], [4], [6]])
    first, second = layer(x, x[..., :3], mask)
    given = layer.norm(x) if residual == "pre-norm" else x
    causal, confounder = layer.attention(given, None, mask, complement=True).chunk(2)
    if layer.mlp is not None:
        wanted = x + causal + layer.mlp(x + causal), confounder + layer.mlp(confounder)
    elif layer.transform is None:
        wanted = causal, confounder
    else:
        if residual == "offset":
            causal, confounder = x - causal, -confounder
        linear = torch.stack([layer.transform.linear(each) for each in (causal, confounder)])
        real = linear[mask.expand(2, -1, -1)]
        scaled = (linear - real.mean(0)) / (real.var(0, unbiased=False) + 1e-5).sqrt()
        mlp = F.relu(scaled) * mask.unsqueeze(-1)
        wanted = x + mlp[0], mlp[1]
    torch.testing.assert_close((first, second), wanted)


def test_the_next_layer_takes_the_sum() -> None:
    torch.manual_seed(0)
    encoder = create_model("eat-tiny", attention="caam", **SMALL).encoder.eval()
    given: list[torch.Tensor] = []
    for layer in encoder.layers:
        layer.register_forward_hook(lambda _, args, out: given.extend([args[0], sum(out)]))
    encoder(F.normalize(torch.randn(2, 24, 3), dim=-1))
    torch.testing.assert_close(given[2], given[1])


@pytest.mark.parametrize("name", ["eat-tiny", "eat-seg-tiny"])
def test_features_come_first_then_those_of_the_complements(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, attention="caam", **SMALL).eval()
    pos = F.normalize(torch.randn(2, 24, 3), dim=-1)
    category = torch.tensor([1, 0])
    first, second, _ = model.features(pos, None, category, complements=True).chunk(3)
    torch.testing.assert_close(model.last_layer(first), model(pos, None, category))
    assert not torch.allclose(first, second)
    # Without the embedding, and with attention that reads 0, nothing is left for the complement.
    with torch.no_grad():
        for layer in model.encoder.layers:
            layer.attention.project.weight.zero_()
            layer.attention.project.bias.zero_()
            layer.transform.linear.bias.zero_()
            layer.transform.norm.bias.zero_()
            layer.transform.norm.running_mean.zero_()
        tokens = model.encoder(pos, None, None, complements=True)[-1].x[2:4]
        empty = model.encoder.fuse(torch.zeros(2, tokens.shape[1], 48))
        features = model.features(pos, None, category, complements=True).chunk(3)
    torch.testing.assert_close(tokens, empty)
    # All clouds and points are then alike in the complement, whatever their category is.
    for each, alike in zip(features, (False, True, False), strict=True):
        assert torch.allclose(each, each.flatten(0, -2)[0].expand_as(each), atol=1e-6) == alike
