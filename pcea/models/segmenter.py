"""Part segmentation: to which part each point of a cloud or face of a mesh belongs."""

import os
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.datasets.taxonomy import Taxonomy
from pcea.defaults import SEGMENT_VOTES, UP
from pcea.errors import InputError, checked
from pcea.formats import Cloud, Mesh, ShapeLike, write_npz
from pcea.geometry import carry_to_faces, face_areas, smooth_labels, three_interpolate
from pcea.models.base import PointModel
from pcea.models.dropout import Dropout
from pcea.models.embedding import require_sizes
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.lbr import LBR
from pcea.models.prediction import Prediction


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation:
    """A shape split into parts.

    A probability is that of a part among the parts of the category. If the category is unsure, the
    parts are the names that parts of all categories share, such as ``leg``, and the taxonomy is
    made of those that the shape has, so that ids are not those of the model.

    Args:
        shape: the cloud of N points or the mesh of V vertices.
        taxonomy: the names of the parts; the model's own unless the category is unsure.
        part: the part of each of a cloud's N points, or of a mesh's V vertices, int64: its id in
            ``taxonomy.parts``.
        probability: (N,) or (V,) that part's probability.
        category: the category, given or predicted.
        sample: the P = votes · ``num_points`` points that the model took, in the shape's own unit
            and axes; those of a mesh with their faces.
        sample_part: (P,) the part predicted for each of them.
        sample_probability: (P, K) of the category's K parts, in the order of ``taxonomy.parts_of``.
        face_part: (F,) the part of each face; None for a cloud.
        face_probability: (F,) that part's probability; None for a cloud.
        category_probability: the probability of the predicted category: the sum over its parts,
            calibrated by ``info.category_temperature``, or the mean of that over all axes that may
            be up if the guess is not settled; None if the category was given.
        up: the up axis that was used.
        up_confidence: the probability of its guess, 0 to 1; None if the axis was given.
        smooth: how many rounds of smoothing the labels of the faces went through.
        unsure: whether the predicted category is unsure; None if the model does not say so.
        doubts: what makes it unsure, one sentence each.
        strangeness: how much it seems of an unknown kind; see :attr:`Prediction.strangeness`.
        notes: how the shape was read and what was done to its points, one sentence each.
    """

    shape: Cloud | Mesh
    taxonomy: Taxonomy
    part: Tensor
    probability: Tensor
    category: str
    sample: Cloud
    sample_part: Tensor
    sample_probability: Tensor
    face_part: Tensor | None = None
    face_probability: Tensor | None = None
    category_probability: float | None = None
    up: str = "y"
    up_confidence: float | None = None
    smooth: int = 0
    unsure: bool | None = None
    doubts: tuple[str, ...] = ()
    strangeness: float | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {100 * share:.1f} %" for name, share in self.shares.items())
        return f"Segmentation({self.shape.name or 'a shape'}, {self.category}: {parts})"

    @property
    def shares(self) -> dict[str, float]:
        """The category's parts, each with its share of a mesh's surface or of a cloud's points."""
        part, weight = self.part, None
        if isinstance(self.shape, Mesh) and self.face_part is not None:
            part, weight = self.face_part, face_areas(self.shape.vertices, self.shape.faces)
        total = part.bincount(weight, minlength=len(self.taxonomy.parts)).double()
        own = self.taxonomy.parts_of[self.taxonomy.category_id(self.category)]
        return {self.taxonomy.parts[i]: float(total[i] / total.sum()) for i in own}

    def save_labels(self, path: str | os.PathLike[str]) -> None:
        """Write the labels as NPZ; docs/segmentation.md names the arrays."""
        shape = self.shape
        arrays: dict[str, Any] = {
            "part": self.part,
            "probability": self.probability,
            "part_names": list(self.taxonomy.parts),
            "category": self.category,
            "category_probability": self.category_probability,
            "unsure": self.unsure,
            "doubts": np.array(self.doubts, dtype=str),
            "up": self.up,
            "row": shape.row,
        }
        if isinstance(shape, Mesh):
            arrays |= {
                "faces": shape.faces,
                "face_part": self.face_part,
                "face_probability": self.face_probability,
                "sample_pos": self.sample.file_pos,
                "sample_face": self.sample.face,
                "sample_part": self.sample_part,
            }
        known = {name: value for name, value in arrays.items() if value is not None}
        write_npz(path, pos=shape.file_pos, offset=shape.offset, **known)


class Segmenter(PointModel):
    """PCT's part segmenter: the features of each point, and those of the whole cloud.

    A point has the fused features. If the embedding reduces the points, they are interpolated, and
    the features of the finer levels are added. The cloud has their maximum, their mean and its
    category. Category dropout trains the model to work without a category, too.

    Args:
        info: the model's name and its parts.
        hidden: channels of the two blocks of the head.
        dropout: share of channels zeroed after the first block in training.
        category_dim: channels that the category's one-hot code becomes.
        category_dropout: share of clouds whose category is hidden in training.
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
        require_sizes(hidden=hidden, category_dim=category_dim)
        super().__init__(info, PointTransformer(**encoder))
        if not info.taxonomy.parts:
            raise InputError("a segmenter needs a taxonomy with parts")
        self.categories = len(info.taxonomy.categories)
        self.category_dropout = Dropout(category_dropout).p  # it checks the value
        self.category = LBR(self.categories, category_dim, slope=0.2)
        # If the embedding reduces the points, the finer levels have the details that it loses.
        finer = self.encoder.dims[:-1] if self.encoder.coarsens else ()
        self.own = nn.ModuleList(
            nn.Linear(dim, hidden[0], bias=False) for dim in (*finer, self.encoder.fused)
        )
        self.context = LBR(2 * self.encoder.fused + category_dim, hidden[0])
        self.dropout = Dropout(dropout)
        self.second = LBR(hidden[0], hidden[1])
        self.last = nn.Linear(hidden[1], len(info.taxonomy.parts))

    @property
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return self.last

    def forward(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Score every part for each point: (B, N, parts) logits.

        The arguments are those of :meth:`prepare`. In evaluation mode, a stray point gets the
        scores of its nearest kept point.
        """
        return self.last(self.features(pos, normal, category, mask))

    def features(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
        complements: bool = False,
    ) -> Tensor:
        """Compute what the last layer takes, (B, N, hidden); see :meth:`PointModel.features`."""
        pos, normal, stand_in = self.prepare(pos, normal, category, mask)
        *levels, fused = self.encoder(pos, normal, mask, complements)
        code = pos.new_zeros(len(pos), self.categories)
        if category is not None:
            code = F.one_hot(category, self.categories).to(pos.dtype)
            if self.training and self.category_dropout > 0:
                code = code * (torch.rand(len(pos), 1, device=pos.device) >= self.category_dropout)
        if complements:  # without the category: only attention is to reach the second third
            code = torch.cat([code, torch.zeros_like(code), code])
        pos, _, mask = levels[0]  # three times as many clouds with complements
        context = torch.cat([fused.pool("max", "mean"), self.category(code)], dim=-1)
        # The context is the same for all points: its term of the layer is computed once per cloud.
        x = F.linear(context, self.context.linear.weight).unsqueeze(1)  # (B, 1, hidden)
        for linear, level in zip(self.own, [*levels[: len(self.own) - 1], fused], strict=True):
            own = linear(level.x)  # before the interpolation: fewer points, the same function
            if level.pos.shape[1] < pos.shape[1]:
                own = three_interpolate(pos, level.pos, own, level.mask)
            x = x + own  # (B, N, hidden)
        x = self.dropout(self.context.activate(x, mask))
        x = self.second(x, mask)
        if stand_in is None:
            return x
        stand_in = stand_in.repeat(len(x) // len(stand_in), 1)
        return x.gather(1, stand_in.unsqueeze(-1).expand_as(x))

    @checked(votes=1, smooth=0)
    def segment(
        self,
        shape: ShapeLike,
        category: str | None = None,
        votes: int = SEGMENT_VOTES,
        up: str = UP,
        smooth: int = 0,
    ) -> Segmentation:
        """Predict the part of each point of a cloud, or of each vertex and face of a mesh.

        The arguments are those of :meth:`predict`; eight votes are the default. Only the parts of
        one category compete: of the given one, or else of the one whose parts get the highest
        probability. If that one is unsure, parts of the same name are taken together over all
        categories: see :func:`by_common_name`. ``smooth`` is the number of rounds in which each
        face of a mesh takes the most frequent part among itself and its neighbors.
        """
        return segmentation(self.predict(shape, votes, up, category), smooth)


def competing(prediction: Prediction, category: int) -> list[Tensor]:
    """Restrict a segmenter's prediction to the K parts of a category, given by its id.

    It returns the probabilities of each vote, (num_points, K), which sum to 1 and are ordered as
    ``taxonomy.parts_of``.
    """
    own = list(prediction.model.info.taxonomy.parts_of[category])
    rival = prediction.probability[:, own]
    rival = rival / rival.sum(1, keepdim=True).clamp(min=1e-12)
    return list(rival.split(len(rival) // len(prediction.encoded)))


def common_names(taxonomy: Taxonomy) -> list[str]:
    """Name each part as other categories may have it, too: ``leg`` for ``chair/leg``."""
    # A number is no name that categories could have in common.
    numbered = re.compile(r"/part\d+$")
    return [part if numbered.search(part) else part.rpartition("/")[2] for part in taxonomy.parts]


def by_common_name(prediction: Prediction) -> tuple[Taxonomy, list[Tensor]]:
    """Take parts of the same name together, whichever category has them, such as all legs.

    It returns a taxonomy of the K names that are the likeliest at some point of the sample, all of
    the likeliest category, and their probabilities at each vote, (num_points, K), which sum to 1.
    """
    names = common_names(prediction.model.info.taxonomy)
    common = list(dict.fromkeys(names))
    index = torch.tensor([common.index(name) for name in names])
    probability = prediction.probability
    pooled = probability.new_zeros(len(probability), len(common)).index_add_(1, index, probability)
    kept = pooled.argmax(1).unique().tolist()
    rival = pooled[:, kept] / pooled[:, kept].sum(1, keepdim=True)
    taxonomy = Taxonomy(
        (prediction.category,), tuple(common[i] for i in kept), (tuple(range(len(kept))),)
    )
    return taxonomy, list(rival.split(len(rival) // len(prediction.encoded)))


def segmentation(prediction: Prediction, smooth: int = 0) -> Segmentation:
    """Interpolate a segmenter's prediction from the points that it took to the whole shape.

    A point of a cloud takes the mean of the three nearest points of each vote. On a mesh, the
    probabilities of all votes are fitted along the surface, which corrects single wrong points.
    ``smooth`` is that of :meth:`Segmenter.segment`.
    """
    shape, sample = prediction.shape, prediction.sample
    sure = None if prediction.given is not None else prediction.best()[0][1]
    # Only the parts of the category are interpolated, because a large shape has many points.
    taxonomy = prediction.model.info.taxonomy
    unsure = prediction.unsure
    if unsure:
        taxonomy, rival = by_common_name(prediction)
        own = torch.arange(len(taxonomy.parts))
    else:
        rival = competing(prediction, prediction.category_id)
        own = torch.tensor(taxonomy.parts_of[prediction.category_id])
    at_sample = torch.cat(rival)  # (P, K)
    on_faces: dict[str, Tensor] = {}
    if isinstance(shape, Cloud):
        votes = zip(prediction.encoded, rival, strict=True)
        carried = (shape.carry_back(vote.input.cloud, each) for vote, each in votes)
        at_places = sum(carried, torch.zeros(()))  # (N, K)
    else:
        assert sample.face is not None
        at_places = shape.carry_back(sample, at_sample)  # (V, K)
        at_faces = carry_to_faces(shape.faces.cpu(), at_places, sample.face.cpu(), at_sample)
        best = smooth_labels(shape.vertices, shape.faces, at_faces.argmax(1), smooth)  # (F,)
        on_faces = {"face_part": own[best], "face_probability": _probability(at_faces, best)}
    best = at_places.argmax(1)
    return Segmentation(
        shape=shape,
        taxonomy=taxonomy,
        part=own[best],
        probability=_probability(at_places, best),
        category=prediction.category,
        sample=sample,
        sample_part=own[at_sample.argmax(1)],
        sample_probability=at_sample,
        **on_faces,
        category_probability=sure,
        up=prediction.up,
        up_confidence=prediction.up_confidence,
        smooth=smooth,
        unsure=unsure,
        doubts=prediction.doubts if unsure else (),
        strangeness=prediction.strangeness,
        notes=prediction.notes,
    )


def _probability(score: Tensor, part: Tensor) -> Tensor:
    return score.gather(1, part[:, None])[:, 0] / score.sum(1).clamp(min=1e-12)
