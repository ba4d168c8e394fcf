"""A shape in a cell of a notebook."""

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
    """A page with one shape, which a notebook shows in a cell; :meth:`save` writes it to a file."""

    def __init__(self, text: str, height: int) -> None:
        self._text, self._height = text, height

    def __repr__(self) -> str:
        return f"ShapePage({len(self._text) / 2**20:.1f} MiB)"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to one file, which opens from disk.

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
    """Show a shape in a notebook, with values, parts or what a model predicts of it.

    Args:
        shape: a mesh of V vertices or a cloud of V points, or anything that
            :func:`pcea.as_shape` takes.
        values: (V,) or (V, K) real values, or (V,) whole numbers, the part of each vertex or point.
        names: the names of the K columns, or of the parts from 0. Default: their numbers.
        model: a model, or its name or weights, whose parts, attention and importance to show
            instead of values.
        up: the shape's up axis; with a model, ``auto`` guesses it.
        height: the height in a notebook, in pixels.
        dark: whether the page begins dark.

    Raises:
        InputError: values and a model are given, or the values or names do not fit.
    """
    shape = as_shape(shape)
    if model is not None:
        model = load_model(model) if isinstance(model, (str, Path)) else model
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
