import pytest
import torch
from torchmetrics.functional.classification import multiclass_f1_score

from pcea.datasets import load_dataset
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.evaluation import (
    ClassificationResult,
    PartResult,
    evaluate,
    list_metrics,
    register_metric,
    shape_iou,
)
from pcea.evaluation.metrics import METRICS, check_metrics
from pcea.models import create_model

ABC = Taxonomy(("a", "b", "c"))


def test_accuracies_of_a_hand_computed_case() -> None:
    truth = torch.tensor([0, 0, 0, 0, 1, 1])
    prediction = torch.tensor([0, 0, 0, 1, 1, 2])
    result = ClassificationResult(prediction, truth, ABC)
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
    result = ClassificationResult(prediction, truth, Taxonomy(names))
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
        # Parts of other categories do not count.
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
    result = PartResult(iou, category, ABC, *torch.zeros(3, 4).long())
    assert result.instance_miou == pytest.approx((1 + 0.5 + 0 + 0.2) / 4)
    assert result.per_category == pytest.approx({"a": 0.5, "c": 0.2})  # b does not occur
    assert result.class_miou == pytest.approx(0.35)
    assert next(iter(result.figures())) == "instance_miou"
    assert set(result.summary()) == {"instance_miou", "class_miou", "per_category"}


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two metrics of somebody else."""
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))

    @register_metric("macro_f1", task="classification")
    def macro_f1(result: ClassificationResult) -> torch.Tensor:
        classes = len(result.taxonomy.categories)
        return multiclass_f1_score(result.prediction, result.target, classes, average="macro")

    @register_metric("point_accuracy", task="segmentation")
    def point_accuracy(result: PartResult) -> float:
        return float((result.prediction == result.target).float().mean())


@pytest.mark.usefixtures("strangers")
def test_a_strangers_metric_is_measured_when_it_is_named() -> None:
    truth, prediction = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 1, 2])
    result = ClassificationResult(prediction, truth, ABC)
    assert list(result.figures(["macro_f1"])) == [
        "overall_accuracy",
        "mean_class_accuracy",
        "macro_f1",
    ]
    # Recall and precision: 1/2 and 1; 1 and 2/3; 1 and 1.
    assert result.summary(["macro_f1"])["macro_f1"] == pytest.approx((2 / 3 + 4 / 5 + 1) / 3)
    assert "macro_f1" not in result.figures()
    known = ["calibration_error", "log_loss", "mean_class_accuracy", "overall_accuracy"]
    assert list_metrics("classification") == sorted([*known, "macro_f1"])
    assert {"instance_miou", "point_accuracy", "macro_f1"} <= set(list_metrics())


@pytest.mark.usefixtures("strangers")
@pytest.mark.parametrize("name", ["eat-tiny", "eat-seg-tiny"])
def test_a_metric_gets_what_was_predicted_for_each_label(name: str) -> None:
    torch.manual_seed(0)
    data = load_dataset("shapes", "val", num_per_category=2, num_points=60)
    model = create_model(name, data.taxonomy)
    result = evaluate(model, data.clouds, 32, votes=2)
    if isinstance(result, ClassificationResult):
        assert torch.equal(result.target, data.clouds.category)
        assert torch.equal(result.probability.argmax(1), result.prediction)
        torch.testing.assert_close(result.probability.sum(1), torch.ones(len(data)))
    else:
        assert torch.equal(result.target, data.clouds.part)
        assert torch.equal(result.ptr, data.clouds.ptr)
        for i in range(len(data)):
            points = slice(int(result.ptr[i]), int(result.ptr[i + 1]))
            own = data.taxonomy.parts_of[int(result.category[i])]
            value = shape_iou(result.prediction[points], result.target[points], own)
            assert value == pytest.approx(float(result.iou[i]))
        share = float((result.prediction == data.clouds.part).float().mean())
        assert result.figures(["point_accuracy"])["point_accuracy"] == pytest.approx(share)


@pytest.mark.usefixtures("strangers")
def test_metrics_that_do_not_fit_are_refused() -> None:
    check_metrics(["macro_f1", "overall_accuracy"], "classification")
    with pytest.raises(InputError, match=r"no metric is called 'macro_f2'.*'macro_f1'"):
        check_metrics(["macro_f2"], "classification")
    with pytest.raises(InputError, match="'instance_miou' is for segmentation, and this is class"):
        check_metrics(["instance_miou"], "classification")
    with pytest.raises(ValueError, match="already"):
        register_metric("macro_f1", task="classification")(float)
    with pytest.raises(ValueError, match="no task 'classify'"):
        register_metric("other", task="classify")


@pytest.mark.usefixtures("strangers")
def test_a_figure_is_a_finite_number() -> None:
    register_metric("broken", task="classification")(lambda result: float("nan"))
    result = ClassificationResult(torch.tensor([0]), torch.tensor([0]), ABC)
    with pytest.raises(InputError, match="'broken' gives nan"):
        result.figures(["broken"])
