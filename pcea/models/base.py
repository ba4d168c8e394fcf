"""What every model has in common: how it looks at a user's shape."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pcea.datasets.clouds import Batch
from pcea.errors import InputError
from pcea.formats import Cloud, ShapeLike, as_shape
from pcea.geometry import unit_sphere, upright
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.look import (
    Look,
    Seen,
    choose_queries,
    map_kinds,
    maps_of,
    name_columns,
    notes_of_all,
)
from pcea.models.mode import evaluating
from pcea.models.preparing import (
    Prepared,
    check_batch,
    check_values,
    with_normals,
    without_strays,
)

# From how many points of a cloud without normals they are estimated.
SURFACE_POINTS = 4096


class PointModel(nn.Module):
    """A point transformer with a head.

    Args:
        info: what the model is called, predicts, and was trained on.
        encoder: the transformer beneath the head.
    """

    task: ClassVar[Literal["classification", "segmentation"]]

    clean: bool = True
    """Whether stray points are left out, in evaluation mode; see :mod:`pcea.geometry.strays`."""

    def __init__(self, info: ModelInfo, encoder: PointTransformer) -> None:
        super().__init__()
        self.info = info
        self.encoder = encoder

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.parameters()).device

    def prepare(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Prepared:
        """Check a batch and make it what the network should see; every forward begins with it.

        In evaluation mode stray points are set onto their nearest kept points, unless ``clean`` is
        false, and normals that the model needs and that are unknown (zero, or None) are
        estimated. In training mode the batch stays as it is.

        Args:
            pos: (B, N, 3) positions, centred and scaled to the unit sphere.
            normal: (B, N, 3) unit normals. Default: unknown.
            category: (B,) category ids, which are only checked. Default: unknown.
            mask: (B, N) bool, true at real points. Default: all are real.

        Returns:
            The batch as the network sees it.

        Raises:
            InputError: a shape, type or device does not fit, positions are no clouds in the unit
                sphere, or normals are needed in training and there are none.
        """
        pos, normal = check_batch(pos, normal, category, mask, self.last_weight)
        if self.encoder.normals and normal is None and self.training:
            raise InputError(
                f"model {self.info.name!r} was made with normals, and there are none to train on"
            )
        # A step on a GPU should not wait for the answer.
        if not self.training or pos.device.type == "cpu":
            given = category if self.task == "segmentation" else None
            pos = check_values(pos, mask, given, len(self.info.taxonomy.categories))
        if self.training:
            return Prepared(pos, normal, None)
        stand_in = None
        if self.clean:
            pos, normal, stand_in = without_strays(pos, normal, mask)
        if self.encoder.normals:
            normal = with_normals(pos, normal, mask)
        return Prepared(pos, normal, stand_in)

    @property
    def last_weight(self) -> Tensor:
        """The weights of the last layer, whose type and device are the model's."""
        raise NotImplementedError

    def look_at(self, shape: ShapeLike, seed: int = 0, up: str = "y") -> Seen:
        """Prepare a cloud or mesh as the training data were: sampled and scaled to the unit sphere.

        Args:
            shape: a cloud or mesh in any unit, or what else :func:`pcea.as_shape` takes.
            seed: which points are sampled. Default 0.
            up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`. Default ``y``.

        Returns:
            ``info.num_points`` points, a batch of that one cloud, its category 0, and what was
            done to it. Normals that the model needs are in the batch, known or estimated.

        Raises:
            InputError: it is no shape, all points are equal, or there is no such axis.
        """
        shape = as_shape(shape)
        cloud = shape.sample(self.info.num_points, seed)
        if bool((cloud.pos == cloud.pos[:1]).all()):
            raise InputError(
                f"{shape.name or 'the shape'}: all of its points are equal; at least 2 different "
                "points are needed"
            )
        pos, normal = self._stood(cloud, up)
        unknown = self.encoder.normals and (normal is None or not bool(normal.any(-1).all()))
        with evaluating(self), torch.no_grad():
            if unknown:
                # More points than the model looks at tell more of the surface.
                dense = Cloud.join([cloud, shape.sample(SURFACE_POINTS, seed)])
                normal = self.prepare(*self._stood(dense, up)).normal
                assert normal is not None
                normal = normal[:, : len(cloud)]
            ready = self.prepare(pos, normal)
        own = torch.arange(len(cloud), device=self.device)
        stand_in = own if ready.stand_in is None else ready.stand_in[0]
        category = torch.zeros(1, dtype=torch.long, device=self.device)
        batch = Batch(pos=pos, category=category, normal=normal)
        return Seen(cloud, batch, stand_in.cpu(), int((stand_in != own).sum()), unknown)

    def _stood(self, cloud: Cloud, up: str) -> tuple[Tensor, Tensor | None]:
        """(1, N, 3) positions in the unit sphere, y up, and normals, on the model's device."""
        pos = upright(unit_sphere(cloud.pos), up)[None].to(self.device)
        if cloud.normal is None:
            return pos, None
        return pos, upright(cloud.normal, up)[None].to(self.device)

    @torch.no_grad()
    def look(self, shape: ShapeLike, votes: int = 1, up: str = "y", queries: int = 8) -> Look:
        """Look at a shape: what the model sees, what it makes of it, where its attention is.

        Looking changes nothing: the probabilities are those of a call without it, and the model
        is left in the mode it was in.

        Args:
            shape: a cloud or mesh in any unit, or what else :func:`pcea.as_shape` takes.
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
        shape, kinds = as_shape(shape), map_kinds(self.encoder)
        seen = [self.look_at(shape, seed, up) for seed in range(votes)]
        query = choose_queries(seen[0], queries) if "points" in kinds else None
        probabilities, values = [], list[list[Tensor]]()
        with evaluating(self):
            for each in seen:
                batch = each.batch
                # The model answers in its own way, and is asked for its maps afterwards: a fused
                # or compiled attention that holds no map rounds otherwise than one that does.
                probabilities.append(self(batch.pos, batch.normal).float().softmax(-1)[0].cpu())
                ready = self.prepare(batch.pos, batch.normal)
                values.append(maps_of(self.encoder, each, ready, kinds, query))
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
            notes=notes_of_all(seen),
        )

    def attention(self, shape: ShapeLike, votes: int = 1, up: str = "y") -> list[Tensor]:
        """Show each layer's attention all over a shape: the short form of :meth:`look`.

        Args:
            shape: a cloud of N points or a mesh of N vertices, in any unit, or what else
                :func:`pcea.as_shape` takes. The model takes a sample of ``info.num_points``, as it
                was trained to; values are interpolated from there.
            votes: how many samplings are looked at. Default 1.
            up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`. Default ``y``.

        Returns:
            A map per layer, the mean of its heads: (N, S) where the attention has S slots. Among
            points (N, 9): how much each point is attended to, and what eight points read, as
            :class:`pcea.models.AttentionMap` has it.

        Raises:
            InputError: ``votes`` is below 1, or there is no such axis.
        """
        shape = as_shape(shape)
        seen = self.look(shape, votes, up)
        maps = [each.values.mean(0) for each in seen.maps]  # (P, K) each
        # Together, so that the way over a surface is worked out once.
        return list(
            shape.carry_back(seen.sample, torch.cat(maps, dim=1)).split(
                [each.shape[1] for each in maps], dim=1
            )
        )
