"""Which part each point of a cloud, or each face of a mesh, belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.errors import InputError
from pcea.formats import Cloud, ShapeLike, as_shape
from pcea.geometry import carry_to_faces, smooth_labels, three_interpolate
from pcea.models.base import PointModel
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.lbr import LBR
from pcea.models.look import notes_of_all
from pcea.models.mode import evaluating
from pcea.models.pooling import pool


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A shape, split into parts.

    A probability is the model's for the part, among the parts that compete.

    Args:
        part: the global part id of each of a cloud's N points, or of a mesh's V vertices, int64.
        probability: (N,) or (V,) that part's probability.
        category: the category whose parts competed.
        sample: the P = votes · ``num_points`` points that the model saw, in the shape's own unit
            and axes; those of a mesh with their faces.
        sample_part: (P,) the part that the model gave each of them.
        sample_probability: (P, K) the probabilities of the category's K parts, in the order of
            ``taxonomy.parts_of``.
        face_part: (F,) the part of each face; None for a cloud.
        face_probability: (F,) that part's probability; None for a cloud.
        category_probability: what the model gave to the parts of the category, of all it gave;
            None where the category was told.
        notes: what a person should know of what was done to the points, a sentence each.
    """

    part: Tensor
    probability: Tensor
    category: str
    sample: Cloud
    sample_part: Tensor
    sample_probability: Tensor
    face_part: Tensor | None = None
    face_probability: Tensor | None = None
    category_probability: float | None = None
    notes: tuple[str, ...] = ()


class Segmenter(PointModel):
    """PCT's part segmenter: each point's features beside those of the whole cloud.

    A point's features are the fused ones, interpolated where the embedding kept fewer points,
    and then joined by those of the first embedding; the cloud's are their maximum, their mean and
    its category. Category dropout trains the model to do without the category.

    Args:
        info: the model's name, and the parts it tells apart.
        hidden: channels of the two blocks of the head. Default (512, 256).
        dropout: share of channels zeroed after the first block in training. Default 0.5.
        category_dim: channels that the category's one-hot code becomes. Default 64.
        category_dropout: share of clouds whose category is hidden in training. Default 0.5.
        encoder: options of :class:`pcea.models.encoder.PointTransformer`.

    Source:
        Guo et al., *PCT*, figure 2 and section 4.3.
    """

    task: ClassVar[Literal["classification", "segmentation"]] = "segmentation"

    def __init__(
        self,
        info: ModelInfo,
        hidden: tuple[int, int] = (512, 256),
        dropout: float = 0.5,
        category_dim: int = 64,
        category_dropout: float = 0.5,
        **encoder: Any,
    ) -> None:
        super().__init__(info, PointTransformer(**encoder))
        if not info.taxonomy.parts:
            raise InputError("a segmenter needs a taxonomy with parts")
        self.categories = len(info.taxonomy.categories)
        self.category_dropout = category_dropout
        self.category = LBR(self.categories, category_dim, slope=0.2)
        # Where points were left out on the way, those of the finer levels say what was lost.
        finer = self.encoder.dims[:-1] if self.encoder.coarsens else ()
        self.own = nn.ModuleList(
            nn.Linear(dim, hidden[0], bias=False) for dim in (*finer, self.encoder.fused)
        )
        self.context = LBR(2 * self.encoder.fused + category_dim, hidden[0])
        self.dropout = nn.Dropout(dropout)
        self.second = LBR(hidden[0], hidden[1])
        self.last = nn.Linear(hidden[1], len(info.taxonomy.parts))

    def forward(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Score every part for each point.

        Args:
            pos: (B, N, 3) positions, centred and scaled to the unit sphere. In evaluation mode
                stray points are left out, see :meth:`prepare`, and get the scores of their
                nearest kept points.
            normal: (B, N, 3) unit normals, used by a model made for them. Default: unknown, and
                estimated in evaluation mode.
            category: (B,) int64 category ids. Default: unknown.
            mask: (B, N) bool, true at real points. Default: all are real.

        Returns:
            (B, N, parts) logits.

        Raises:
            InputError: as :meth:`prepare`, or there is no category of such an id.
        """
        pos, normal, stand_in = self.prepare(pos, normal, category, mask)
        *levels, fused = self.encoder(pos, normal, mask)
        context = torch.cat([pool(fused, ("max", "mean")), self._category(pos, category)], dim=-1)
        # The context is the same for all points: its share of the layer is computed once a cloud.
        x = F.linear(context, self.context.linear.weight).unsqueeze(1)  # (B, 1, hidden)
        for linear, level in zip(self.own, [*levels[: len(self.own) - 1], fused], strict=True):
            own = linear(level.x)  # before the interpolation: fewer points, the same function
            if level.pos.shape[1] < pos.shape[1]:
                own = three_interpolate(pos, level.pos, own, level.mask)
            x = x + own  # (B, N, hidden)
        x = self.dropout(self.context.activate(x, mask))
        logits = self.last(self.second(x, mask))
        if stand_in is None:
            return logits
        return logits.gather(1, stand_in.unsqueeze(-1).expand_as(logits))

    @property
    def last_weight(self) -> Tensor:
        """The weights of the last layer, whose type and device are the model's."""
        return self.last.weight

    def _category(self, pos: Tensor, category: Tensor | None) -> Tensor:
        if category is None:
            code = pos.new_zeros(len(pos), self.categories)
        else:
            code = F.one_hot(category, self.categories).to(pos.dtype)
            if self.training and self.category_dropout > 0:
                kept = torch.rand(len(pos), 1, device=pos.device) >= self.category_dropout
                code = code * kept
        return self.category(code)

    @torch.no_grad()
    def segment(
        self,
        shape: ShapeLike,
        category: str | None = None,
        votes: int = 8,
        up: str = "y",
        smooth: int = 0,
    ) -> Segmentation:
        """Split a cloud or a mesh into parts.

        A cloud's points are answered by their three nearest seen points, of each sampling on its
        own. On a mesh, the probabilities at all seen points are brought back along the surface,
        which smooths out where single points err.

        Args:
            shape: a cloud or mesh in any unit, or what else :func:`pcea.as_shape` takes.
            category: the category's name, whose parts alone compete. Default: the category to
                whose parts the model gives the highest probability.
            votes: how many samplings of the shape are averaged. Default 8, as in the command.
            up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`. Default ``y``.
            smooth: how often each face of a mesh takes the part that most of it and of its
                neighbors have. Default 0.

        Returns:
            The part of each point, or of each vertex and each face.

        Raises:
            InputError: the model knows no such category, there is no such axis, or ``votes`` is
                below 1.
        """
        if votes < 1:
            raise InputError(f"cannot look {votes} times: votes must be at least 1")
        shape, taxonomy = as_shape(shape), self.info.taxonomy
        known = None if category is None else taxonomy.category_id(category)
        code = None if known is None else torch.tensor([known], device=self.device)
        looks, found = [], []
        with evaluating(self):
            for seed in range(votes):
                look = self.look_at(shape, seed, up)
                logits = self(look.batch.pos, look.batch.normal, code)  # (1, num_points, parts)
                looks.append(look)
                found.append(logits.float().softmax(-1)[0].cpu())
        sure = None
        if known is None:
            share = torch.cat(found).mean(0)  # (parts,)
            best_category = (share * taxonomy.part_mask()).sum(-1).max(0)
            known, sure = int(best_category.indices), float(best_category.values)
        own = torch.tensor(taxonomy.parts_of[known])
        # Only what competes is carried over: a large shape has many points, a category few parts.
        rival = [each[:, own] for each in found]
        rival = [each / each.sum(1, keepdim=True).clamp(min=1e-12) for each in rival]
        clouds, notes = [look.cloud for look in looks], notes_of_all(looks)
        sample, at_sample = Cloud.join(clouds), torch.cat(rival)  # (P, K)
        name, sample_part = taxonomy.categories[known], own[at_sample.argmax(1)]
        if isinstance(shape, Cloud):
            total = shape.carry_back(clouds[0], rival[0])  # (N, K)
            for cloud, each in zip(clouds[1:], rival[1:], strict=True):
                total += shape.carry_back(cloud, each)
            part, probability = _best(total, own)
            return Segmentation(
                *(part, probability, name, sample, sample_part, at_sample),
                category_probability=sure,
                notes=notes,
            )
        assert sample.face is not None
        at_vertices = shape.carry_back(sample, at_sample)
        at_faces = carry_to_faces(shape.faces.cpu(), at_vertices, sample.face.cpu(), at_sample)
        best = smooth_labels(shape.vertices, shape.faces, at_faces.argmax(1), smooth)  # (F,)
        face_probability = at_faces.gather(1, best[:, None])[:, 0] / _total(at_faces)
        part, probability = _best(at_vertices, own)
        return Segmentation(
            *(part, probability, name, sample, sample_part, at_sample),
            *(own[best], face_probability),
            category_probability=sure,
            notes=notes,
        )


def _best(score: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """The best of a category's parts, (N,) global ids, and its share of the scores, (N,)."""
    best = score.max(1)
    return own[best.indices], best.values / _total(score)


def _total(score: Tensor) -> Tensor:
    return score.sum(1).clamp(min=1e-12)
