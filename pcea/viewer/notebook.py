"""A shape in a notebook's cell."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from numpy.typing import ArrayLike
from torch import Tensor

from pcea.errors import InputError, checked
from pcea.formats import ShapeLike, as_shape, replacing
from pcea.formats.checked import as_tensor
from pcea.models import PointModel, load_model
from pcea.pictures.palette import palette
from pcea.viewer.document import Content, of_columns, of_parts, of_shape, of_studies, page, places
from pcea.viewer.panels import Columns
from pcea.viewer.study import Study


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


@checked(height=1)
def show(
    shape: ShapeLike,
    values: ArrayLike | Tensor | None = None,
    *,
    names: Sequence[str] | None = None,
    model: PointModel | str | Path | None = None,
    up: str = "y",
    height: int = 480,
    dark: bool = False,
) -> ShapePage:
    """Show a shape, with values or parts or what a model makes of it; in a notebook, in its cell.

    Args:
        shape: a mesh of V vertices or a cloud of V points, or what :func:`pcea.as_shape` takes.
        values: (V,) or (V, K) real values, or (V,) whole numbers: the part of each place.
        names: what the K columns, or the parts from 0, are called. Default: their numbers.
        model: whose attention, parts and importance to show instead of values; a name or weights
            are loaded by :func:`pcea.load_model`.
        up: the shape's up axis; with a model, ``auto`` lets it guess.
        height: pixels that a notebook gives it.
        dark: whether it begins dark.

    Raises:
        InputError: values and a model are given, or the values or names do not fit.
    """
    shape = as_shape(shape)
    if model is not None:
        model = model if isinstance(model, PointModel) else load_model(model)
        if values is not None:
            raise InputError("show: give values or a model, not both")
        content = of_studies([Study(model, shape, up)])
    else:
        modes = []
        if values is not None:
            stack = _described(values, names, len(places(shape)))
            name = "parts" if "legend" in stack else "values"
            modes = [{"name": name, "choice": "", "choices": [""], "stacks": [stack]}]
        content = of_shape(shape, up, [{"modes": modes}])
    return ShapePage("".join(page([content], dark)), height)


def _described(values: ArrayLike | Tensor, names: Sequence[str] | None, num: int) -> Content:
    known = as_tensor(values, "show: values").detach().cpu()
    if known.ndim not in (1, 2) or len(known) != num:
        raise InputError(
            f"show: values must have shape ({num},) or ({num}, K), not {tuple(known.shape)}"
        )
    if known.ndim == 1 and not known.is_floating_point():
        return _parts(known.long(), names)
    table = known.float().reshape(num, -1)
    columns = ("value",) if table.shape[1] == 1 else map(str, range(table.shape[1]))
    called = tuple(names or columns)
    if len(called) != table.shape[1]:
        raise InputError(f"show: {len(called)} names do not fit {table.shape[1]} columns")
    title = called[0] if len(called) == 1 else "values"
    return of_columns(Columns(title, table[None], called))


def _parts(ids: Tensor, names: Sequence[str] | None) -> Content:
    if len(ids) and int(ids.min()) < 0:
        raise InputError("show: parts must be numbers from 0")
    present, ids = ids.unique(return_inverse=True)  # a page numbers parts in 16 bits
    if len(present) > 1 << 16:
        raise InputError(f"show: at most {1 << 16} different parts, not {len(present)}")
    if names and len(present) and len(names) <= present[-1]:
        raise InputError(f"show: {len(names)} names do not fit {int(present[-1]) + 1} parts")
    called = [names[part] if names else str(part) for part in present.tolist()]
    return of_parts("parts", called, palette(512)[present % 512], ids, ids)
