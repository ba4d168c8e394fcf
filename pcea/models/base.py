"""What every model has in common: how it looks at a user's shape."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pcea.datasets.clouds import Batch
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.geometry import unit_sphere, upright
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.look import (
    Look,
    Sampleable,
    Seen,
    choose_queries,
    map_kinds,
    maps_of,
    name_columns,
)
from pcea.models.mode import evaluating


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
    def look(self, shape: Sampleable, votes: int = 1, up: str = "y", queries: int = 8) -> Look:
        """Look at a shape: what the model sees, what it makes of it, where its attention is.

        Looking changes nothing: the probabilities are those of a call without it, and the model
        is left in the mode it was in.

        Args:
            shape: a cloud (N, 3) or mesh in any unit.
            votes: how many samplings of the shape are looked at. Default 1.
            up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`. Default ``y``.
            queries: for attention among points, from how many points of the shape to show what is
                read. They lie far from each other and are the same for all samplings. Default 8.

        Returns:
            The seen points, and a map a layer at them, heads apart.

        Raises:
            InputError: a count is too small, or there is no such axis.
        """
        if votes < 1:
            raise InputError(f"cannot look {votes} times: votes must be at least 1")
        if queries < 0:
            raise InputError(f"cannot have {queries} query points: queries must be at least 0")
        kinds = map_kinds(self.encoder)
        seen = [self.look_at(shape, seed, up) for seed in range(votes)]
        query = choose_queries(seen[0], queries) if "points" in kinds else None
        probabilities, values = [], list[list[Tensor]]()
        with evaluating(self):
            for each in seen:
                batch = each.batch
                # The model answers in its own way, and is asked for its maps afterwards: a fused
                # or compiled attention that holds no map rounds otherwise than one that does.
                probabilities.append(self(batch.pos, batch.normal).float().softmax(-1)[0].cpu())
                values.append(maps_of(self.encoder, each, kinds, query))
        together = torch.cat(probabilities)
        if self.task == "classification":
            together = torch.stack(probabilities).mean(0)
        maps = [torch.cat(votes_of, dim=1) for votes_of in zip(*values, strict=True)]  # (H, P, K)
        return Look(
            sample=Cloud.join([each.cloud for each in seen]),
            probability=together,
            maps=tuple(
                name_columns(layer, kind, each, query)
                for layer, (kind, each) in enumerate(zip(kinds, maps, strict=True))
            ),
            up=up,
        )

    def attention(self, shape: Cloud | Mesh, votes: int = 1, up: str = "y") -> list[Tensor]:
        """Show each layer's attention all over a shape: the short form of :meth:`look`.

        Args:
            shape: a cloud of N points or a mesh of N vertices, in any unit. The model looks at a
                sample of ``info.num_points``, as it was trained to; values are interpolated from
                there.
            votes: how many samplings are looked at. Default 1.
            up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`. Default ``y``.

        Returns:
            A map per layer, the mean of its heads: (N, S) where the attention has S slots. Among
            points (N, 9): how much each point is attended to, and what eight points read, as
            :class:`pcea.models.AttentionMap` has it.

        Raises:
            InputError: ``votes`` is below 1, or there is no such axis.
        """
        seen = self.look(shape, votes, up)
        maps = [each.values.mean(0) for each in seen.maps]  # (P, K) each
        # Together, so that the way over a surface is worked out once.
        return list(
            shape.carry_back(seen.sample, torch.cat(maps, dim=1)).split(
                [each.shape[1] for each in maps], dim=1
            )
        )
