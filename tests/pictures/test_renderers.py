"""Who draws where something is missing, and what is said about it."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest
import torch

from pcea import Cloud, InputError
from pcea.pictures import egl
from pcea.pictures.render import render
from pcea.pictures.renderers import choose_renderer

# pcea.pictures has a function of the module's name.
renderers = importlib.import_module("pcea.pictures.renderers")


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """What works is found out once; here, each time anew."""
    renderers._missing.cache_clear()
    renderers._say_once.cache_clear()
    yield
    renderers._missing.cache_clear()
    renderers._say_once.cache_clear()


def test_without_a_driver(
    open3d: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def closed(width: int, height: int) -> Iterator[None]:
        yield None

    monkeypatch.setattr(egl, "window", closed)
    with caplog.at_level(logging.WARNING):
        assert choose_renderer() == "raycast"
        assert choose_renderer() == "raycast"
    (record,) = caplog.records
    assert record.getMessage().count("\n") == 0
    assert "'raycast'" in record.getMessage() and "EGL" in record.getMessage()
    with pytest.raises(InputError, match="'egl' does not work here: Open3D opens no window"):
        choose_renderer("egl")


def test_without_open3d(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def missing() -> None:
        raise InputError("Open3D does not start (libGL.so.1: cannot open shared object file)")

    monkeypatch.setattr(renderers, "import_open3d", missing)
    with caplog.at_level(logging.WARNING):
        picture = render(Cloud(torch.zeros(1, 3)), size=(16, 16))
    assert (picture != 255).any()
    (record,) = caplog.records
    assert "'software'" in record.getMessage() and "libGL.so.1" in record.getMessage()
    assert renderers.renderers()["software"] == ""
    with pytest.raises(InputError, match="'raycast' does not work here: Open3D does not start"):
        choose_renderer("raycast")


def test_a_driver_that_fails_for_real() -> None:
    """In a process of its own, with no vendor's library to be found."""
    script = (
        "import torch; from pcea import Cloud; from pcea.pictures.render import render;"
        "from pcea.pictures.renderers import renderers;"
        "picture = render(Cloud(torch.zeros(1, 3)), size=(16, 16));"
        "assert (picture != 255).any(); assert renderers()['egl']; print('drawn')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env={**_without_display(), "__EGL_VENDOR_LIBRARY_FILENAMES": "/nonexistent"},
    )
    if "assert renderers()['egl']" in done.stderr:
        pytest.skip("this machine's EGL does not heed __EGL_VENDOR_LIBRARY_FILENAMES")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "drawn\n"
    assert done.stderr.count("\n") == 1, done.stderr


def _without_display() -> dict[str, str]:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY")
    return {key: value for key, value in os.environ.items() if key not in hidden}


def test_a_window_leaves_triton_loadable(open3d: ModuleType) -> None:
    pytest.importorskip("triton")
    program = """
from pcea.pictures import egl
with egl.window(16, 16):
    pass
import triton
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
