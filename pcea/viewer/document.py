"""A page that shows shapes on its own: one file, no network, no server."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.defaults import TAILS
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, replacing
from pcea.pictures.colormaps import colors_of, limits
from pcea.viewer.paint import Legend, legend_of
from pcea.viewer.panels import Columns, Parts
from pcea.viewer.study import Study, places, stand, vertex_normals

# How many values of attention a page holds for each study: beyond, it holds the mean of the heads,
# and then only the columns that vary most.
MOST_VALUES = 12_000_000

Content = dict[str, Any]


class NothingToShow(InputError):
    """A page was to be written of no shape at all."""


def export_html(
    path: str | os.PathLike[str], studies: Iterable[Sequence[Study]], dark: bool = False
) -> None:
    """Write shapes and what models make of them as one page that opens from disk.

    Args:
        path: where it goes; written whole or not at all.
        studies: for each shape, its studies, one per model. A generator that makes them one after
            the other never needs more memory than the largest shape takes.
        dark: whether the page begins dark.

    Raises:
        InputError: there is no shape, or the file cannot be written.
    """
    write_page(path, (of_studies(each) for each in studies), dark)


def page(shapes: Iterable[Content], dark: bool = False) -> str:
    """Make an HTML document of shapes, each from :func:`of_studies` or :func:`of_shape`."""
    return "".join(_pieces(shapes, dark))


def write_page(path: str | os.PathLike[str], shapes: Iterable[Content], dark: bool = False) -> None:
    """Write :func:`page` to a file, whole or not at all, one shape in memory at a time."""
    with replacing(path) as file:
        pieces = [file.write(piece.encode()) for piece in _pieces(shapes, dark)]
        if len(pieces) == 2:
            raise NothingToShow(f"{path}: there is no shape to show")


def of_studies(studies: Sequence[Study]) -> Content:
    """Describe a shape, and what each model makes of it, to a page."""
    first = studies[0]
    return of_shape(first.drawn, first.up, [of_study(each) for each in studies])


def of_shape(shape: Mesh | Cloud, up: str, studies: Sequence[Content]) -> Content:
    """Describe a shape, and studies from :func:`of_study` or made by hand, to a page."""
    pos = stand(shape, places(shape), up)
    face, normal = None, None
    if isinstance(shape, Mesh):
        face = _packed(shape.faces.numpy().astype("<u4"))
        normal = _packed((vertex_normals(shape.upright(up)) * 127).round().astype("i1"))
    return {
        "name": shape.name,
        "count": len(pos),
        # Within [-1, 1]: 16 bits are finer than any screen.
        "pos": _packed((pos.clamp(-1, 1) * 32767).round().numpy().astype("<i2")),
        "face": face,
        "normal": normal,
        "studies": list(studies),
    }


def of_study(study: Study) -> Content:
    """Describe what a model makes of a shape to a page."""
    return {
        "title": study.title,
        "prediction": list(study.prediction),
        "notes": list(study.notes),
        "modes": [{"name": name} | _of_panel(study, name) for name in study.panels],
    }


def _of_panel(study: Study, name: str) -> Content:
    panel, choices = study.panels[name]
    num = len(choices[: panel.on_disk])
    most = max(1, MOST_VALUES // len(places(study.drawn)) // num)
    stacks = []
    for choice in range(num):
        values = study.values(name, choice)
        if isinstance(values, Parts):
            return of_parts(study.part(values), legend_of(values), values.colors.tolist())
        assert values is not None
        stacks.append(_of_columns(study, values, most))
    return {"choice": panel.choice, "stacks": stacks}


def of_parts(ids: Tensor, legend: Legend, colors: Sequence[Sequence[int]]) -> Content:
    """Describe parts to a page: ``ids`` (V,) says which of the RGB colors each place has."""
    return {
        "title": legend.title,
        "legend": list(legend.entries),
        "colors": [list(rgb) for rgb in colors],
        "ids": _packed(ids.numpy().astype("<u2")),
    }


def of_columns(
    title: str, heads: Sequence[str], columns: Sequence[str], maps: Sequence[str], values: Tensor
) -> Content:
    """Describe (H, K, V) values to a page, each column in 256 steps of its own range."""
    ranges = [
        [limits(each, None, None, name, TAILS) for each, name in zip(head, maps, strict=True)]
        for head in values
    ]
    # Apart, even where all values are one.
    ranges = [[(a, b if b > a else a + max(1e-6, 1e-6 * abs(a))) for a, b in r] for r in ranges]
    low, high = torch.tensor(ranges)[:, :, None].unbind(-1)  # (H, K, 1) each
    steps = ((values - low) / (high - low)).nan_to_num(0, 1, 0).clamp(0, 1) * 255
    return {
        "title": title,
        "heads": list(heads),
        "columns": list(columns),
        "maps": list(maps),
        "ranges": ranges,
        "values": _packed(steps.round().numpy().astype("u1")),
    }


def _of_columns(study: Study, values: Columns, most: int) -> Content:
    """Describe the columns of a panel, at most so many that each place has ``most`` values."""
    num, heads = len(values.names), len(values.values)
    each: list[int | None] = [None, *range(heads)] if heads > 1 else [None]
    chosen, note = list(range(num)), ""
    if len(each) * num > most:
        each = [None]
    if num > most:
        mean = values.of_head(None)  # (P, K)
        telling = (mean.std(0) / mean.abs().mean(0).clamp(min=1e-12)).topk(most).indices
        chosen = sorted(telling.tolist())
        note = f"{most} of {num}: those that vary most over the shape"
    carried = study.carry(torch.cat([values.of_head(head)[:, chosen] for head in each], dim=1))
    on_shape = carried.T.unflatten(0, (len(each), len(chosen)))  # (heads, K, V)
    named = ["mean of heads" if head is None else f"head {head}" for head in each]
    columns, maps = [values.names[i] for i in chosen], [values.colormap(i) for i in chosen]
    content = of_columns(values.title, named if heads > 1 else [""], columns, maps, on_shape)
    return content | {"note": note}


def _packed(array: NDArray[Any]) -> str:
    """Write numbers so that a page can unpack them: gzip in base 64."""
    return base64.b64encode(gzip.compress(array.tobytes(), 6, mtime=0)).decode()


def _pieces(shapes: Iterable[Content], dark: bool) -> Iterator[str]:
    """The page's beginning, each shape, and its end."""
    text = files("pcea.viewer").joinpath("page.html").read_text("utf-8")
    head, _, foot = text.partition("$content")
    steps = torch.linspace(0, 1, 256)
    maps = {name: _packed(colors_of(steps, 0, 1, name).numpy()) for name in ("viridis", "coolwarm")}
    yield f'{head}{{"maps": {_as_json(maps)}, "dark": {_as_json(dark)}, "shapes": ['
    comma = ""
    for shape in shapes:
        piece = comma + _as_json(shape)
        del shape  # else it would stay until the next one is there
        yield piece
        comma = ", "
    yield f"]}}{foot}"


def _as_json(value: Any) -> str:
    # Inside a script, only "<" can end it; names come from files.
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
