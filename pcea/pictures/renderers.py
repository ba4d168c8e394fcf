"""Who draws: which renderers work on this machine, and why the others do not."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Literal

from pcea.errors import InputError, nearest
from pcea.formats.open3d import import_open3d
from pcea.pictures import egl

Renderer = Literal["auto", "egl", "raycast", "software"]
RENDERERS: tuple[Renderer, ...] = ("auto", "egl", "raycast", "software")

_log = logging.getLogger(__name__)


def choose_renderer(wish: Renderer = "auto") -> Renderer:
    """Say which renderer will draw.

    Args:
        wish: one of :data:`RENDERERS`.

    Returns:
        It, or for ``"auto"`` the first that works here; where that is not the first of all, one
        line in the log says why, once.

    Raises:
        InputError: it does not work here, or there is none of that name.
    """
    if wish not in RENDERERS:
        raise InputError(f"no renderer is called {wish!r}{nearest(wish, RENDERERS)}")
    if wish == "auto":
        chosen = next(name for name in RENDERERS[1:] if not _missing(name))
        _say_once(chosen)
        return chosen
    if missing := _missing(wish):
        raise InputError(f"the renderer {wish!r} does not work here: {missing}; take 'auto'")
    return wish


def renderers() -> dict[str, str]:
    """Say which renderers work here.

    Returns:
        For each its name, and why it does not work: one line, or nothing where it does.
    """
    return {name: _missing(name) for name in RENDERERS[1:]}


@lru_cache
def _missing(name: Renderer) -> str:
    if name == "software":
        return ""
    try:
        import_open3d()
        if name == "raycast":
            return ""
        with egl.window(16, 16) as opened:
            return egl.NO_EGL if opened is None else ""
    except InputError as error:
        return str(error)


@lru_cache
def _say_once(chosen: Renderer) -> None:
    if chosen != "egl":
        _log.warning("pictures are drawn by %r, slower: %s", chosen, _missing("egl"))
