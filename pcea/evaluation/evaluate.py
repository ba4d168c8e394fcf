"""Running a model over a split."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch, Clouds
from pcea.errors import InputError, checked
from pcea.evaluation.fit import check_labels
from pcea.evaluation.metrics import ClassificationResult, PartResult, Result, shape_iou
from pcea.geometry import three_interpolate
from pcea.models import PointModel, WrappedModel
from pcea.models.base import at_temperature, evaluating
from pcea.models.translated import TranslatedModel
from pcea.parallel import parallel_map
from pcea.transforms import as_transforms, corrupt, corruption_transforms
from pcea.transforms.affine import Scale
from pcea.transforms.corruptions import apply_by_cloud

# What happens to a cloud before each vote but the first.
VOTE_TRANSFORMS = (Scale(0.8, 1.2),)
# Clouds that are worth a thread.
FEWEST = 8


@checked(num_points=1, votes=1, batch_size=1)
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
        batch_size: clouds at a time. On a CPU, each thread may take a part of a batch, of 8 clouds
            or more, so that with many threads there are more clouds at a time.
        use_category: whether a segmenter is given the category, as for published figures.
        transforms: what changes the ``num_points`` points of each cloud before, always with the
            same seed, in any form that :func:`pcea.transforms.as_transforms` takes. A segmenter is
            then measured on the points that are left or added.
        corruption: a name of :func:`pcea.transforms.list_corruptions`, which is applied first, by
            :func:`pcea.transforms.corrupt`. A segmenter is then measured on the points after it.
        severity: of the corruption, 1 to 5.

    Raises:
        InputError: there are no clouds, a count is below 1, the model does not know a category or a
            part, a segmenter lacks part labels, or a transform or the corruption is wrong.
    """
    given = as_transforms(transforms)
    if corruption is not None:
        corruption_transforms(corruption, severity)  # refuses what does not exist
    if wrong := [str(each) for each in given if each.mixes or each.categories is not None]:
        raise InputError(f"{wrong[0]} changes labels, and no figure can be made of these clouds")
    check_labels(model, clouds)
    parts, taxonomy = model.task == "segmentation", model.info.taxonomy
    device = next((each.device for each in model.parameters()), clouds.pos.device)
    sample = sample_of(model)
    if corruption is not None:
        clouds = corrupt(clouds, corruption, severity, num_points, sample)
        num_points, sample = clouds.longest, None
    if given:
        clouds = apply_by_cloud(clouds, given, num_points, sample)
        num_points = clouds.longest
    if device != clouds.pos.device:
        clouds = clouds.to(device)
    part_mask = taxonomy.part_mask().to(device) if parts else None  # (categories, parts)

    def predict(votes_of_batch: tuple[Batch, list[tuple[Tensor, Batch]]]) -> Answers:
        """Average over votes."""
        whole, drawn = votes_of_batch
        category = whole.category if parts and use_category else None
        mean = torch.zeros((), device=device)
        for pos, batch in drawn:
            probability = model(batch.pos, batch.normal, category).float().softmax(-1)
            if parts:
                probability = three_interpolate(whole.pos, pos, probability)
            mean = mean + probability / votes  # (B, categories) or (B, N, parts)
        return _answers(whole, mean, part_mask, model.info.category_temperature)

    # On a CPU, a part of the batch in each thread takes less time than the batch in all of them,
    # since threads that share an operator wait for each other at its end.
    apply: Callable[..., Iterable[Answers]] = map
    threads = torch.get_num_threads()
    part_size = min(batch_size, max(FEWEST, math.ceil(batch_size / threads)))
    enough = len(clouds) > part_size * (threads - 1)  # each thread gets a part
    if device.type == "cpu" and enough and _works_in_threads(model):
        apply, batch_size = parallel_map, part_size
    with evaluating(model):
        drawn = _draw_votes(clouds, num_points, votes, batch_size, parts)
        found = list(apply(predict, drawn))
    target = clouds.category.cpu()
    tells_category = not (use_category or isinstance(model, TranslatedModel))
    probability = torch.cat([each.category for each in found]).cpu()
    if not parts:
        return ClassificationResult(probability.argmax(-1), target, taxonomy, probability)
    assert clouds.part is not None
    predicted = torch.cat([each.part for each in found]).cpu()
    part, ptr = clouds.part.cpu(), clouds.ptr.cpu()
    iou = torch.tensor(
        [
            shape_iou(predicted[start:end], part[start:end], taxonomy.parts_of[i])
            for (start, end), i in zip(pairwise(ptr.tolist()), target.tolist(), strict=True)
        ]
    )
    return PartResult(
        *(iou, target, taxonomy, predicted, part, ptr),
        confidence=torch.cat([each.confidence for each in found]).cpu(),
        true_probability=torch.cat([each.true for each in found]).cpu(),
        category_probability=probability if tells_category else None,
    )


def _works_in_threads(model: PointModel | WrappedModel) -> bool:
    """Tell whether several threads may call a model at a time.

    The modules of this package and of torch keep no values between their operators. Those of other
    packages and hooks may.
    """
    return isinstance(model, PointModel) and all(
        type(each).__module__.partition(".")[0] in ("pcea", "torch")
        and not (each._forward_hooks or each._forward_pre_hooks)
        for each in model.modules()
    )


class Answers(NamedTuple):
    """What a model says of a batch, and of its T points in all if it segments."""

    category: Tensor  # (B, categories) probabilities
    part: Tensor  # (T,) the likeliest of the parts of the true category
    confidence: Tensor  # (T,) its probability among these
    true: Tensor  # (T,) that of the true part


def _answers(
    batch: Batch, probability: Tensor, part_mask: Tensor | None, temperature: float
) -> Answers:
    """Make answers of a classifier's probabilities (B, categories), or of (B, N, parts).

    ``part_mask`` is (categories, parts) bool, true at a category's parts; None for a classifier.
    ``temperature`` is that of the categories of a segmenter.
    """
    if part_mask is None or batch.part is None:
        nothing = probability.new_zeros(0)
        return Answers(probability, nothing.long(), nothing, nothing)
    real = torch.ones_like(batch.part, dtype=torch.bool) if batch.mask is None else batch.mask
    mean = (probability * real.unsqueeze(-1)).sum(1) / real.sum(1, keepdim=True)  # (B, parts)
    own = probability.masked_fill(~part_mask[batch.category].unsqueeze(1), -1.0)
    whole = own.clamp(min=0).sum(-1).clamp(min=1e-12)  # (B, N)
    best = own.max(-1)
    true = own.gather(-1, batch.part.unsqueeze(-1)).squeeze(-1).clamp(min=0)
    return Answers(
        at_temperature(mean @ part_mask.T.to(mean), temperature),
        best.indices[real],
        (best.values / whole)[real],
        (true / whole)[real],
    )


def sample_of(model: PointModel | WrappedModel) -> Generator | None:
    """How points are drawn before clouds are changed: None, the first ones, for a classifier."""
    return Generator().manual_seed(1) if model.task == "segmentation" else None


def _draw_votes(
    clouds: Clouds, num_points: int, votes: int, batch_size: int, parts: bool
) -> Iterator[tuple[Batch, list[tuple[Tensor, Batch]]]]:
    """Yield each batch whole, and its votes: the positions before and the batch after stretching.

    A segmenter, of ``parts``, gets drawn points for the first vote, too; a classifier the first.
    """
    # The generators of each vote last from batch to batch, so that the size of one is no matter.
    generators = [
        (Generator().manual_seed(2 * vote), Generator().manual_seed(2 * vote + 1))
        for vote in range(votes)
    ]
    for index in torch.arange(len(clouds), device=clouds.ptr.device).split(batch_size):
        drawn = []
        for vote, (stretch, points) in enumerate(generators):
            batch = clouds.batch(index, num_points, points if parts or vote else None)
            pos = batch.pos
            for transform in VOTE_TRANSFORMS if vote else ():
                batch = transform(batch, stretch)
            drawn.append((pos, batch))
        yield clouds.batch(index), drawn
