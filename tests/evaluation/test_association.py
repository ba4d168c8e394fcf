import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy, mannwhitneyu, spearmanr
from torch import Generator, Tensor

from pcea.evaluation.association import (
    area_under_curve,
    cut_into_slabs,
    excess,
    mean_cosines,
    normalized_entropy,
    normalized_mutual_information,
    rank_correlation,
    shuffle,
    soft_cells,
)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        ([0.25, 0.25, 0.25, 0.25], 1.0),
        ([0.0, 1.0, 0.0, 0.0], 0.0),
        ([0.5, 0.5, 0.0, 0.0], 0.5),
        ([1.0], 1.0),
    ],
)
def test_entropy_of_known_distributions(share: list[float], expected: float) -> None:
    assert float(normalized_entropy(torch.tensor(share))) == pytest.approx(expected, abs=1e-6)


def test_entropy_against_scipy(generator: Generator) -> None:
    share = torch.rand(3, 5, 70, generator=generator).softmax(-1)
    expected = entropy(share.double().numpy(), axis=-1) / math.log(70)
    torch.testing.assert_close(normalized_entropy(share).double(), torch.from_numpy(expected))


def test_mutual_information_by_hand() -> None:
    # Lit are all of part 0 and a third of part 1; each half of the points.
    counts = torch.tensor([[3.0, 1.0], [0.0, 2.0]])
    joint = {(0, 0): 3 / 6, (0, 1): 1 / 6, (1, 1): 2 / 6}
    rows, columns = (4 / 6, 2 / 6), (3 / 6, 3 / 6)
    shared = sum(p * math.log(p / (rows[i] * columns[j])) for (i, j), p in joint.items())
    scale = math.sqrt(entropy(rows) * entropy(columns))
    found = float(normalized_mutual_information(counts))
    assert found == pytest.approx(shared / scale, abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[5, 0], [0, 9]], 1.0),
        ([[2, 4], [3, 6]], 0.0),
        ([[2, 4], [0, 0]], 0.0),
        ([[3, 0], [4, 0]], 0.0),
        ([[0, 0], [0, 0]], 0.0),
    ],
)
def test_mutual_information_at_its_ends(counts: list[list[float]], expected: float) -> None:
    found = float(normalized_mutual_information(torch.tensor(counts)))
    assert found == pytest.approx(expected, abs=1e-9)


def test_mutual_information_is_symmetric(generator: Generator) -> None:
    counts = torch.randint(0, 9, (4, 3, 6), generator=generator)
    torch.testing.assert_close(
        normalized_mutual_information(counts), normalized_mutual_information(counts.mT)
    )


def test_area_against_mann_and_whitney(generator: Generator) -> None:
    values = torch.randint(0, 6, (2, 3, 40), generator=generator).float()  # with many ties
    labels = torch.randint(0, 4, (2, 40), generator=generator)
    area = area_under_curve(values, torch.nn.functional.one_hot(labels, 5).float())
    for b, k, p in itertools.product(range(2), range(3), range(4)):
        inside = labels[b] == p
        higher = mannwhitneyu(values[b, k, inside], values[b, k, ~inside]).statistic
        expected = higher / (int(inside.sum()) * int((~inside).sum()))
        assert float(area[b, k, p]) == pytest.approx(expected, abs=1e-6)
    assert bool(area[..., 4].isnan().all())


def test_excess_by_hand() -> None:
    share = torch.tensor([[[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]]])
    cell = torch.eye(3)[[0, 2, 2, 2]][None]
    found = excess(share, cell)
    # The first slot has 0.5 of its unit where a quarter of the points are, and 0.5 where the
    # other three quarters are; the second lies everywhere alike.
    half = math.sqrt(0.5)
    torch.testing.assert_close(found, torch.tensor([[[half, 0.0, -half], [0.0, 0.0, 0.0]]]))


def test_cells_by_hand() -> None:
    # Half way between two nodes of three along x, on a node along y, beyond the cube along z.
    cell = soft_cells(torch.tensor([[[-0.5, 1.0, 7.0]]]), 3).view(3, 3, 3)
    assert float(cell[0, 2, 2]) == float(cell[1, 2, 2]) == 0.5
    assert float(cell.sum()) == 1.0


def test_cells_share_each_point_out_and_keep_its_place(generator: Generator) -> None:
    pos = torch.rand(2, 30, 3, generator=generator) * 2 - 1
    cell = soft_cells(pos, 4)
    torch.testing.assert_close(cell.sum(-1), torch.ones(2, 30))
    axis = torch.linspace(-1, 1, 4)
    nodes = torch.cartesian_prod(axis, axis, axis)  # (64, 3)
    torch.testing.assert_close(cell @ nodes, pos)


def test_cosines_against_all_pairs(generator: Generator) -> None:
    groups = [torch.randn(n, 2, 6, generator=generator).double() for n in (4, 3, 1, 0)]
    groups = [torch.nn.functional.normalize(each, dim=-1) for each in groups]
    groups[0][3, 1] = 0.0  # one without a direction
    total = torch.stack([each.sum(0) for each in groups])
    count = torch.stack([(each != 0).any(-1).sum(0) for each in groups])
    within, elsewhere = mean_cosines(total, count)
    for k in range(2):
        vectors = [[v for v in each[:, k] if bool((v != 0).any())] for each in groups]
        inside = [np.mean([float(a @ b) for a, b in itertools.combinations(g, 2)])
                  for g in vectors if len(g) > 1]  # fmt: skip
        across = [np.mean([float(a @ b) for a, b in itertools.product(g, h)])
                  for g, h in itertools.combinations([g for g in vectors if g], 2)]  # fmt: skip
        assert float(within[k]) == pytest.approx(np.mean(inside), abs=1e-12)
        assert float(elsewhere[k]) == pytest.approx(np.mean(across), abs=1e-12)


def test_no_pairs_no_cosine() -> None:
    within, elsewhere = mean_cosines(torch.ones(1, 1, 1), torch.ones(1, 1))
    assert bool(within.isnan()) and bool(elsewhere.isnan())


def counts_of(labels: Tensor) -> list[list[int]]:
    return [row.bincount(minlength=4).tolist() for row in labels]


def test_shuffling_keeps_each_shapes_labels(generator: Generator) -> None:
    labels = torch.randint(0, 4, (3, 50), generator=generator)
    shuffled = shuffle(labels, generator)
    assert counts_of(shuffled) == counts_of(labels)
    assert not torch.equal(shuffled, labels)


def test_slabs_are_slabs_in_the_order_asked_for(generator: Generator) -> None:
    labels = torch.randint(0, 4, (2, 50), generator=generator)
    pos = torch.randn(2, 50, 3, generator=generator)
    direction = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    order = torch.tensor([[0.3, 0.1, 0.4, 0.2], [0.1, 0.2, 0.3, 0.4]])
    slabs = cut_into_slabs(labels, pos, direction, order)
    assert counts_of(slabs) == counts_of(labels)
    for b, wanted in enumerate(([1, 3, 0, 2], [0, 1, 2, 3])):
        upwards = slabs[b][(pos[b] @ direction[b]).argsort()]
        assert upwards.unique_consecutive().tolist() == wanted


def test_rank_correlation_is_spearmans(generator: Generator) -> None:
    one, other = torch.randint(6, (2, 5, 40), generator=generator)  # with ties
    found = rank_correlation(one, other)
    for i in range(5):
        expected = spearmanr(one[i], other[i]).statistic
        assert float(found[i]) == pytest.approx(expected, abs=1e-12)
    assert float(rank_correlation(one[0], -one[0].double().exp())) == pytest.approx(-1)
    assert float(rank_correlation(one[0], torch.zeros(40))) == 0.0
