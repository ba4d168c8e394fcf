"""Compiling where nothing can be kept, and what people see of it."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from numba import njit

from pcea.geometry.kernels import compiled


def test_compiles_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    real = compiled.njit

    def without_a_folder(cache: bool = False, **options: bool) -> Callable[..., Any]:
        if cache:
            raise RuntimeError("cannot cache function 'add': no locator available")
        return real(**options)  # type: ignore[no-any-return]

    monkeypatch.setattr(compiled, "njit", without_a_folder)
    assert compiled.compiled(lambda a, b: a + b)(2, 3) == 5


@pytest.mark.parametrize("terminal", [True, False])
def test_people_at_a_terminal_see_what_they_wait_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    inner = njit(lambda x: x + 1)
    assert njit(lambda x: inner(x) * 2)(3) == 8  # two compilations, one within the other
    shown = capsys.readouterr().err
    assert shown.count("compiling for this processor") == terminal
    assert shown.endswith("\r\x1b[K") == terminal
