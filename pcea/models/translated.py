"""A segmenter of the taxonomy ``everyday`` with the labels of another data set."""

from dataclasses import replace

from torch import Tensor, nn

from pcea.datasets.everyday import Translation, everyday_taxonomy, translate
from pcea.datasets.taxonomy import Taxonomy
from pcea.models.base import PointModel
from pcea.models.wrapped import WrappedModel


class TranslatedModel(WrappedModel):
    """A segmenter whose parts are those of another data set, one to one within each category.

    Two categories of the data set may have one common name. The model cannot tell them apart, so
    that no figure is made of predicted categories.
    """


def translated(model: PointModel, name: str, theirs: Taxonomy) -> TranslatedModel | None:
    """Translate a segmenter to the labels of a data set that ``everyday.yaml`` lists by its name.

    It returns None if the model is of another taxonomy, or the table lacks the name or a label.
    """
    translation = translate(name, theirs) if theirs.parts else None
    if translation is None or model.info.taxonomy != everyday_taxonomy():
        return None
    options = {"task": "segmentation", "normals": model.encoder.normals}
    module = _Translated(model, translation)
    return TranslatedModel(module, replace(model.info, taxonomy=theirs, options=options))


class _Translated(nn.Module):
    """Takes and gives the labels of another data set."""

    category: Tensor
    part: Tensor

    def __init__(self, model: PointModel, translation: Translation) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("category", translation.category.to(model.device))
        self.register_buffer("part", translation.part.to(model.device))

    def forward(
        self, pos: Tensor, normal: Tensor | None = None, category: Tensor | None = None
    ) -> Tensor:
        """Score every part of the data set for each point: (B, N, parts) logits."""
        known = None if category is None else self.category[category]
        logits: Tensor = self.model(pos, normal, known)
        return logits[..., self.part]
