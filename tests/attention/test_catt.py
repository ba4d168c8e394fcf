"""CATT against its equation, in float64 and edge by edge, and its two maps."""

import math
from typing import Any

import pytest
import torch

from pcea.attention import create_attention
from pcea.attention.catt import CATTAttention
from pcea.attention.self_attention import SelfAttention
from pcea.errors import InputError
from pcea.testing import ATTENTION_CHECKS
from pcea.testing.attention import AttentionTrial


@pytest.mark.parametrize("real", [5, 3])
@pytest.mark.parametrize(("heads", "slots"), [(1, 3), (2, 1), (4, 7)])
def test_equation(heads: int, slots: int, real: int) -> None:
    torch.manual_seed(0)
    dim, width = 8, 8 // heads
    attention = CATTAttention(dim, heads, slots).double()
    x = torch.randn(1, 5, dim, dtype=torch.float64)
    mask = torch.arange(5)[None] < real
    out, across = attention.attend(x, mask=mask)
    forward = attention(x, mask=mask)
    attention.map_kind = "points"
    same, within = attention.attend(x, mask=mask)

    wq, wk, wv = attention.qkv.weight.detach().split(dim)
    read = torch.zeros(real, 2 * dim, dtype=torch.float64)
    maps = (torch.zeros(heads, 5, 5).double(), torch.zeros(heads, 5, slots).double())
    for which, source in enumerate((x[0, :real], attention.dictionary.detach())):
        for head in range(heads):
            own = slice(head * width, (head + 1) * width)
            for n in range(real):
                query = x[0, n] @ wq[own].T
                scores = [float(query @ (wk[own] @ s)) / math.sqrt(width) for s in source]
                total = sum(math.exp(score) for score in scores)
                first = head * 2 * width + which * width
                for m, score in enumerate(scores):
                    weight = math.exp(score) / total
                    maps[which][head, n, m] = weight
                    read[n, first : first + width] += weight * (wv[own] @ source[m])
    expected = read @ attention.project.weight.T + attention.project.bias
    for found in (out, forward, same):
        torch.testing.assert_close(found[0, :real], expected, rtol=0, atol=1e-12)
    for found, map_of in zip((within, across), maps, strict=True):
        torch.testing.assert_close(found[0], map_of, rtol=0, atol=1e-12)


@pytest.mark.parametrize("check", ATTENTION_CHECKS, ids=lambda check: check.__name__)
def test_it_holds_with_the_map_over_points(check: Any) -> None:
    trial = AttentionTrial("catt", slots=5)
    trial.module.map_kind, trial.among_points = "points", True
    check(trial)


def test_with_a_dictionary_that_is_not_projected_it_is_self_attention() -> None:
    torch.manual_seed(0)
    plain, causal = SelfAttention(16), CATTAttention(16)
    with torch.no_grad():
        causal.qkv.weight.copy_(plain.qkv.weight)
        causal.project.bias.copy_(plain.project.bias)
        # In each head, the first channels are those of the cloud.
        causal.project.weight.zero_()
        heads = causal.project.weight.unflatten(1, (4, 8))
        heads[:, :, :4] = plain.project.weight.unflatten(1, (4, 4))
    x = torch.randn(2, 9, 16)
    torch.testing.assert_close(causal(x), plain(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 3}, "3 heads do not divide 16 channels"),
        ({"slots": 0}, "slots is 0; it must be"),
        ({"slot": 8}, "did you mean 'slots'"),
    ],
)
def test_wrong_options(options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_attention("catt", 16, **options)
