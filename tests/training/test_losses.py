"""The losses, against their equations in float64."""

from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Batch, Taxonomy
from pcea.recipes import get_recipe
from pcea.training.losses import batch_loss, loss_of_clouds

TAXONOMY = Taxonomy(("chair", "mug"), ("chair/back", "chair/seat", "mug/body", "mug/handle"))
RECIPE = replace(get_recipe("shapes-seg"), label_smoothing=0.1)


@pytest.fixture
def logits(generator: Generator) -> Tensor:
    return torch.randn(3, 5, 4, generator=generator, dtype=torch.float64)


def batch_of(part: Tensor) -> Batch:
    return Batch(torch.zeros(3, 5, 3), torch.tensor([0, 1, 1]), part=part)


def smoothed(logits: Tensor, part: int) -> float:
    """Cross-entropy of one point with label smoothing, written out."""
    log_probability = logits - logits.exp().sum().log()
    weight = torch.full((4,), 0.1 / 4, dtype=torch.float64)
    weight[part] += 0.9
    return float(-(weight * log_probability).sum())


def test_a_point_without_a_label_counts_for_the_parts_of_its_category(logits: Tensor) -> None:
    part = torch.tensor([[0, 1, 0, 1, 1], [-1] * 5, [2, 3, -1, 2, -1]])
    batch = batch_of(part)
    expected = []
    for cloud in range(3):
        own = [0, 1] if cloud == 0 else [2, 3]
        each = []
        for point in range(5):
            scores = logits[cloud, point]
            if part[cloud, point] < 0:
                each.append(float(-(scores.exp()[own].sum() / scores.exp().sum()).log()))
            else:
                each.append(smoothed(scores, int(part[cloud, point])))
        expected.append(sum(each) / 5)
    mean = sum(expected) / 3
    assert float(batch_loss(logits, batch, RECIPE, TAXONOMY)) == pytest.approx(mean, abs=1e-12)


def test_all_points_with_labels_give_the_plain_cross_entropy(logits: Tensor) -> None:
    part = torch.tensor([[0, 1, 0, 1, 1], [2, 2, 3, 3, 2], [2, 3, 3, 2, 3]])
    batch = batch_of(part)
    expected = sum(smoothed(logits[i, j], int(part[i, j])) for i in range(3) for j in range(5)) / 15
    for taxonomy in (None, TAXONOMY):
        found = batch_loss(logits, batch, RECIPE, taxonomy)
        assert float(found) == pytest.approx(expected, abs=1e-12)
    each = loss_of_clouds(logits, batch, RECIPE)
    assert float(each[0]) == pytest.approx(
        sum(smoothed(logits[0, j], int(part[0, j])) for j in range(5)) / 5, abs=1e-12
    )


def test_a_point_without_a_label_moves_no_part_of_its_category_against_another(
    logits: Tensor,
) -> None:
    """The gradient within the category is in proportion to the probabilities."""
    scores = logits.clone().requires_grad_()
    batch_loss(scores, batch_of(torch.full((3, 5), -1)), RECIPE, TAXONOMY).backward()
    assert scores.grad is not None
    gradient, probability = scores.grad[0], logits.softmax(-1)[0]
    own = gradient[:, :2] / probability[:, :2]
    torch.testing.assert_close(own[:, 0], own[:, 1])
    assert (gradient[:, :2] < 0).all() and (gradient[:, 2:] > 0).all()
