"""What every attention must do. A new one is tested here by being registered."""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pcea.attention import create_attention, list_attentions
from pcea.testing import ATTENTION_CHECKS
from pcea.testing.attention import AttentionTrial

CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in list_attentions()),
    ("external", {"tied": True, "slots": 5}),
    ("external", {"query": False}),
    ("external", {"norm": "points"}),
    ("external", {"norm": "slots"}),
    ("multihead-external", {"heads": 8, "expand": 4, "slots": 7, "tied": True}),
    ("self", {"heads": 1}),
    ("offset", {"query_dim": 3}),
    ("halo", {"block": 4, "halo": 2}),
]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: " ".join([case[0], *map(str, case[1].items())])
)
@pytest.mark.parametrize("check", ATTENTION_CHECKS, ids=lambda check: check.__name__)
def test_it_holds(check: Any, case: tuple[str, dict[str, Any]]) -> None:
    check(AttentionTrial(case[0], **case[1]))


class LargestTensor(TorchDispatchMode):
    """Records how many elements the largest tensor has that an operation returns."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for each in torch.utils._pytree.tree_leaves(result):
            if isinstance(each, torch.Tensor):
                self.elements = max(self.elements, each.numel())
        return result


@pytest.mark.parametrize("name", ["efficient", "external", "halo", "linear", "multihead-external"])
def test_no_tensor_grows_with_the_square_of_the_points(name: str) -> None:
    """The largest tensor of a forward pass has at most as many values per point at any size."""
    attention, largest = create_attention(name, 8), []
    for points in (1 << 12, 1 << 16):
        x, pos = torch.randn(1, points, 8), torch.randn(1, points, 3)
        with torch.no_grad(), LargestTensor() as seen:
            attention(x, pos, torch.ones(1, points, dtype=torch.bool))
        largest.append(seen.elements / points)
    assert largest[1] <= largest[0] <= 1024
