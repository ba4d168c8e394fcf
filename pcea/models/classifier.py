"""The classifier: which category a whole shape belongs to."""

from typing import Any, ClassVar, Literal, cast

from torch import Tensor, nn

from pcea.defaults import CLASSIFY_VOTES, UP
from pcea.errors import InputError, checked
from pcea.formats import ShapeLike
from pcea.models.base import PointModel
from pcea.models.dropout import Dropout
from pcea.models.embedding import require_sizes
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.lbr import LBR


class Classifier(PointModel):
    """PCT's classifier: pooled features, two LBR blocks with dropout, one linear layer.

    Args:
        info: the model's name and its categories.
        pooling: how the features of all points are pooled: by ``max``, ``mean`` or both.
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
        require_sizes(hidden=hidden)
        if not pooling or not set(pooling) <= {"max", "mean"}:
            raise InputError(
                f"model option pooling is {pooling!r}; it must be a list of 'max', 'mean' or both"
            )
        super().__init__(info, PointTransformer(**encoder))
        self.pooling = tuple(pooling)
        self.head = nn.Sequential(
            LBR(self.encoder.fused * len(pooling), hidden[0], slope=0.2),
            Dropout(dropout),
            LBR(hidden[0], hidden[1], bias=True, slope=0.2),
            Dropout(dropout),
            nn.Linear(hidden[1], len(info.taxonomy.categories)),
        )

    @property
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return cast(nn.Linear, self.head[-1])

    def forward(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Score every category for each cloud: (B, categories) logits.

        The arguments are those of :meth:`prepare`; the category is ignored.
        """
        return self.last_layer(self.features(pos, normal, category, mask))

    def features(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
        complements: bool = False,
    ) -> Tensor:
        """Compute what the last layer takes, (B, hidden); see :meth:`PointModel.features`."""
        pos, normal, _ = self.prepare(pos, normal, category, mask)
        x = self.encoder(pos, normal, mask, complements)[-1].pool(*self.pooling)
        for block in list(self.head)[:-1]:
            x = block(x)
        return x

    @checked(top=1, votes=1)
    def classify(
        self, shape: ShapeLike, top: int = 5, votes: int = CLASSIFY_VOTES, up: str = UP
    ) -> list[tuple[str, float]]:
        """Classify a shape: the ``top`` likeliest categories with their probabilities.

        The other arguments are those of :meth:`predict`; one vote is the default.
        """
        return self.predict(shape, votes, up).best(top)
