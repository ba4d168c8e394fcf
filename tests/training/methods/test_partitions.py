"""The search for partitions against derivatives, optima and a planted bias."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.training.methods.partitions import (
    find_partitions,
    fit_classifier,
    invariance_penalty,
    scale_gradient,
)


def test_the_penalty_is_the_derivative_by_a_scale() -> None:
    """IRMv1 in each partition, by autograd and by hand."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    target = torch.randint(4, (9,), generator=generator)
    partition = torch.tensor([0, 1, 2, 0, 1, 2, 0, 0, 0])
    expected = 0.0
    for t in range(3):
        own = partition == t
        scale = torch.ones((), dtype=torch.float64, requires_grad=True)
        risk = F.cross_entropy(scale * logits[own], target[own])
        (derivative,) = torch.autograd.grad(risk, scale)
        expected += int(own.sum()) / 9 * float(derivative) ** 2
    found = invariance_penalty(scale_gradient(logits, target), F.one_hot(partition, 3).double())
    torch.testing.assert_close(found.item(), expected, rtol=1e-12, atol=0)
    # Two classes with the logits (z, 0) of probabilities p and 1 − p: z p − z, and z p.
    pair = torch.tensor([[0.7, 0.0], [0.7, 0.0]], dtype=torch.float64)
    p = 1 / (1 + torch.tensor(-0.7, dtype=torch.float64).exp())
    wanted = torch.stack([0.7 * p - 0.7, 0.7 * p])
    torch.testing.assert_close(scale_gradient(pair, torch.tensor([0, 1])), wanted)


def best_of_all_cuts(gradient: Tensor) -> float:
    """The highest penalty of two partitions, each an interval of the sorted gradients."""
    ordered, penalties = gradient.sort().values, list[float]()
    for first in range(1, len(ordered)):
        parts = ordered[:first], ordered[first:]
        penalties.append(sum(len(p) * float(p.mean()) ** 2 for p in parts) / len(ordered))
    return max(penalties)


def test_the_search_comes_close_to_the_optimum() -> None:
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        gradient = torch.randn(300, generator=generator, dtype=torch.float64)
        found = find_partitions(gradient, 2, generator)
        penalty = invariance_penalty(gradient, F.one_hot(found, 2).double())
        assert penalty > 0.95 * best_of_all_cuts(gradient)
    # The same seed gives the same partitions, and a factor of the logits gives them, too.
    several = [
        find_partitions(factor * gradient, 3, torch.Generator().manual_seed(1))
        for factor in (1.0, 1.0, 1e-3)
    ]
    assert torch.equal(several[0], several[1]) and torch.equal(several[0], several[2])


def test_a_planted_bias_is_found() -> None:
    """Features that say the class in nine of ten samples, and another class in the rest."""
    generator = torch.Generator().manual_seed(0)
    count, classes = 2000, 4
    target = torch.randint(classes, (count,), generator=generator)
    biased = torch.rand(count, generator=generator) < 0.9
    shift = torch.randint(1, classes, (count,), generator=generator)
    said = torch.where(biased, target, (target + shift) % classes)
    features = F.one_hot(said, classes) + 0.1 * torch.randn(count, classes, generator=generator)
    classifier = fit_classifier(features, target, classes)
    found = find_partitions(scale_gradient(classifier(features), target), 2, generator)
    agree = (found == biased.long()).float().mean().item()
    assert max(agree, 1 - agree) > 0.98


def test_the_classifier_is_the_optimum() -> None:
    """Its gradient is zero, by the equation of a logistic regression with weight decay."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(60, 5, generator=generator, dtype=torch.float64)
    target = torch.randint(3, (60,), generator=generator)
    classifier = fit_classifier(features, target, 3)
    missing = classifier(features).softmax(1) - F.one_hot(target, 3)
    gradient = missing.T @ features / 60 + 1e-3 * classifier.weight
    assert gradient.abs().max() < 1e-5
    assert missing.mean(0).abs().max() < 1e-5


def test_equal_gradients_and_one_partition_are_no_error() -> None:
    generator = torch.Generator().manual_seed(0)
    assert find_partitions(torch.zeros(7), 3, generator).shape == (7,)
    assert not find_partitions(torch.randn(7, generator=generator), 1, generator).any()
    assert find_partitions(torch.ones(1), 2, generator).shape == (1,)
