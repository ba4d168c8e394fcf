"""Games whose hits and chances are counted by hand."""

import pytest
import torch
from torch import Generator, Tensor

from pcea.explanation.faithfulness.maps import CloudMaps
from pcea.explanation.faithfulness.pointing import point_by_columns, point_to_parts


def maps(peaks: list[int], of_parts: dict[int, int] | None = None) -> CloudMaps:
    pos = torch.zeros(4, 3)
    return CloudMaps(pos, None, {}, {}, torch.tensor(peaks, dtype=torch.long), of_parts or {})


def test_saliency_of_each_part() -> None:
    part = torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, 0]])
    several = [
        maps([], {0: 1, 1: 0}),  # hits (chance 3/4), misses (1/4)
        maps([], {1: 3, 2: 0}),  # hits (1/2); there is no part 2, so that is no trial
        maps([], {0: 2}),  # the cloud has one part alone: no trial
    ]
    found = point_to_parts(several, part)
    assert found is not None
    assert (found.trials, found.chance) == (3, 0.5)
    assert found.hits == pytest.approx(2 / 3)
    assert point_to_parts([maps([], {})] * 3, part) is None


def test_columns_point_where_they_point_on_the_other_half() -> None:
    part = torch.tensor([[0, 0, 0, 1]] * 4)
    category = torch.zeros(4, dtype=torch.long)
    # Column 0 is always on part 1, column 1 on part 0 on one half of the clouds only.
    several = [maps([3, i % 2 * 3]) for i in range(4)]
    found = point_by_columns(several, part, category)
    assert found is not None
    # Column 1 is about part 0 on one half, and misses on the other half, each time.
    assert (found.trials, found.hits) == (8, 0.5)
    assert found.chance == pytest.approx((4 * 0.25 + 2 * 0.75 + 2 * 0.25) / 8)


def test_random_peaks_hit_by_chance(generator: Generator) -> None:
    part = (torch.rand(60, 4, generator=generator) < 0.3).long()
    peaks = torch.randint(4, (60, 100), generator=generator).tolist()
    category = torch.arange(60) % 3
    found = point_by_columns([maps(each) for each in peaks], part, category)
    assert found is not None
    assert found.hits == pytest.approx(found.chance, abs=0.03)


@pytest.mark.parametrize(
    ("peaks", "category"), [([], [0, 0]), ([1], [0, 1])], ids=["no map", "one of each category"]
)
def test_no_game(peaks: list[int], category: list[int]) -> None:
    part: Tensor = torch.tensor([[0, 0, 1, 1]] * 2)
    assert point_by_columns([maps(peaks)] * 2, part, torch.tensor(category)) is None
