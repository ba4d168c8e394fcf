"""The plain references, against the definition in float64."""

import pytest
import torch
from torch import Tensor

from pcea.benchmarks.plain_geometry import (
    plain_farthest_points,
    plain_neighbors,
    usual_farthest_points,
)


def defined_farthest_points(cloud: Tensor, num: int) -> list[int]:
    distance = torch.cdist(
        cloud.double(), cloud.double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    chosen = [0]
    while len(chosen) < num:
        chosen.append(int(distance[:, chosen].min(1).values.argmax()))
    return chosen


@pytest.mark.parametrize("sample", [plain_farthest_points, usual_farthest_points])
def test_farthest_points(sample: object, generator: torch.Generator) -> None:
    pos = torch.randn(3, 40, 3, generator=generator)
    found = sample(pos, 12)  # type: ignore[operator]
    assert found.tolist() == [defined_farthest_points(cloud, 12) for cloud in pos]


def test_neighbors(generator: torch.Generator) -> None:
    pos = torch.randn(2, 40, 3, generator=generator)
    query = pos[:, :9]
    distance = (query.double().unsqueeze(2) - pos.double().unsqueeze(1)).norm(dim=-1)
    assert plain_neighbors(query, pos, 5).equal(distance.argsort(-1)[..., :5])
