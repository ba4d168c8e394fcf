"""EAMLP's block against its equations, in float64 and one number at a time."""

import math

import pytest
import torch
from torch import Tensor

from pcea.geometry import unit_sphere
from pcea.models import create_model
from pcea.models.encoder import AttentionLayer, Residual

Matrix = list[list[float]]


def linear(rows: Matrix, weight: Tensor, bias: Tensor | None = None) -> Matrix:
    weights, shift = weight.tolist(), [0.0] * len(weight) if bias is None else bias.tolist()
    pairs = list(zip(weights, shift, strict=True))
    return [
        [sum(w * v for w, v in zip(each, row, strict=True)) + b for each, b in pairs]
        for row in rows
    ]


def normalized(rows: Matrix, norm: torch.nn.LayerNorm) -> Matrix:
    weight, bias, result = norm.weight.tolist(), norm.bias.tolist(), []
    for row in rows:
        mean = sum(row) / len(row)
        variance = sum((v - mean) ** 2 for v in row) / len(row)
        scaled = [(v - mean) / math.sqrt(variance + 1e-5) for v in row]
        result.append([w * v + b for w, v, b in zip(weight, scaled, bias, strict=True)])
    return result


def heads(rows: Matrix, num: int, mk: Matrix, mv: Matrix) -> Matrix:
    """Each head: softmax over the points, unit sum over the slots, times Mv; concatenated."""
    width, joined = len(rows[0]) // num, [list[float]() for _ in rows]
    for head in range(num):
        own = [row[head * width : (head + 1) * width] for row in rows]
        e = [[math.exp(sum(a * b for a, b in zip(f, k, strict=True))) for k in mk] for f in own]
        sums = [sum(column) for column in zip(*e, strict=True)]
        for n, row in enumerate(e):
            share = [a / total for a, total in zip(row, sums, strict=True)]
            weights = [a / (sum(share) + 1e-9) for a in share]
            columns = zip(*mv, strict=True)
            joined[n] += [sum(a * v for a, v in zip(weights, c, strict=True)) for c in columns]
    return joined


def added(one: Matrix, other: Matrix) -> Matrix:
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(one, other, strict=True)]


@pytest.mark.parametrize("real", [6, 4])
def test_the_block_of_eamlp(real: int) -> None:
    torch.manual_seed(0)
    block = AttentionLayer(8, "multihead-external-wide", "pre-norm", slots=5).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    x = torch.randn(1, 6, 8, dtype=torch.float64)
    out, _ = block(x, torch.zeros(1, 6, 3), None if real == 6 else torch.arange(6)[None] < real)

    attention, rows = block.attention, x[0, :real].tolist()
    assert attention.query.weight.shape == (32, 8) and attention.memory.mk.shape == (5, 2)
    wide = linear(normalized(rows, block.norm), attention.query.weight)
    memory = attention.memory
    read = heads(wide, 16, memory.mk.tolist(), memory.values.tolist())
    rows = added(rows, linear(read, attention.project.weight, attention.project.bias))
    norm, first, _, second = block.mlp
    hidden = linear(normalized(rows, norm), first.weight, first.bias)
    hidden = [[v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in row] for row in hidden]
    rows = added(rows, linear(hidden, second.weight, second.bias))
    expected = torch.tensor(rows, dtype=torch.float64)
    torch.testing.assert_close(out[0, :real], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("outward", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_the_side_of_normals_does_not_matter_if_they_are_turned_outward(
    generator: torch.Generator, *, outward: bool, training: bool
) -> None:
    torch.manual_seed(0)
    encoder = create_model("eat-seg-tiny", normals=True, outward=outward).encoder.train(training)
    normal = unit_sphere(torch.randn(2, 64, 3, generator=generator))
    pos = 0.3 * normal + torch.tensor([0.1, 0.0, 0.0])
    one, other = encoder(pos, normal)[-1].x, encoder(pos, -normal)[-1].x
    assert torch.equal(one, other) == outward


def test_gradients_of_the_block(generator: torch.Generator) -> None:
    block = AttentionLayer(4, "multihead-external-wide", "pre-norm", slots=3).double()
    x = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    pos = torch.zeros(2, 5, 3)
    assert torch.autograd.gradcheck(lambda x: block(x, pos, mask)[0][mask], x, fast_mode=True)


@pytest.mark.parametrize(
    ("name", "options", "residual", "depth"),
    [
        ("eamlp", {}, "pre-norm", 7),
        ("eamlp-seg", {}, "pre-norm", 7),
        ("eamlp-tiny", {"residual": "offset"}, "offset", 4),
        ("eat-tiny", {"residual": "pre-norm", "attention": "self"}, "pre-norm", 4),
    ],
)
def test_blocks_by_the_residual(
    name: str, options: dict[str, str], residual: Residual, depth: int
) -> None:
    layers = create_model(name, **options).encoder.layers
    assert [each.residual for each in layers] == [residual] * depth


def test_a_complement_goes_through_the_same_block_without_the_input(
    generator: torch.Generator,
) -> None:
    block = AttentionLayer(8, "caam", "pre-norm").double().eval()
    x, pos = (torch.randn(2, 5, n, generator=generator, dtype=torch.float64) for n in (8, 3))
    first, second = block(x, pos, None)
    causal, confounder = block.attention(block.norm(x), pos, complement=True).chunk(2)
    for found, y in ((first, x + causal), (second, confounder)):
        torch.testing.assert_close(found, y + block.mlp(y))
