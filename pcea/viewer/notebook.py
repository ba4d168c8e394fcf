"""A shape in a notebook's cell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.errors import InputError
from pcea.formats import ShapeLike, as_shape, replacing
from pcea.models import PointModel
from pcea.pictures.palette import palette
from pcea.viewer.document import of_columns, of_parts, of_shape, of_study, page
from pcea.viewer.paint import Legend
from pcea.viewer.study import Study, places


class ShapePage:
    """A shape on a page of its own. A notebook shows it; :meth:`save` keeps it."""

    def __init__(self, text: str, height: int) -> None:
        self._text, self._height = text, height

    def __repr__(self) -> str:
        return f"ShapePage({len(self._text) / 2**20:.1f} MiB)"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, which opens from disk and needs no other file.

        Raises:
            InputError: the file cannot be written.
        """
        with replacing(path) as file:
            file.write(self._text.encode())

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self._text)}" sandbox="allow-scripts" '
            f'style="width: 100%; height: {self._height}px; border: 0"></iframe>'
        )


def show(
    shape: ShapeLike,
    values: ArrayLike | Tensor | None = None,
    *,
    names: Sequence[str] | None = None,
    model: PointModel | None = None,
    up: str = "y",
    height: int = 480,
    dark: bool = False,
) -> ShapePage:
    """Show a shape, with values or parts or what a model makes of it; in a notebook, in its cell.

    Args:
        shape: a mesh of V vertices or a cloud of V points, or what :func:`pcea.as_shape` takes.
        values: (V,) or (V, K) real values, or (V,) whole numbers: the part of each place.
        names: what the K columns, or the parts from 0, are called. Default: their numbers.
        model: whose attention, parts and importance to show instead of values.
        up: the shape's up axis; with a model, ``auto`` lets it guess.
        height: pixels that a notebook gives it.
        dark: whether it begins dark.

    Raises:
        InputError: values and a model are given, or the values or names do not fit.
    """
    shape = as_shape(shape)
    if model is not None:
        if values is not None:
            raise InputError("show: give values or a model, not both")
        study = Study(model, shape, up)
        return ShapePage(page([of_shape(study.drawn, study.up, [of_study(study)])], dark), height)
    modes = [] if values is None else [_mode(values, names, len(places(shape)))]
    studies = [{"title": "", "prediction": [], "modes": modes}]
    return ShapePage(page([of_shape(shape, up, studies)], dark), height)


def _mode(values: ArrayLike | Tensor, names: Sequence[str] | None, num: int) -> dict[str, object]:
    known = (
        values.detach().cpu() if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
    )
    if known.ndim not in (1, 2) or len(known) != num:
        raise InputError(
            f"show: values must have shape ({num},) or ({num}, K), not {tuple(known.shape)}"
        )
    if not known.is_floating_point() and known.ndim == 1:
        return {"name": "parts"} | _parts(known.long(), names)
    table = known.float().reshape(num, -1).T[None]  # (1, K, V)
    columns = list(names or (["value"] if table.shape[1] == 1 else map(str, range(table.shape[1]))))
    if len(columns) != table.shape[1]:
        raise InputError(f"show: {len(columns)} names do not fit {table.shape[1]} columns")
    maps = ["viridis"] * len(columns)
    title = columns[0] if len(columns) == 1 else "values"
    return {"name": "values", "stacks": [of_columns(title, [""], columns, maps, table)]}


def _parts(ids: Tensor, names: Sequence[str] | None) -> dict[str, object]:
    if len(ids) and int(ids.min()) < 0:
        raise InputError("show: parts must be numbers from 0")
    num = int(ids.max()) + 1 if len(ids) else 0
    called = list(names or map(str, range(num)))
    if len(called) < num:
        raise InputError(f"show: {len(called)} names do not fit {num} parts")
    shares = ids.bincount(minlength=len(called)) / max(1, len(ids))
    colors = [(r, g, b) for r, g, b in palette(len(called)).tolist()]
    legend = zip(called, colors, shares.tolist(), strict=True)
    present = tuple(entry for entry in legend if entry[2] > 0)
    return of_parts(ids, Legend("parts", present), colors)
