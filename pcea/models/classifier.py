"""What a whole cloud shows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, cast

from torch import Tensor, nn

from pcea.defaults import CLASSIFY_VOTES, UP
from pcea.formats import ShapeLike
from pcea.models.base import PointModel
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.lbr import LBR
from pcea.models.pooling import pool


class Classifier(PointModel):
    """PCT's classifier: pooled features, two LBR blocks with dropout, one linear layer.

    Args:
        info: the model's name, and the categories it tells apart.
        pooling: how features of all points become one vector: any of ``max`` and ``mean``.
        hidden: channels of the two blocks.
        dropout: share of channels zeroed after each block in training.
        encoder: options of :class:`pcea.models.encoder.PointTransformer`.

    Source:
        Guo et al., *PCT*, figure 2.
    """

    task: ClassVar[Literal["classification", "segmentation"]] = "classification"

    def __init__(
        self,
        info: ModelInfo,
        pooling: tuple[str, ...] = ("max",),
        hidden: tuple[int, int] = (512, 256),
        dropout: float = 0.5,
        **encoder: Any,
    ) -> None:
        super().__init__(info, PointTransformer(**encoder))
        self.pooling = tuple(pooling)
        self.head = nn.Sequential(
            LBR(self.encoder.fused * len(pooling), hidden[0], slope=0.2),
            nn.Dropout(dropout),
            LBR(hidden[0], hidden[1], bias=True, slope=0.2),
            nn.Dropout(dropout),
            nn.Linear(hidden[1], len(info.taxonomy.categories)),
        )

    def forward(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Score every category for each cloud: (B, categories) logits.

        It takes what :meth:`prepare` takes; the category is ignored.
        """
        pos, normal, _ = self.prepare(pos, normal, category, mask)
        fused = self.encoder(pos, normal, mask)[-1]
        return self.head(pool(fused, self.pooling))

    @property
    def last_weight(self) -> Tensor:
        """The weights of the last layer, whose type and device are the model's."""
        return cast(nn.Linear, self.head[-1]).weight

    def category_probability(self, probability: Tensor) -> Tensor:
        """Give the probabilities, which are those of categories already."""
        return probability

    def classify(
        self, shape: ShapeLike, top: int = 5, votes: int = CLASSIFY_VOTES, up: str = UP
    ) -> list[tuple[str, float]]:
        """Name what a cloud or mesh shows: the likeliest categories, and how probable they are.

        Args:
            shape: a cloud or mesh in any unit, or what else :func:`pcea.as_shape` takes.
            top: how many categories to name.
            votes: how many samplings of the shape are averaged. Default 1.
            up: its up axis, one of :data:`pcea.geometry.UP_AXES`. Default: it is guessed.

        Raises:
            InputError: ``votes`` is below 1, or there is no such axis.
        """
        return self.predict(shape, votes, up).best(top)
