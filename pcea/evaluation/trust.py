"""Make a trained model say true probabilities, and when it is unsure."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pcea.datasets import Clouds
from pcea.defaults import SURE
from pcea.errors import InputError, checked
from pcea.evaluation.calibration import (
    Calibration,
    measure_calibration,
    temperature_of_logits,
)
from pcea.evaluation.evaluate import evaluate
from pcea.evaluation.fit import check_labels
from pcea.evaluation.metrics import PartResult
from pcea.models import PointModel
from pcea.models.base import evaluating
from pcea.models.familiarity import Familiarity

# The share of validation clouds that are familiar.
FAMILIAR = 0.95


@dataclass(frozen=True, eq=False)
class Trust:
    """What became of a model, on the clouds that it was calibrated by.

    Args:
        temperature: what its logits were divided by; 1 for a segmenter, and if all answers are
            right.
        before, after: its calibration without and with it.
        limits: what makes an answer unsure, as in :class:`pcea.models.ModelInfo`.
        sure: (M,) bool which answers are sure.
        right: (M,) bool which answers are right.
    """

    temperature: float
    before: Calibration
    after: Calibration
    limits: dict[str, float]
    sure: Tensor
    right: Tensor


@checked(num_points=1, batch_size=1)
@torch.no_grad()
def make_trustworthy(
    model: PointModel, train: Clouds, val: Clouds, num_points: int, batch_size: int = 32
) -> Trust:
    """Calibrate a model, and let it learn what is familiar and when it is unsure.

    A classifier's last layer is divided by the temperature that gives the least log loss on
    ``val``, which never changes the likeliest category. The features of ``train`` tell what is
    familiar. An answer is unsure if its probability is below one half, or if the shape is less
    familiar than 19 of 20 shapes of ``val``. The model is changed in place: its last layer,
    ``familiarity`` and ``info``.

    A segmenter only learns to say that a category is unsure if its probability is below one half.

    Args:
        model: a trained model. It takes the first ``num_points`` points of each cloud.
        train: the clouds that it was trained on; a segmenter does not need them.
        val: the validation split, which training has not seen.
        num_points: points of each cloud that the model takes.
        batch_size: clouds at a time.

    Raises:
        InputError: a split has fewer than two clouds.
    """
    if len(train) < 2 or len(val) < 2:
        raise InputError("to calibrate a model, each split needs at least 2 clouds")
    check_labels(model, val)
    if model.task == "segmentation":
        return _limit_segmenter(model, val, num_points, batch_size)
    check_labels(model, train)
    features, category = _features(model, train, num_points, batch_size), train.category.cpu()
    known, target = _features(model, val, num_points, batch_size), val.category.cpu()
    layer = model.last_layer
    logits = layer(known.to(model.device)).float().cpu()
    before = logits.softmax(-1)
    # If all answers are right, the lower the temperature, the better: none is the best.
    all_right = bool((logits.argmax(-1) == target).all())
    temperature = 1.0 if all_right else temperature_of_logits(logits, target)
    after = (logits / temperature).softmax(-1)
    familiarity = Familiarity(len(model.info.taxonomy.categories), features.shape[1])
    familiarity.fit(features, category)
    distance = familiarity.distance(known)
    limits = {
        "probability": SURE,
        "distance": float(distance.double().quantile(FAMILIAR)),
    }
    layer.weight.div_(temperature)
    if layer.bias is not None:
        layer.bias.div_(temperature)
    model.familiarity = familiarity.to(model.device)
    model.info = replace(model.info, limits=limits)
    confidence, answer = after.max(-1)
    return Trust(
        temperature,
        measure_calibration(before, target),
        measure_calibration(after, target),
        limits,
        sure=(confidence >= limits["probability"]) & (distance <= limits["distance"]),
        right=answer == target,
    )


def _limit_segmenter(model: PointModel, val: Clouds, num_points: int, batch_size: int) -> Trust:
    """Let a segmenter say when the category is unsure."""
    limits = {"probability": SURE}
    result = evaluate(model, val, num_points, batch_size=batch_size, use_category=False)
    assert isinstance(result, PartResult) and result.category_probability is not None
    probability, target = result.category_probability, result.category
    found = measure_calibration(probability, target)
    model.info = replace(model.info, limits=limits)
    confidence, answer = probability.max(-1)
    sure, right = confidence >= SURE, answer == target
    return Trust(1.0, found, found, limits, sure, right)


def _features(model: PointModel, clouds: Clouds, num_points: int, batch_size: int) -> Tensor:
    """What the last layer takes of each cloud, (M, hidden), on the CPU."""
    clouds = clouds.to(model.device)
    found = []
    with evaluating(model):
        for index in torch.arange(len(clouds), device=model.device).split(batch_size):
            batch = clouds.batch(index, num_points)
            found.append(model.features(batch.pos, batch.normal).float().cpu())
    return torch.cat(found)
