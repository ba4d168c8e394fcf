"""Make a trained model say true probabilities, and when it is unsure."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pcea.datasets import Clouds
from pcea.defaults import SURE
from pcea.errors import InputError, checked
from pcea.evaluation.calibration import (
    LEAST,
    Calibration,
    measure_calibration,
    temperature_of_logits,
)
from pcea.evaluation.evaluate import sample_of
from pcea.evaluation.fit import check_categories
from pcea.models import PointModel
from pcea.models.base import evaluating
from pcea.models.familiarity import Familiarity, of_shape, strangeness

# The share of validation clouds that are not too strange.
FAMILIAR = 0.95


@dataclass(frozen=True, eq=False)
class Trust:
    """What became of a model, on the clouds that it was calibrated by.

    Args:
        temperature: what the logits of the categories were divided by now, after what an earlier
            calibration divided them by; 1 if all answers are right.
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

    @property
    def all_right(self) -> bool:
        """Whether no answer is wrong, so that the temperature is 1."""
        return bool(self.right.all())


@checked(num_points=1, batch_size=1)
@torch.no_grad()
def make_trustworthy(
    model: PointModel, train: Clouds, val: Clouds, num_points: int, batch_size: int = 32
) -> Trust:
    """Calibrate a model, and let it learn what is familiar and when it is unsure.

    The logits of the categories are divided by the temperature that gives the least log loss on
    ``val``, which never changes the likeliest category: in a classifier's last layer, and as
    ``category_temperature`` of a segmenter, whose probabilities of parts stay as they are. The
    features of ``train`` tell what is familiar. An answer is unsure if its probability is below one
    half, or if the :func:`pcea.models.familiarity.strangeness` of the shape is above that of 19 of
    20 shapes of ``val``. The model is changed in place: its last layer, ``familiarity``, ``info``.

    Args:
        model: a trained model. A classifier takes the first ``num_points`` points of each cloud, a
            segmenter as many that are drawn, the same each time.
        train: the clouds that it was trained on; their parts are not needed.
        val: the validation split, which training has not seen.
        num_points: points of each cloud that the model takes.
        batch_size: clouds at a time.

    Raises:
        InputError: a split has fewer than two clouds, or one of a category that the model lacks.
    """
    if len(train) < 2 or len(val) < 2:
        raise InputError("to calibrate a model, each split needs at least 2 clouds")
    check_categories(model, train)
    check_categories(model, val)
    features, _ = _features(model, train, num_points, batch_size)
    known, logits = _features(model, val, num_points, batch_size)
    category, target = train.category.cpu(), val.category.cpu()
    before = logits.softmax(-1)
    # If all answers are right, the lower the temperature, the better: none is the best.
    all_right = bool((logits.argmax(-1) == target).all())
    temperature = 1.0 if all_right else temperature_of_logits(logits, target)
    after = (logits / temperature).softmax(-1)
    familiarity = Familiarity(len(model.info.taxonomy.categories), features.shape[1])
    familiarity.fit(features, category)
    strange = strangeness(familiarity.distance(known), after)
    limits = {
        "probability": SURE,
        "strangeness": float(strange.double().quantile(FAMILIAR)),
    }
    model.familiarity = familiarity.to(model.device)
    model.info = replace(model.info, limits=limits)
    _divide(model, temperature)
    confidence, answer = after.max(-1)
    return Trust(
        temperature,
        measure_calibration(before, target),
        measure_calibration(after, target),
        limits,
        sure=(confidence >= limits["probability"]) & (strange <= limits["strangeness"]),
        right=answer == target,
    )


def _divide(model: PointModel, temperature: float) -> None:
    """Divide the logits of a model's categories by a temperature."""
    if model.task == "segmentation":
        temperature *= model.info.category_temperature
        model.info = replace(model.info, category_temperature=temperature)
        return
    layer = model.last_layer
    layer.weight.div_(temperature)
    if layer.bias is not None:
        layer.bias.div_(temperature)


def _features(
    model: PointModel, clouds: Clouds, num_points: int, batch_size: int
) -> tuple[Tensor, Tensor]:
    """The features of each cloud, (M, hidden), and the logits of its categories, on the CPU."""
    clouds, sample = clouds.to(model.device), sample_of(model)
    found, scored = [], []
    with evaluating(model):
        for index in torch.arange(len(clouds), device=model.device).split(batch_size):
            batch = clouds.batch(index, num_points, sample)
            features = model.features(batch.pos, batch.normal)
            logits = model.last_layer(features)
            if model.task == "segmentation":
                probability = model.category_probability(logits.float().softmax(-1))
                logits = probability.clamp(min=LEAST).log()
            found.append(of_shape(features).float().cpu())
            scored.append(logits.float().cpu())
    return torch.cat(found), torch.cat(scored)
