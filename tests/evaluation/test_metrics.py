from __future__ import annotations

import pytest
import torch

from pcea.datasets.taxonomy import Taxonomy
from pcea.evaluation import PartResult, classification_result, shape_iou

ABC = Taxonomy(("a", "b", "c"))


def test_accuracies_of_a_hand_computed_case() -> None:
    truth = torch.tensor([0, 0, 0, 0, 1, 1])
    prediction = torch.tensor([0, 0, 0, 1, 1, 2])
    result = classification_result(prediction, truth, ABC)
    assert result.confusion.tolist() == [[3, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert result.overall_accuracy == pytest.approx(4 / 6)
    # Class c does not occur: it counts neither as right nor as wrong.
    assert result.per_class == pytest.approx({"a": 3 / 4, "b": 1 / 2})
    assert result.mean_class_accuracy == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert next(iter(result.figures())) == "overall_accuracy"
    assert set(result.summary()) == {"overall_accuracy", "mean_class_accuracy", "per_class"}


def test_accuracies_against_plain_loops(generator: torch.Generator) -> None:
    names = tuple("abcdefg")
    truth = torch.randint(6, (200,), generator=generator)  # the last class never occurs
    prediction = torch.randint(7, (200,), generator=generator)
    result = classification_result(prediction, truth, Taxonomy(names))
    counts = [[0] * 7 for _ in names]
    for true, taken in zip(truth.tolist(), prediction.tolist(), strict=True):
        counts[true][taken] += 1
    assert result.confusion.tolist() == counts
    recalls = [counts[i][i] / sum(counts[i]) for i in range(6)]
    assert result.mean_class_accuracy == pytest.approx(sum(recalls) / 6)
    assert result.overall_accuracy == pytest.approx(sum(counts[i][i] for i in range(7)) / 200)


@pytest.mark.parametrize(
    ("prediction", "truth", "parts", "expected"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1], (0, 1), 1.0),
        ([0, 0, 0, 1], [0, 0, 1, 1], (0, 1), (2 / 3 + 1 / 2) / 2),
        ([1, 1], [0, 0], (0, 1), 0.0),
        # Part 2 is absent in both: it counts 1.
        ([0, 0, 0, 1], [0, 0, 1, 1], (0, 1, 2), (2 / 3 + 1 / 2 + 1) / 3),
        # Predicted where it is not, a part counts 0.
        ([0, 0, 2, 2], [0, 0, 0, 0], (0, 2), (1 / 2 + 0) / 2),
        # Parts of other categories are not asked for.
        ([5, 5, 6, 6], [5, 6, 6, 6], (5, 6), (1 / 2 + 2 / 3) / 2),
    ],
)
def test_shape_iou_by_hand(
    prediction: list[int], truth: list[int], parts: tuple[int, ...], expected: float
) -> None:
    value = shape_iou(torch.tensor(prediction), torch.tensor(truth), parts)
    assert value == pytest.approx(expected)


def test_shape_iou_against_sets(generator: torch.Generator) -> None:
    for _ in range(20):
        truth, prediction = torch.randint(4, (2, 30), generator=generator)
        ious = []
        for part in range(5):
            true = {i for i in range(30) if truth[i] == part}
            taken = {i for i in range(30) if prediction[i] == part}
            ious.append(len(true & taken) / len(true | taken) if true | taken else 1.0)
        assert shape_iou(prediction, truth, range(5)) == pytest.approx(sum(ious) / 5)


def test_instances_and_classes_weigh_differently() -> None:
    iou, category = torch.tensor([1.0, 0.5, 0.0, 0.2]), torch.tensor([0, 0, 0, 2])
    result = PartResult(iou, category, ABC)
    assert result.instance_miou == pytest.approx((1 + 0.5 + 0 + 0.2) / 4)
    assert result.per_category == pytest.approx({"a": 0.5, "c": 0.2})  # b does not occur
    assert result.class_miou == pytest.approx(0.35)
    assert next(iter(result.figures())) == "instance_miou"
    assert set(result.summary()) == {"instance_miou", "class_miou", "per_category"}
