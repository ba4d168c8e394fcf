"""Distances of features against the equation in numpy, and features without a spread."""

import math

import numpy as np
import pytest
import torch

from pcea.errors import InputError
from pcea.models.familiarity import SHRINKAGE, Familiarity, strangeness


def test_the_distance_is_that_to_the_nearest_mean(generator: torch.Generator) -> None:
    features = torch.randn(200, 6, generator=generator) * torch.arange(1, 7)
    category = torch.arange(200) % 3
    features += 4.0 * category.unsqueeze(1)
    found = Familiarity(3, 6)
    found.fit(features, category)
    wide, means = features.double().numpy(), []
    off = np.empty_like(wide)
    for i in range(3):
        own = category.numpy() == i
        means.append(wide[own].mean(0))
        off[own] = wide[own] - means[i]
    spread = off.T @ off / len(off)
    spread += SHRINKAGE * np.trace(spread) / 6 * np.eye(6)
    others = 10 * torch.randn(20, 6, generator=generator)
    gaps = others.double().numpy()[:, None] - np.stack(means)
    wanted = np.sqrt(np.einsum("mkc,cd,mkd->mk", gaps, np.linalg.inv(spread), gaps).min(1) / 6)
    np.testing.assert_allclose(found.distance(others).numpy(), wanted, rtol=1e-3)
    assert found.distance(features).mean() == pytest.approx(1, abs=0.1)
    assert found.distance(others).mean() > 2


def test_dead_channels_and_empty_categories(generator: torch.Generator) -> None:
    features = torch.randn(50, 4, generator=generator)
    features[:, 1] = 0
    found = Familiarity(3, 4)
    found.fit(features, torch.zeros(50, dtype=torch.int64))
    near, far = features[:1].clone(), features[:1].clone()
    far[:, 1] = 5  # a channel that was always 0
    assert found.distance(near).item() < 3 < found.distance(far).item()
    torch.testing.assert_close(found.mean[2], found.mean[0])
    alike = Familiarity(1, 4)
    alike.fit(torch.ones(5, 4), torch.zeros(5, dtype=torch.int64))
    assert alike.distance(torch.ones(1, 4)).item() == 0
    assert alike.distance(torch.zeros(1, 4)).isfinite().all()


def test_a_shape_is_the_stranger_the_farther_and_the_closer_its_two_best_categories() -> None:
    probability = torch.tensor([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3], [0.0, 1.0, 0.0]])
    found = strangeness(torch.tensor([1.0, 2.0, 2.0]), probability).tolist()
    clear = 0.1 * math.log(0.6 / 0.3)
    assert found == pytest.approx([1 - clear, 2 - clear, 2 - 0.1 * math.log(1e9)], rel=1e-5)
    alone = strangeness(torch.tensor(2.0), torch.ones(1)).item()
    assert alone == pytest.approx(2 - 0.1 * math.log(1e9), rel=1e-5)


@pytest.mark.parametrize("features", [torch.ones(1, 2), torch.tensor([[1.0, 2], [torch.nan, 1]])])
def test_features_that_tell_nothing_are_refused(features: torch.Tensor) -> None:
    with pytest.raises(InputError, match="at least 2 features"):
        Familiarity(1, 2).fit(features, torch.zeros(len(features), dtype=torch.int64))
