"""A page that shows shapes on its own: one file, no network, no server."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from tempfile import TemporaryFile
from typing import Any

import torch
from numpy.typing import NDArray

from pcea.errors import InputError
from pcea.formats import replacing
from pcea.pictures.colormap import colors_of

Content = dict[str, Any]


class NothingToShow(InputError):
    """A page was to be written of no shape at all."""


def page(shapes: Sequence[Content], dark: bool = False) -> str:
    """Put a page together; its title is the names of the shapes.

    Args:
        shapes: each from :func:`pcea.viewer.html.of_shape`.
        dark: whether the page begins dark. Default false.

    Returns:
        A whole HTML document.
    """
    head, foot = _frame([shape["name"] for shape in shapes], dark)
    return head + ", ".join(map(_as_json, shapes)) + foot


def write_page(path: str | os.PathLike[str], shapes: Iterable[Content], dark: bool = False) -> None:
    """Write the same page as a file that opens from disk, whole or not at all.

    Each shape is written and forgotten before the next one is asked for.

    Args:
        path: where it goes.
        shapes: each from :func:`pcea.viewer.html.of_studies` or
            :func:`pcea.viewer.html.of_shape`.
        dark: whether the page begins dark. Default false.

    Raises:
        NothingToShow: there is no shape.
        InputError: the file cannot be written.
    """
    names: list[str] = []
    # The title stands before the shapes and is known after them, so they wait in a file of their
    # own: beside the page, where there is room for what may be too large for memory.
    with replacing(path) as file, TemporaryFile(dir=Path(file.name).parent) as waiting:
        for shape in shapes:
            waiting.write((", " if names else "").encode() + _as_json(shape).encode())
            names.append(shape["name"])
            del shape  # else it would stay until the next one is there
        if not names:
            raise NothingToShow(f"{path}: there is no shape to show")
        head, foot = _frame(names, dark)
        waiting.seek(0)
        file.write(head.encode())
        shutil.copyfileobj(waiting, file)
        file.write(foot.encode())


def packed(array: NDArray[Any]) -> str:
    """Write numbers so that a page can unpack them: gzip in base 64."""
    return base64.b64encode(gzip.compress(array.tobytes(), 6, mtime=0)).decode()


def _frame(names: Sequence[str], dark: bool) -> tuple[str, str]:
    """What stands before the shapes and what stands behind them."""
    steps = torch.linspace(0, 1, 256)
    maps = {name: packed(colors_of(steps, 0, 1, name).numpy()) for name in ("viridis", "coolwarm")}
    rest = _as_json({"dark": dark, "maps": maps}).removeprefix("{")
    text = files("pcea.viewer").joinpath("page.html").read_text("utf-8")
    head, _, foot = text.partition("$content")
    title = escape(", ".join(names) or "pcea")
    return Template(head).substitute(title=title) + '{"shapes": [', f"], {rest}{foot}"


def _as_json(value: Content) -> str:
    # Inside a script, only "<" can end it; names come from files.
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
