"""Farthest points and neighbors of other packages that are installed, all called alike."""

import importlib
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pcea.benchmarks.measure import NotInstalled
from pcea.errors import InputError

EXTRA = "pip install fpsample torch-pointcloud"
SEARCH = "torch-geometric's search needs pyg-lib, from its own index: https://data.pyg.org/whl"


def fpsample_exact(pos: Tensor, num: int) -> Tensor:
    """The plain mode of fpsample, with one thread per cloud: (B, N, 3) → (B, num)."""
    fpsample = import_peer("fpsample", EXTRA)
    return _each(lambda cloud: fpsample.fps_sampling(cloud, num, start_idx=0), pos)


def fpsample_buckets(pos: Tensor, num: int) -> Tensor:
    """QuickFPS of fpsample, with the tree height that it recommends: (B, N, 3) → (B, num)."""
    fpsample = import_peer("fpsample", EXTRA)
    total = pos.shape[1]
    height = 3 if total <= 4096 else 5 if total <= 1 << 15 else 7 if total <= 1 << 18 else 9
    sample = fpsample.bucket_fps_kdline_sampling
    return _each(lambda cloud: sample(cloud, num, h=height, start_idx=0), pos)


def open3d_farthest_points(pos: Tensor, num: int) -> Tensor:
    """Open3D's down-sampling: (B, N, 3) → (B, num).

    It returns positions, whose indices are found by a dictionary.
    """
    core = _open3d()

    def sample(cloud: Any) -> Any:
        whole = core.t.geometry.PointCloud(core.core.Tensor(cloud))
        chosen = whole.farthest_point_down_sample(num, 0).point.positions.numpy()
        place = {row.tobytes(): i for i, row in enumerate(cloud)}
        return np.array([place[row.tobytes()] for row in np.ascontiguousarray(chosen)])

    return _each(sample, pos)


def geometric_farthest_points(pos: Tensor, num: int) -> Tensor:
    """torch-geometric's ``fps``, which torch-pointcloud wraps: (B, N, 3) → (B, num)."""
    nn = _geometric()
    batch, total, _ = pos.shape
    index = nn.fps(
        pos.reshape(-1, 3), _cloud_of(batch, total, pos), num / total, False, batch_size=batch
    )
    return index.view(batch, -1) - torch.arange(batch, device=pos.device).unsqueeze(1) * total


def scipy_neighbors(query: Tensor, pos: Tensor, k: int) -> Tensor:
    """SciPy's k-d tree, built and queried: (B, M, 3), (B, N, 3) → (B, M, k)."""
    tree = import_peer("scipy.spatial", "pip install scipy").cKDTree
    # Of several clouds, each thread takes one; of a single cloud, the threads share the queries.
    workers = torch.get_num_threads() if len(pos) == 1 else 1
    return _each(lambda q, p: tree(p).query(q, k, workers=workers)[1].reshape(-1, k), query, pos)


def open3d_neighbors(query: Tensor, pos: Tensor, k: int) -> Tensor:
    """Open3D's index, built and queried: (B, M, 3), (B, N, 3) → (B, M, k)."""
    core = _open3d().core

    def search(q: Any, p: Any) -> Any:
        index = core.nns.NearestNeighborSearch(core.Tensor(p))
        index.knn_index()
        return index.knn_search(core.Tensor(q), k)[0].numpy().reshape(-1, k)

    return _each(search, query, pos)


def geometric_neighbors(query: Tensor, pos: Tensor, k: int) -> Tensor:
    """torch-geometric's ``knn``, which torch-pointcloud wraps: (B, M, 3), (B, N, 3) → (B, M, k)."""
    nn = _geometric()
    batch, total, _ = pos.shape
    queries = query.shape[1]
    pairs = nn.knn(
        *(pos.reshape(-1, 3), query.reshape(-1, 3), k),
        *(_cloud_of(batch, total, pos), _cloud_of(batch, queries, pos)),
        batch_size=batch,
    )
    index = pairs[1].view(batch, queries, k)
    return index - torch.arange(batch, device=pos.device).view(-1, 1, 1) * total


def _cloud_of(batch: int, total: int, like: Tensor) -> Tensor:
    return torch.arange(batch, device=like.device).repeat_interleave(total)


def _each(call: Callable[..., Any], *tensors: Tensor) -> Tensor:
    """Call a function with the arrays of each cloud, on as many threads as torch has."""
    clouds: Iterable[Any] = zip(*(tensor.numpy() for tensor in tensors), strict=True)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        found = list(pool.map(lambda arrays: call(*arrays), clouds))
    return torch.from_numpy(np.stack(found).astype(np.int64))


def import_peer(name: str, how: str) -> Any:
    """Import a module of another package without its warnings.

    Args:
        name: the module.
        how: how to install it.

    Raises:
        NotInstalled: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise NotInstalled(how) from error


def _open3d() -> Any:
    from pcea.formats.open3d import import_open3d

    try:
        return import_open3d()
    except (ImportError, InputError) as error:
        raise NotInstalled(f"pip install open3d-cpu ({error})") from error


def _geometric() -> Any:
    nn = import_peer("torch_geometric.nn", "pip install torch-geometric")
    typing = import_peer("torch_geometric.typing", "pip install torch-geometric")
    searches = ("WITH_FPS", "WITH_TORCH_CLUSTER")
    if not any(getattr(typing, each, False) for each in searches):
        raise NotInstalled(SEARCH)
    return nn
