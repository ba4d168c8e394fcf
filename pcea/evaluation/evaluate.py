"""Running a model over a split."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch, Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.errors import InputError, checked
from pcea.evaluation.metrics import ClassificationResult, PartResult, Result, shape_iou
from pcea.geometry import three_interpolate
from pcea.models import PointModel, WrappedModel
from pcea.models.base import evaluating
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
        batch_size: clouds at a time.
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
    if mixing := [str(each) for each in given if each.mixes]:
        raise InputError(f"{mixing[0]} mixes clouds, whose labels no figure is made of")
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
    competing = taxonomy.part_mask().to(device)  # (categories, parts)

    def predict(votes_of_batch: tuple[Batch, list[tuple[Tensor, Batch]]]) -> Tensor:
        """Average over votes; of a segmenter, the part of each point instead."""
        whole, drawn = votes_of_batch
        category = whole.category if parts and use_category else None
        total = torch.zeros((), device=device)
        for pos, batch in drawn:
            probability = model(batch.pos, batch.normal, category).float().softmax(-1)
            if parts:
                probability = three_interpolate(whole.pos, pos, probability)
            total = total + probability  # (B, categories) or (B, N, parts)
        if not parts:
            return total / votes
        total = total.masked_fill(~competing[whole.category].unsqueeze(1), -1.0)
        return (total.flatten(0, 1) if whole.mask is None else total[whole.mask]).argmax(-1)

    # On a CPU, a part of the batch in each thread takes less time than the batch in all of them,
    # since threads that share an operator wait for each other at its end. A module of other origin
    # may keep values between its operators, so it is not called in two threads at once.
    apply: Callable[..., Iterable[Tensor]] = map
    if device.type == "cpu" and isinstance(model, PointModel):
        apply = parallel_map
        part_size = max(FEWEST, math.ceil(batch_size / torch.get_num_threads()))
        batch_size = min(batch_size, part_size)
    with evaluating(model):
        drawn = _draw_votes(clouds, num_points, votes, batch_size, parts)
        found = list(apply(predict, drawn))
    together, target = torch.cat(found).cpu(), clouds.category.cpu()
    if not parts:
        return ClassificationResult(together.argmax(-1), target, taxonomy, together)
    assert clouds.part is not None
    part, ptr = clouds.part.cpu(), clouds.ptr.cpu()
    iou = torch.tensor(
        [
            shape_iou(together[start:end], part[start:end], taxonomy.parts_of[i])
            for (start, end), i in zip(pairwise(ptr.tolist()), target.tolist(), strict=True)
        ]
    )
    return PartResult(iou, target, taxonomy, together, part, ptr)


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


def check_labels(model: PointModel | WrappedModel, clouds: Clouds) -> None:
    """Refuse clouds without labels of the model's task, or with others than the model knows."""
    if not len(clouds):
        raise InputError("there are no clouds to evaluate")
    parts, taxonomy = model.task == "segmentation", model.info.taxonomy
    if parts and clouds.part is None:
        raise InputError(f"no part labels to evaluate {model.info.name!r} by")
    for kind, label, names in (
        ("category", clouds.category, taxonomy.categories),
        ("part", clouds.part if parts else None, taxonomy.parts),
    ):
        if label is not None and int(label.max()) >= len(names):
            raise InputError(f"{model.info.name!r} knows no {kind} {int(label.max())}")


def check_fit(model: PointModel | WrappedModel, data: PointCloudDataset) -> None:
    """Refuse a data set that lacks labels or whose labels are not those of the model's outputs."""
    theirs, own = data.taxonomy, model.info.taxonomy
    wrong = ""
    if theirs.categories != own.categories:
        extra = [name for name in theirs.categories if name not in own.categories]
        missing = [name for name in own.categories if name not in theirs.categories]
        if extra:
            wrong = f"category {extra[0]!r}, which the model does not know"
        else:
            wrong = f"no category {missing[0]!r}" if missing else "the categories in another order"
    elif model.task == "segmentation" and data.clouds.part is None:
        wrong = "no part labels, which a segmenter needs"
    elif model.task == "segmentation":
        for name, ids, known in zip(own.categories, theirs.parts_of, own.parts_of, strict=True):
            # A folder with some splits only may show fewer parts than the model was trained on.
            if any(i not in known or theirs.parts[i] != own.parts[i] for i in ids):
                wrong = f"other parts of {name!r} than the model"
                break
    if wrong:
        trained_on = f" (it was trained on {model.info.dataset!r})" if model.info.dataset else ""
        raise InputError(f"data set {data.name!r} has {wrong}{trained_on}")
