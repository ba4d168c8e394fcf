"""Farthest points and neighbors for torch-geometric if pyg-lib, which has them, is not installed.

Networks built on torch-geometric can then be measured with their own layers and with the search of
this package, which is faster than pyg-lib's.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from pcea.geometry import farthest_point_sample, knn


def has_search() -> bool:
    """Say whether torch-geometric has its own search here."""
    return find_spec("pyg_lib") is not None


@contextmanager
def standing_in() -> Iterator[None]:
    """Let torch-geometric use this package's search inside the context, if it has none.

    All clouds of a batch must have the same number of points.
    """
    if has_search():
        yield
        return
    import torch_geometric.typing as typing

    flags = ("WITH_FPS", "WITH_KNN", "WITH_RADIUS")
    before = {flag: getattr(typing, flag, False) for flag in flags}
    operators: Any = torch.ops.pyg
    try:
        for flag in flags:
            setattr(typing, flag, True)
        operators.fps, operators.knn, operators.radius = _fps, _knn, _radius
        yield
    finally:
        for name in ("fps", "knn", "radius"):
            vars(operators).pop(name, None)
        for flag, value in before.items():
            setattr(typing, flag, value)


@torch.no_grad()
def _fps(src: Tensor, ptr: Tensor, ratio: float, random_start: bool) -> Tensor:
    clouds = _clouds(src, ptr)
    index = farthest_point_sample(clouds, math.ceil(ratio * clouds.shape[1]))
    return (index + ptr[:-1].unsqueeze(1)).flatten()


@torch.no_grad()
def _knn(
    x: Tensor, y: Tensor, ptr_x: Tensor | None, ptr_y: Tensor | None, k: int, *rest: Any
) -> Tensor:
    pos, query = _clouds(x, ptr_x), _clouds(y, ptr_y)
    k = min(k, pos.shape[1])
    if pos.shape[-1] == 3:
        index = knn(query, pos, k)
    else:  # among features, as in DGCNN
        index = torch.cdist(query, pos).topk(k, dim=-1, largest=False).indices
    start = torch.arange(len(pos), device=x.device).view(-1, 1, 1) * pos.shape[1]
    queries = torch.arange(len(y), device=x.device).repeat_interleave(k)
    return torch.stack([queries, (index + start).flatten()])


@torch.no_grad()
def _radius(
    x: Tensor,
    y: Tensor,
    ptr_x: Tensor | None,
    ptr_y: Tensor | None,
    r: float,
    most: int,
    *rest: Any,
) -> Tensor:
    pos, query = _clouds(x, ptr_x), _clouds(y, ptr_y)
    inside = torch.cdist(query, pos) <= r
    inside &= inside.cumsum(-1) <= most
    cloud, row, point = inside.nonzero(as_tuple=True)
    return torch.stack([cloud * query.shape[1] + row, cloud * pos.shape[1] + point])


def _clouds(flat: Tensor, ptr: Tensor | None) -> Tensor:
    return flat.view(1 if ptr is None else len(ptr) - 1, -1, flat.shape[-1])
