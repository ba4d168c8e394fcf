"""What a page that opens from disk says of a shape, and of what models see on it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from pcea.formats import Cloud, Mesh
from pcea.viewer.document import Content, packed, write_page
from pcea.viewer.paint import Legend, legend_of, map_of, spread
from pcea.viewer.solid import vertex_normals
from pcea.viewer.study import Stack, Study, places, stand

# How many values of attention a page holds for each study: beyond, it holds the mean of the heads,
# and then only the columns that vary most.
MOST_VALUES = 12_000_000


def export_html(
    path: str | os.PathLike[str], studies: Iterable[Sequence[Study]], dark: bool = False
) -> None:
    """Write shapes and what models see on them as one page that opens from disk.

    Args:
        path: where it goes; written whole or not at all.
        studies: for each shape, its studies, one a model. A generator that makes them one after
            the other never needs more memory than the largest shape takes.
        dark: whether the page begins dark. Default false.

    Raises:
        InputError: there is no shape, or the file cannot be written.
    """
    write_page(path, (of_studies(each) for each in studies), dark)


def of_studies(studies: Sequence[Study]) -> Content:
    """Describe a shape, and what models see on it, to a page.

    Args:
        studies: of one shape, one a model.
    """
    first = studies[0]
    return of_shape(first.drawn, first.up, [of_study(each) for each in studies])


def of_shape(shape: Mesh | Cloud, up: str, studies: Sequence[Content]) -> Content:
    """Describe a shape to a page.

    Args:
        shape: the mesh or cloud.
        up: its up axis.
        studies: each from :func:`of_study`, or made by hand.
    """
    pos = stand(shape, places(shape), up)
    face, normal = None, None
    if isinstance(shape, Mesh):
        face = packed(shape.faces.numpy().astype("<u4"))
        normal = vertex_normals(pos, shape.faces)
    # Within [-1, 1]: 16 bits are finer than any screen.
    return {
        "name": shape.name,
        "count": len(pos),
        "pos": packed((pos.clamp(-1, 1) * 32767).round().numpy().astype("<i2")),
        "face": face,
        "normal": None if normal is None else packed((normal * 127).round().numpy().astype("i1")),
        "studies": list(studies),
    }


def of_study(study: Study) -> Content:
    """Describe what a model sees on a shape to a page."""
    modes: list[Content] = []
    if study.parts is not None:
        modes.append(of_parts(study.parts.ids, legend_of(study.parts), study.parts.colors.tolist()))
    kept = max(1, MOST_VALUES // len(places(study.drawn)))
    share = max(1, kept // max(1, len(study.layers)))
    stacks = [_of_stack(study, stack, share) for stack in study.layers]
    modes.append({"name": "attention", "stacks": stacks})
    modes.append({"name": "importance", "stacks": [_of_stack(study, study.importance(), 3)]})
    return {
        "title": study.title,
        "prediction": list(study.prediction),
        "notes": list(study.notes),
        "modes": modes,
    }


def of_parts(ids: Tensor, legend: Legend, colors: Sequence[Sequence[int]]) -> Content:
    """Describe parts to a page.

    Args:
        ids: (V,) which of the colours each place has.
        legend: what is said of them.
        colors: red, green, blue, 0 to 255.
    """
    return {
        "name": "parts",
        "title": legend.title,
        "legend": list(legend.entries),
        "colors": [list(rgb) for rgb in colors],
        "ids": packed(ids.numpy().astype("<u2")),
    }


def of_columns(title: str, heads: Sequence[str], columns: Sequence[str], values: Tensor) -> Content:
    """Describe values to a page, each column in 256 steps of its own range.

    Args:
        title: what they are.
        heads: H names.
        columns: K names.
        values: (H, K, V); what is not finite is taken for the least.
    """
    maps = [map_of(column) for column in columns]
    ranges = [
        [spread(column, name) for column, name in zip(head, maps, strict=True)] for head in values
    ]
    limits = torch.tensor(ranges)[:, :, None]  # (H, K, 1, 2)
    low, high = limits[..., 0], limits[..., 1]
    steps = ((values - low) / (high - low)).nan_to_num(0, 1, 0).clamp(0, 1) * 255
    return {
        "title": title,
        "heads": list(heads),
        "columns": list(columns),
        "maps": maps,
        "ranges": ranges,
        "values": packed(steps.round().numpy().astype("u1")),
    }


def _of_stack(study: Study, stack: Stack, kept: int) -> Content:
    num, heads = len(stack.columns), len(stack.values)
    each: list[int | None] = [None, *range(heads)] if heads > 1 else [None]
    chosen, note = list(range(num)), ""
    if len(each) * num > kept:
        each = [None]
    if num > kept:
        mean = stack.values.mean(0)  # (P, K)
        telling = (mean.std(0) / mean.abs().mean(0).clamp(min=1e-12)).topk(kept).indices
        chosen = sorted(telling.tolist())
        note = f"{kept} of {num}: those that vary most over the shape"
    shown = [stack.values.mean(0) if head is None else stack.values[head] for head in each]
    carried = study.carry(torch.cat([one[:, chosen] for one in shown], dim=1))
    values = carried.T.unflatten(0, (len(each), len(chosen)))  # (heads, K, V)
    named = ["mean of heads" if head is None else f"head {head}" for head in each]
    columns = [stack.columns[i] for i in chosen]
    return of_columns(stack.title, named if heads > 1 else [""], columns, values) | {"note": note}
