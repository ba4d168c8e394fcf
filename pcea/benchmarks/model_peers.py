"""Classifiers of other packages, called like those of this package."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pcea.benchmarks.geometry_peers import EXTRA, import_peer
from pcea.benchmarks.search import has_search, standing_in

# Names in torch-pointcloud's registry; all are classifiers of ModelNet40.
MODELS = {
    "PointNet++": "pointnet2-ssg.modelnet40.xu-yan",
    "point transformer": "point-transformer.modelnet40",
    "DGCNN": "dgcnn.modelnet40-1024.an-tao",
    "PointMLP": "pointmlp-base.modelnet40.xu-ma",
    "PointNeXt-S C64": "pointnext-sm-c64.modelnet40.openpoints",
}


def peers() -> dict[str, Callable[[], nn.Module]]:
    """Map the printed names, which say whose search is used, to functions that build the models."""
    search = "" if has_search() else " (pcea's search)"
    own: dict[str, Callable[[], nn.Module]] = {
        f"torch-geometric PointNet++{search}": geometric_pointnet2
    }
    return own | {
        f"torch-pointcloud {name}{search}": partial(torch_pointcloud, registered)
        for name, registered in MODELS.items()
    }


def torch_pointcloud(name: str) -> nn.Module:
    """Build a model of torch-pointcloud's registry with random weights.

    Raises:
        NotInstalled: the package is not installed.
    """
    models = import_peer("torch_pointcloud.models", EXTRA)
    more = {"in_channels": 3} if name.startswith("point-transformer") else {}
    return Flat(models.create_model(name, "classification", **more))


def geometric_pointnet2() -> nn.Module:
    """Build PointNet++ of torch-geometric's layers, with the sizes of its examples.

    Raises:
        NotInstalled: the package is not installed.
    """
    pyg = import_peer("torch_geometric.nn", "pip install torch-geometric")

    class PointNet2(nn.Module):
        """Two set abstractions, one over the whole cloud, and a head."""

        def __init__(self) -> None:
            super().__init__()
            self.near = pyg.PointNetConv(pyg.MLP([3, 64, 64, 128]), add_self_loops=False)
            self.far = pyg.PointNetConv(pyg.MLP([128 + 3, 128, 128, 256]), add_self_loops=False)
            self.whole = pyg.MLP([256 + 3, 256, 512, 1024])
            self.head = pyg.MLP([1024, 512, 256, 40], dropout=0.5, norm=None)

        def forward(self, x: Tensor | None, pos: Tensor, batch: Tensor) -> Tensor:
            for conv, ratio, r in ((self.near, 0.5, 0.2), (self.far, 0.25, 0.4)):
                index = pyg.fps(pos, batch, ratio=ratio)
                row, col = pyg.radius(pos, pos[index], r, batch, batch[index], 64)
                center = None if x is None else x[index]
                edges = torch.stack([col, row], dim=0)
                x = conv((x, center), (pos, pos[index]), edges)
                pos, batch = pos[index], batch[index]
            assert x is not None
            return self.head(pyg.global_max_pool(self.whole(torch.cat([x, pos], dim=1)), batch))

    return Flat(PointNet2())


class Flat(nn.Module):
    """Call a model that takes the points of all clouds as one list with (B, N, 3)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pos: Tensor) -> Tensor:
        """(B, N, 3) → (B, categories)."""
        batch = torch.arange(len(pos), device=pos.device).repeat_interleave(pos.shape[1])
        with standing_in():
            return self.model(None, pos.reshape(-1, 3), batch)
