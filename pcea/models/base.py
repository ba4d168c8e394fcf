"""What every model has in common: looking at a user's cloud, and showing its attention."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from pcea.datasets.clouds import Batch
from pcea.formats import Cloud
from pcea.geometry import three_interpolate, unit_sphere, upright
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo


class Sampleable(Protocol):
    """A cloud, or a mesh: whatever gives points when asked."""

    def sample(self, num: int, seed: int = 0) -> Cloud:
        """Give exactly ``num`` points."""
        ...


class Seen(NamedTuple):
    """What a model sees of a shape at one look."""

    cloud: Cloud  # num_points points in the shape's own unit and axes
    batch: Batch  # the same points, y up, in the unit sphere


class PointModel(nn.Module):
    """A point transformer with a head.

    Args:
        info: what the model is called, predicts, and was trained on.
        encoder: the transformer beneath the head.
    """

    task: ClassVar[Literal["classification", "segmentation"]]

    def __init__(self, info: ModelInfo, encoder: PointTransformer) -> None:
        super().__init__()
        self.info = info
        self.encoder = encoder

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.parameters()).device

    def look_at(self, shape: Sampleable, seed: int = 0, up: str = "y") -> Seen:
        """Prepare a cloud or mesh as the training data were: sampled and scaled to the unit sphere.

        Args:
            shape: a cloud (N, 3) or mesh in any unit.
            seed: which points are sampled. Default 0.
            up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`. Default ``y``.

        Returns:
            ``info.num_points`` points, and a batch of that one cloud, its category 0.
        """
        num = self.info.num_points
        cloud = shape.sample(num, seed)
        if isinstance(shape, Cloud):
            # The whole cloud is scaled, not its sample, so that all samples lie in one frame.
            pos = Cloud(unit_sphere(shape.pos)).sample(num, seed).pos
        else:
            pos = unit_sphere(cloud.pos)
        normal = None if cloud.normal is None else upright(cloud.normal, up)[None].to(self.device)
        batch = Batch(
            pos=upright(pos, up)[None].to(self.device),
            category=torch.zeros(1, dtype=torch.long, device=self.device),
            normal=normal,
        )
        return Seen(cloud, batch)

    @torch.no_grad()
    def attention(self, cloud: Cloud) -> list[Tensor]:
        """Show what each attention layer attends to.

        Args:
            cloud: N points in any unit, y up.

        Returns:
            A map per layer, the mean of its heads: (N, S) where the attention has S slots,
            (N, M) with the M tokens as columns otherwise. The rows of points that are no tokens
            are interpolated from the three nearest tokens.
        """
        was_training, maps = self.training, list[Tensor]()
        self.eval()
        pos = unit_sphere(cloud.pos)[None].to(self.device)  # (1, N, 3)
        normal = None if cloud.normal is None else cloud.normal[None].to(self.device)
        tokens = self.encoder(pos, normal, maps=maps)[-1]
        self.train(was_training)
        return [three_interpolate(pos, tokens.pos, each.mean(1).float())[0] for each in maps]
