"""The HTML page, and how shapes and the values of models are written into it."""

import base64
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

import torch
import trimesh
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from torch import Tensor

from pcea.defaults import TAILS
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, replacing
from pcea.geometry import upright
from pcea.pictures.colormaps import UNKNOWN, colors_of, limits
from pcea.pictures.compose import MARK
from pcea.pictures.rasterize import AMBIENT, LIGHT
from pcea.pictures.refine import FineMesh
from pcea.pictures.render import PLAIN
from pcea.viewer.panels import Columns, Parts
from pcea.viewer.panels.base import MAPS
from pcea.viewer.study import Study

# The most values of attention that a page on disk holds for each study. If there are more, it holds
# the mean of the heads, and if necessary only the columns that vary most.
MOST_VALUES = 12_000_000
# The most values in one answer to a live page. These are usually all slots of a layer, so that the
# page waits only for the first slot.
AT_ONCE = 1_000_000

Content = dict[str, Any]


class NothingToShow(InputError):
    """There is no shape to write a page of."""


def export_html(
    path: str | os.PathLike[str], studies: Iterable[Sequence[Study]], dark: bool = False
) -> None:
    """Write shapes, and what models predict of them, as one page that opens from disk.

    Args:
        path: the file, written whole or not at all.
        studies: for each shape, its studies, one per model. With a generator, only one shape at a
            time is in memory.
        dark: whether the page begins dark.

    Raises:
        InputError: there is no shape, or the file cannot be written.
    """
    write_page(path, (of_studies(each) for each in studies), dark)


def write_page(path: str | os.PathLike[str], shapes: Iterable[Content], dark: bool = False) -> None:
    """Write :func:`page` to a file, whole or not at all, one shape in memory at a time."""
    with replacing(path) as file:
        pieces = [file.write(piece.encode()) for piece in page(shapes, dark)]
        if len(pieces) == 2:
            raise NothingToShow(f"{path}: there is no shape to show")


def page(
    shapes: Iterable[Content], dark: bool = False, live: Content | None = None
) -> Iterator[str]:
    """Make an HTML document of shapes, each from :func:`of_studies` or :func:`of_shape`.

    The document comes in pieces: its beginning, each shape, and its end. Without shapes, ``live``
    names the shapes and models that a live page can request.
    """
    own = ("page.html", "page.css", "page.js", "canvas.js")
    text, style, *scripts = (files("pcea.viewer").joinpath(f).read_text("utf-8") for f in own)
    text = text.replace("$style", style).replace("$script", "\n".join(scripts))
    head, _, foot = text.partition("$content")
    steps = torch.linspace(0, 1, 256)
    content = {
        "maps": {name: _packed(colors_of(steps, 0, 1, name).numpy()) for name in MAPS},
        "colors": {"plain": PLAIN, "unknown": UNKNOWN, "mark": to_rgb(MARK)},
        "light": [*LIGHT.tolist(), AMBIENT],
    }
    content |= {"dark": dark, "live": live}
    yield f'{head}{_as_json(content)[:-1]}, "shapes": ['
    comma = ""
    for shape in shapes:
        piece = comma + _as_json(shape)
        del shape  # so that it is freed before the next one is made
        yield piece
        comma = ", "
    yield f"]}}{foot}"


def of_studies(studies: Sequence[Study]) -> Content:
    """Describe a shape, and its study by each model, to a page on disk."""
    return of_shape(studies[0].drawn, studies[0].up, [of_study(each) for each in studies])


def of_shape(shape: Mesh | Cloud, up: str, studies: Sequence[Content]) -> Content:
    """Describe a shape, and studies such as those of :func:`of_study`, to a page."""
    pos = places(shape)
    face, normal = None, None
    if isinstance(shape, Mesh):
        face = _packed(shape.faces.numpy().astype("<u4"))
        turned = shape.upright(up)
        if isinstance(turned, FineMesh) and turned.normal is not None:
            light = turned.normal.numpy()
        else:  # 0 where there are no faces
            arrays = turned.vertices.numpy(), turned.faces.numpy()
            light = trimesh.Trimesh(*arrays, process=False).vertex_normals
        normal = _packed((light * 127).round().astype("i1"))
    return {
        "name": shape.name,
        "count": len(pos),
        "pos": _packed_places(shape, pos, up),
        "face": face,
        "normal": normal,
        "studies": list(studies),
    }


def of_study(study: Study, live: bool = False) -> Content:
    """Describe a study to a page; a live page requests the values later."""
    modes = []
    for name, (panel, choices) in study.panels.items():
        listed = choices if live else choices[: panel.on_disk]
        most = max(1, MOST_VALUES // len(places(study.drawn)) // len(listed))
        stored = () if live else range(len(listed))
        stacks = [of_values(study, study.values(name, choice), most) for choice in stored]
        modes.append({"name": name, "choice": panel.choice, "choices": listed, "stacks": stacks})
    return {
        "title": study.title,
        "up": study.explanation.up,
        "prediction": study.prediction,
        "notes": study.notes,
        "sample": _packed_places(study.drawn, study.sample.pos, study.up),
        "modes": modes,
    }


def of_values(study: Study, values: Columns | Parts, most: int | None = None) -> Content:
    """Describe the values of a panel to a page on disk, at most ``most`` per vertex or point.

    Without ``most``, it is for a live page, which requests each :func:`block` that it needs.
    """
    if isinstance(values, Parts):
        given = values.probability.argmax(-1)  # (P,)
        on_shape = study.carry(values.probability).argmax(-1)  # (V,)
        return of_parts(values.title, values.names, values.colors, on_shape, given)
    width, note, blocks = max(1, AT_ONCE // len(places(study.drawn))), "", {}
    if most is not None:
        values, note = _fitting(values, most)
        width = len(values.names)
        heads = range(len(values.with_mean))
        blocks = {f"{head} 0": block(study, values, head, range(width)) for head in heads}
    # A click chooses a column by the nearest sampled point: the slot with the most attention there,
    # or the query point nearest to it.
    pick, marks = torch.stack([each.argmax(1) for each in values.with_mean]), []  # (H, P)
    if values.query is not None and len(values.query):
        nearest = torch.cdist(study.sample.pos, values.query).argmin(1)
        first = len(values.names) - len(values.query)
        pick = (first + nearest).expand(len(pick), -1)
        marks = [None] * first + stand(study.drawn, values.query, study.up).tolist()
    content = of_columns(values)
    return content | {
        "sample": content["blocks"],
        "width": width,
        "blocks": blocks,
        "note": note,
        "pick": None if values.signed else _packed(pick.numpy().astype("<u2")),
        "marks": marks,
    }


def block(study: Study, values: Columns, head: int, columns: Sequence[int]) -> str:
    """Pack some columns of a head at every vertex or point of the shape."""
    known = values.with_mean[head][:, list(columns)]  # (P, K)
    ranges = _ranges(known, [values.maps[i] for i in columns])
    return _steps(study.carry(known), ranges)


def of_columns(values: Columns) -> Content:
    """Describe values at N vertices or points to a page, each column in 255 steps of its range."""
    known, maps = values.with_mean, values.maps
    ranges = [_ranges(each, maps) for each in known]
    return {
        "title": values.title,
        "heads": ["mean of heads", *(f"head {i}" for i in range(len(known) - 1))],
        "columns": values.names,
        "maps": maps,
        "ranges": [each.tolist() for each in ranges],
        "shared": [_ranges(each.reshape(-1, 1), maps[:1])[0].tolist() for each in known],
        "width": len(maps),
        "blocks": {f"{i} 0": _steps(known[i], ranges[i]) for i in range(len(known))},
    }


def of_parts(
    title: str, names: Sequence[str], colors: Tensor, ids: Tensor, sample: Tensor
) -> Content:
    """Describe K parts in colors (K, 3) uint8 to a page, with their shares of the sampled points.

    ``ids`` (V,) has the part of each vertex or point, and ``sample`` (P,) of each sampled point.
    """
    shares = sample.bincount(minlength=len(names)) / max(1, len(sample))
    present = torch.cat([ids, sample]).unique()
    order = present[shares[present].argsort(descending=True, stable=True)].tolist()
    return {
        "title": title,
        "legend": [(names[part], colors[part].tolist(), float(shares[part])) for part in order],
        "colors": colors.tolist(),
        "ids": _packed(ids.numpy().astype("<u2")),
        "sample": _packed(sample.numpy().astype("<u2")),
    }


def places(shape: Mesh | Cloud) -> Tensor:
    """The positions that have a color: a mesh's vertices (V, 3), or a cloud's points (N, 3)."""
    return shape.vertices if isinstance(shape, Mesh) else shape.pos


def stand(shape: Mesh | Cloud, pos: Tensor, up: str) -> Tensor:
    """Turn points (N, 3) y up; the shape's bounding box is centered and has a diagonal of 2."""
    all_places = places(shape)
    if isinstance(shape, Mesh) and len(shape.faces):
        all_places = all_places[shape.faces.unique()]  # an unused vertex must not move the camera
    low, high = all_places.min(0).values, all_places.max(0).values
    size = (high - low).norm().clamp(min=1e-30)
    return upright((pos - (low + high) / 2) * (2 / size), up).float()


def _fitting(values: Columns, most: int) -> tuple[Columns, str]:
    """Average the heads, leave out the columns that vary least if necessary, and note this."""
    num = len(values.names)
    if len(values.with_mean) * num <= most:
        return values, ""
    mean, note = values.with_mean[0], "" if len(values.values) == 1 else "the mean of the heads"
    if num <= most:
        return replace(values, values=mean[None]), note
    note = f"{most} of {num}: those that vary most over the shape{note and f', {note}'}"
    varies = mean.std(0) / mean.abs().mean(0).clamp(min=1e-12)
    chosen = varies.topk(most).indices.sort().values
    query = values.query
    if query is not None:  # the last columns are those of query points
        own = chosen - (num - len(query))
        query = query[own[own >= 0]]
    names = tuple(values.names[i] for i in chosen.tolist())
    return replace(values, values=mean[None, :, chosen], names=names, query=query), note


def _ranges(values: Tensor, maps: Sequence[str]) -> Tensor:
    """(K, 2): the values of each column (N, K) that have the first and the last color."""
    each = zip(values.T, maps, strict=True)
    found = [limits(column, None, None, name, TAILS) for column, name in each]
    low, high = torch.tensor(found, dtype=torch.float64).unbind(-1)
    apart = low + (1e-6 * low.abs()).clamp(min=1e-6)  # where all values are equal
    return torch.stack([low, high.where(high > low, apart)], dim=-1)


def _steps(values: Tensor, ranges: Tensor) -> str:
    """Pack (N, K) values by column, in steps 0 to 254 of their ranges (K, 2); 255 is NaN."""
    low, high = ranges.T
    steps = ((values - low) / (high - low)).clamp(0, 1) * 254
    return _packed(steps.round().nan_to_num(255).T.numpy().astype("u1"))


def _packed_places(shape: Mesh | Cloud, pos: Tensor, up: str) -> str:
    # 16 bits for [-1, 1] are finer than the pixels of any screen.
    return _packed((stand(shape, pos, up).clamp(-1, 1) * 32767).round().numpy().astype("<i2"))


def _packed(array: NDArray[Any]) -> str:
    """Pack numbers for the page: gzip in base 64."""
    return base64.b64encode(gzip.compress(array.tobytes(), 6, mtime=0)).decode()


def _as_json(value: Any) -> str:
    # A "<" in the name of a file could end the script.
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
