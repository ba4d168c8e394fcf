"""What every attention must do. A new one is tested here by being registered."""

from typing import Any

import pytest

from pcea.attention import list_attentions
from pcea.testing import ATTENTION_CHECKS
from pcea.testing.attention import AttentionTrial

CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in list_attentions()),
    ("external", {"tied": True, "slots": 5}),
    ("external", {"query": False}),
    ("multihead-external", {"heads": 8, "expand": 4, "slots": 7, "tied": True}),
    ("self", {"heads": 1}),
    ("offset", {"query_dim": 3}),
]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: " ".join([case[0], *map(str, case[1].items())])
)
@pytest.mark.parametrize("check", ATTENTION_CHECKS, ids=lambda check: check.__name__)
def test_it_holds(check: Any, case: tuple[str, dict[str, Any]]) -> None:
    check(AttentionTrial(case[0], **case[1]))
