"""Running a model over a split."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch, Clouds
from pcea.errors import InputError
from pcea.evaluation.metrics import (
    ClassificationResult,
    PartResult,
    Result,
    classification_result,
    shape_iou,
)
from pcea.geometry import three_interpolate
from pcea.models import PointModel
from pcea.models.mode import evaluating
from pcea.transforms.affine import Scale

# What happens to a cloud before each vote but the first.
VOTE_TRANSFORMS = (Scale(0.8, 1.2),)


@torch.no_grad()
def evaluate(
    model: PointModel,
    clouds: Clouds,
    num_points: int,
    votes: int = 1,
    batch_size: int = 32,
    use_category: bool = True,
) -> Result:
    """Measure a model on a split.

    A classifier sees the first ``num_points`` points of each cloud, as published figures do. A
    segmenter sees ``num_points`` points drawn with a fixed seed and answers for every labelled
    point, by interpolation; only the parts of the shape's own category compete. With several
    votes, the others see other points, randomly stretched, and probabilities are averaged.

    The model is left as it was: every module in its own mode, every parameter as free or frozen.

    Args:
        model: the model.
        clouds: the split; it is moved to the model's device.
        num_points: points of each cloud that the model sees.
        votes: how many times each cloud is looked at. Default 1.
        batch_size: clouds at a time. Default 32.
        use_category: whether a segmenter is told the category. Default true, as published
            figures are.

    Returns:
        The figures of the model's task.

    Raises:
        InputError: there are no clouds, a count is below 1, the model does not know a category or
            a part, or a segmenter lacks part labels.
    """
    if not len(clouds) or min(num_points, votes, batch_size) < 1:
        raise InputError(
            f"nothing to evaluate: {len(clouds)} clouds, {num_points} points, {votes} votes, "
            f"batches of {batch_size}"
        )
    if model.task == "segmentation" and clouds.part is None:
        raise InputError(f"no part labels to evaluate {model.info.name!r} by")
    taxonomy = model.info.taxonomy
    for kind, label, names in (
        ("category", clouds.category, taxonomy.categories),
        ("part", clouds.part if model.task == "segmentation" else None, taxonomy.parts),
    ):
        if label is not None and int(label.max()) >= len(names):
            raise InputError(f"{model.info.name!r} knows no {kind} {int(label.max())}")
    device = next((each.device for each in model.parameters()), clouds.pos.device)
    if device != clouds.pos.device:
        clouds = clouds.to(device)
    with evaluating(model):
        if model.task == "classification":
            return _evaluate_classifier(model, clouds, num_points, votes, batch_size)
        return _evaluate_segmenter(model, clouds, num_points, votes, batch_size, use_category)


def _batches(clouds: Clouds, batch_size: int) -> Iterator[Tensor]:
    yield from torch.arange(len(clouds), device=clouds.ptr.device).split(batch_size)


class _Voter:
    """One vote: the first sees each cloud as it is, the others see other points, stretched.

    It draws from batch after batch as from one long batch: their size does not matter.
    """

    def __init__(self, vote: int, draw: bool) -> None:
        self.stretch = Generator().manual_seed(2 * vote) if vote > 0 else None
        self.points = Generator().manual_seed(2 * vote + 1) if draw or vote > 0 else None

    def look(self, clouds: Clouds, index: Tensor, num_points: int) -> tuple[Batch, Tensor]:
        """A batch, and where its points really lie."""
        batch = clouds.batch(index, num_points, self.points)
        place = batch.pos
        if self.stretch is not None:
            for transform in VOTE_TRANSFORMS:
                batch = transform(batch, self.stretch)
        return batch, place


def _evaluate_classifier(
    model: PointModel, clouds: Clouds, num_points: int, votes: int, batch_size: int
) -> ClassificationResult:
    probabilities, voters = [], [_Voter(vote, draw=False) for vote in range(votes)]
    for index in _batches(clouds, batch_size):
        total = torch.zeros((), device=index.device)
        for voter in voters:
            batch, _ = voter.look(clouds, index, num_points)
            total = total + model(batch.pos, batch.normal).float().softmax(-1)  # (B, C)
        probabilities.append(total / votes)
    probability = torch.cat(probabilities)
    return classification_result(
        probability.argmax(-1), clouds.category, model.info.taxonomy, probability
    )


def _evaluate_segmenter(
    model: PointModel,
    clouds: Clouds,
    num_points: int,
    votes: int,
    batch_size: int,
    use_category: bool,
) -> PartResult:
    taxonomy = model.info.taxonomy
    competing = taxonomy.part_mask().to(clouds.pos.device)  # (categories, parts)
    ious, predictions = [], []
    voters = [_Voter(vote, draw=True) for vote in range(votes)]
    for index in _batches(clouds, batch_size):
        whole = clouds.batch(index)
        category = whole.category if use_category else None
        total = torch.zeros((), device=index.device)
        for voter in voters:
            batch, place = voter.look(clouds, index, num_points)
            probability = model(batch.pos, batch.normal, category).float().softmax(-1)
            total = total + three_interpolate(whole.pos, place, probability)  # (B, N, parts)
        total = total.masked_fill(~competing[whole.category].unsqueeze(1), -1.0)
        prediction = total.argmax(-1).cpu()  # (B, N)
        assert whole.part is not None
        truth, counts = whole.part.cpu(), clouds.counts[index].tolist()
        for row, (kind, count) in enumerate(zip(whole.category.tolist(), counts, strict=True)):
            parts = taxonomy.parts_of[kind]
            predictions.append(prediction[row, :count])
            ious.append(shape_iou(predictions[-1], truth[row, :count], parts))
    assert clouds.part is not None
    return PartResult(
        *(torch.tensor(ious), clouds.category.cpu(), taxonomy),
        *(torch.cat(predictions), clouds.part.cpu(), clouds.ptr.cpu()),
    )
