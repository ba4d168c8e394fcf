"""Running a model over a split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch, Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.errors import InputError
from pcea.evaluation.metrics import (
    ClassificationResult,
    PartResult,
    Result,
    classification_result,
    shape_iou,
)
from pcea.geometry import three_interpolate
from pcea.models import PointModel, WrappedModel
from pcea.models.mode import evaluating
from pcea.transforms import Transform, as_transforms, corruption_transforms
from pcea.transforms.affine import Scale

# What happens to a cloud before each vote but the first.
VOTE_TRANSFORMS = (Scale(0.8, 1.2),)
# Clouds that are transformed at a time: figures do not depend on the batch size.
AT_A_TIME = 32


@torch.no_grad()
def evaluate(
    model: PointModel | WrappedModel,
    clouds: Clouds,
    num_points: int,
    votes: int = 1,
    batch_size: int = 32,
    use_category: bool = True,
    transforms: Any = None,
    corruption: str | None = None,
    severity: int = 3,
) -> Result:
    """Measure a model on a split: the figures of the model's task.

    A classifier takes the first ``num_points`` points of each cloud, as published figures do. A
    segmenter takes ``num_points`` points drawn with a fixed seed and predicts a part for every
    labeled point, by interpolation; only the parts of the shape's own category compete. Of several
    votes, the others take other points, randomly stretched, and probabilities are averaged. The
    model is left as it was.

    Args:
        model: the model.
        clouds: the split; it is moved to the model's device.
        num_points: points of each cloud that the model takes.
        votes: how many votes each cloud gets.
        batch_size: clouds at a time.
        use_category: whether a segmenter is given the category, as for published figures.
        transforms: what changes the ``num_points`` points of each cloud before, always with the
            same seed, in any form that :func:`pcea.transforms.as_transforms` takes. A segmenter is
            then measured on the points that are left or added.
        corruption: a name of :func:`pcea.transforms.list_corruptions`, whose transforms come first.
        severity: of the corruption, 1 to 5.

    Raises:
        InputError: there are no clouds, a count is below 1, the model does not know a category or a
            part, a segmenter lacks part labels, or a transform or the corruption is wrong.
    """
    given = () if corruption is None else corruption_transforms(corruption, severity)
    given += as_transforms(transforms)
    if mixing := [str(each) for each in given if each.mixes]:
        raise InputError(f"{mixing[0]} mixes clouds, whose labels no figure is made of")
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
    if given:
        clouds = _transform(clouds, num_points, given, draw=model.task == "segmentation")
        num_points = clouds.longest
    with evaluating(model):
        if model.task == "classification":
            return _evaluate_classifier(model, clouds, num_points, votes, batch_size)
        return _evaluate_segmenter(model, clouds, num_points, votes, batch_size, use_category)


def _transform(
    clouds: Clouds, num_points: int, transforms: Sequence[Transform], draw: bool
) -> Clouds:
    """The points that the first vote takes, transformed, as clouds of their own."""
    generator, points = Generator().manual_seed(0), Generator().manual_seed(1)
    done = []
    for index in _batches(clouds, AT_A_TIME):
        batch = clouds.batch(index, num_points, points if draw else None)
        for transform in transforms:
            batch = transform(batch, generator)
        names = [clouds.names[i] for i in index.tolist()]
        given = (batch.pos, batch.category, batch.normal, batch.part, names)
        done.append(Clouds.from_dense(*given))
    return Clouds.cat(done)


def _batches(clouds: Clouds, batch_size: int) -> Iterator[Tensor]:
    yield from torch.arange(len(clouds), device=clouds.ptr.device).split(batch_size)


class _Voter:
    """One vote: the first takes each cloud as it is, the others take other points, stretched.

    It draws from batch after batch as from one long batch: their size does not matter.
    """

    def __init__(self, vote: int, draw: bool) -> None:
        self.stretch = Generator().manual_seed(2 * vote) if vote > 0 else None
        self.points = Generator().manual_seed(2 * vote + 1) if draw or vote > 0 else None

    def draw(self, clouds: Clouds, index: Tensor, num_points: int) -> tuple[Batch, Tensor]:
        """A batch, and the positions of its points in the cloud."""
        batch = clouds.batch(index, num_points, self.points)
        place = batch.pos
        if self.stretch is not None:
            for transform in VOTE_TRANSFORMS:
                batch = transform(batch, self.stretch)
        return batch, place


def _evaluate_classifier(
    model: PointModel | WrappedModel, clouds: Clouds, num_points: int, votes: int, batch_size: int
) -> ClassificationResult:
    probabilities, voters = [], [_Voter(vote, draw=False) for vote in range(votes)]
    for index in _batches(clouds, batch_size):
        total = torch.zeros((), device=index.device)
        for voter in voters:
            batch, _ = voter.draw(clouds, index, num_points)
            total = total + model(batch.pos, batch.normal).float().softmax(-1)  # (B, C)
        probabilities.append(total / votes)
    probability = torch.cat(probabilities)
    return classification_result(
        probability.argmax(-1), clouds.category, model.info.taxonomy, probability
    )


def _evaluate_segmenter(
    model: PointModel | WrappedModel,
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
            batch, place = voter.draw(clouds, index, num_points)
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


def check_fit(model: PointModel, data: PointCloudDataset) -> None:
    """Refuse a data set that lacks labels or whose labels are not those of the model's outputs."""
    theirs, own = data.taxonomy, model.info.taxonomy
    trained_on = f" (it was trained on {model.info.dataset!r})" if model.info.dataset else ""
    if theirs.categories != own.categories:
        raise InputError(
            f"data set {data.name!r} has {_differing(theirs.categories, own.categories)}"
            f"{trained_on}"
        )
    if model.task == "classification":
        return
    if data.clouds.part is None:
        raise InputError(f"data set {data.name!r} has no part labels to measure a segmenter by")
    for category, ids, known in zip(own.categories, theirs.parts_of, own.parts_of, strict=True):
        # A folder with some splits only may show fewer parts than the model was trained on.
        if any(i not in known or theirs.parts[i] != own.parts[i] for i in ids):
            raise InputError(
                f"data set {data.name!r} has other parts of {category!r} than the model{trained_on}"
            )


def _differing(theirs: tuple[str, ...], own: tuple[str, ...]) -> str:
    extra = [name for name in theirs if name not in own]
    if extra:
        return f"category {extra[0]!r}, which the model does not know"
    missing = [name for name in own if name not in theirs]
    return f"no category {missing[0]!r}" if missing else "the model's categories in another order"
