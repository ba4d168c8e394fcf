"""What every model has in common: looking at a user's cloud, and showing its attention."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn

from pcea.datasets.clouds import Batch
from pcea.formats import Cloud
from pcea.geometry import three_interpolate, unit_sphere
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo


class Sampleable(Protocol):
    """A cloud, or a mesh: whatever gives points when asked."""

    def sample(self, num: int, seed: int = 0) -> Cloud:
        """Give exactly ``num`` points."""
        ...


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

    def look_at(self, cloud: Sampleable, seed: int = 0) -> Batch:
        """Prepare a cloud or mesh as the training data were: sampled and scaled to the unit sphere.

        Args:
            cloud: a cloud (N, 3) or mesh in any unit, y up.
            seed: which points are sampled.

        Returns:
            A batch of one cloud of ``info.num_points`` points, its category 0.
        """
        whole = cloud if isinstance(cloud, Cloud) else cloud.sample(self.info.num_points, seed)
        # The whole cloud is scaled, not the sample, so that all samples lie in one frame.
        placed = Cloud(unit_sphere(whole.pos), whole.normal)
        sampled = placed.sample(self.info.num_points, seed)
        return Batch(
            pos=sampled.pos[None].to(self.device),
            category=torch.zeros(1, dtype=torch.long, device=self.device),
            normal=None if sampled.normal is None else sampled.normal[None].to(self.device),
        )

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
