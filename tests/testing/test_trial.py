"""The public checks hold under ``python -O`` too, which leaves ``assert`` out."""

import ast
from pathlib import Path

import pytest
import torch

import pcea.testing
from pcea.testing.trial import require


def test_what_does_not_hold_is_said() -> None:
    require(torch.tensor(True), "fine")
    with pytest.raises(AssertionError, match="it does not"):
        require(torch.tensor(False), "it does not")


@pytest.mark.parametrize(
    "file", sorted(Path(pcea.testing.__path__[0]).glob("*.py")), ids=lambda file: file.name
)
def test_assert_statements_only_tell_types(file: Path) -> None:
    """``assert x is not None`` is for the type checker: without it, using x fails as well."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Assert):
            compared = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
            assert all(ast.unparse(each).endswith(" is not None") for each in compared)
