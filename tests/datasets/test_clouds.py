from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from pcea.datasets import Batch, Clouds
from pcea.datasets.clouds import sort_keys
from pcea.errors import InputError


def ragged(counts: list[int]) -> Clouds:
    """Clouds whose point i of all has x = i and part i, so that a point tells where it was."""
    total = sum(counts)
    label = torch.arange(total)
    return Clouds(
        pos=label[:, None].expand(-1, 3).float().contiguous(),
        ptr=torch.tensor([0, *counts]).cumsum(0),
        category=torch.arange(len(counts)) * 10,
        normal=-label[:, None].expand(-1, 3).float(),
        part=label,
        names=tuple(f"cloud{i}" for i in range(len(counts))),
    )


def test_select_and_cat_keep_each_cloud_whole() -> None:
    clouds = ragged([3, 1, 4])
    chosen = clouds.select([2, 0, 2])
    assert chosen.counts.tolist() == [4, 3, 4]
    assert chosen.part is not None
    assert chosen.part.tolist() == [4, 5, 6, 7, 0, 1, 2, 4, 5, 6, 7]
    assert chosen.names == ("cloud2", "cloud0", "cloud2")
    assert chosen.category.tolist() == [20, 0, 20]
    joined = Clouds.cat([clouds.select([0]), clouds.select([1, 2])])
    assert torch.equal(joined.pos, clouds.pos)
    assert torch.equal(joined.ptr, clouds.ptr)
    assert joined.names == clouds.names


def test_cat_of_what_only_some_have() -> None:
    whole, bare = ragged([2]), replace(ragged([2]), normal=None, part=None)
    joined = Clouds.cat([whole, bare])
    assert joined.part is None
    # A zero normal is one that is not known.
    assert joined.normal is not None and whole.normal is not None
    assert torch.equal(joined.normal, torch.cat([whole.normal, torch.zeros(2, 3)]))
    assert Clouds.cat([bare, bare]).normal is None


def test_parts_of_each_category() -> None:
    clouds = replace(ragged([3, 1, 2]), category=torch.tensor([1, 0, 1]))
    assert clouds.parts_of(3) == ((3,), (0, 1, 2, 4, 5), ())


@pytest.mark.parametrize(
    ("index", "chosen"),
    [
        (1, [1]),
        (-1, [2]),
        (np.int64(2), [2]),
        (torch.tensor(0), [0]),
        (slice(None, None, -1), [2, 1, 0]),
        (slice(1, None), [1, 2]),
        (range(2), [0, 1]),
        ([-1, 0], [2, 0]),
        (np.array([2, -3]), [2, 0]),
        (np.array([1], np.uint16), [1]),
        (torch.tensor([0, 2], dtype=torch.int32), [0, 2]),
        ([True, False, True], [0, 2]),
        (np.array([False, True, True]), [1, 2]),
        (torch.tensor([False, False, True]), [2]),
        (torch.zeros(3, dtype=torch.bool), []),
        ([], []),
        (slice(0), []),
    ],
)
def test_names_survive_every_way_of_choosing(index: Any, chosen: list[int]) -> None:
    """Each way gives what choosing the ids one by one gives, names and batch alike."""
    clouds = ragged([3, 1, 4])
    expected = clouds.select(chosen)
    for found in (clouds[index], clouds.select(index)):
        assert found.names == tuple(f"cloud{i}" for i in chosen)
        assert torch.equal(found.pos, expected.pos)
        assert torch.equal(found.ptr, expected.ptr)
        assert found.category.tolist() == [10 * i for i in chosen]
    if chosen:
        assert torch.equal(clouds.batch(index, 2).pos, clouds.batch(chosen, 2).pos)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (3, "no cloud 3: there are 3"),
        (-4, "no cloud -4"),
        ([0, 7], "no cloud 7"),
        (torch.tensor([True, False]), r"bool of shape \(2,\): .* a mask of 3 bools"),
        (True, "a mask of 3 bools"),
        ([0.0, 1.0], "whole numbers"),
        ([[0, 1]], r"shape \(1, 2\)"),
        ("cloud1", "must be a tensor or an array"),
        (None, "must be a tensor or an array"),
    ],
)
def test_clouds_that_do_not_exist_are_refused(index: Any, message: str) -> None:
    clouds = ragged([3, 1, 4])
    for choose in (clouds.select, clouds.__getitem__, lambda i: clouds.batch(i, 2)):
        with pytest.raises(InputError, match=message):
            choose(index)


def test_a_loop_over_clouds_ends() -> None:
    assert [cloud.names for cloud in ragged([2, 1])] == [("cloud0",), ("cloud1",)]


@pytest.mark.parametrize(
    "convert",
    [
        lambda t: t.double(),
        lambda t: t.half(),
        lambda t: t.bfloat16(),
        lambda t: t.int(),
        lambda t: t.numpy().astype(">f8"),
        lambda t: t.tolist(),
    ],
)
def test_numbers_of_any_type_are_taken(convert: Any) -> None:
    pos = torch.arange(24.0).view(2, 4, 3)
    category = np.array([1, 0], np.uint8)
    part = torch.ones(2, 4)
    clouds = Clouds.from_dense(convert(pos), category, convert(-pos), part)
    assert torch.equal(clouds.pos, pos.view(-1, 3)) and clouds.pos.dtype == torch.float32
    assert clouds.normal is not None and torch.equal(clouds.normal, -clouds.pos)
    assert clouds.category.dtype == torch.int64 and clouds.category.tolist() == [1, 0]
    assert clouds.part is not None and clouds.part.dtype == torch.int64
    batch = Batch(convert(pos), category, convert(-pos), part, [[True] * 4] * 2)
    assert torch.equal(batch.pos, pos) and batch.pos.dtype == torch.float32
    assert batch.mask is not None and batch.mask.dtype == torch.bool


def test_normals_that_are_not_finite_are_unknown() -> None:
    normal = torch.ones(1, 3, 3)
    normal[0, 1, 2] = torch.nan
    clouds = Clouds.from_dense(torch.rand(1, 3, 3), torch.tensor([0]), normal)
    assert clouds.normal is not None
    assert clouds.normal.tolist() == [[1.0] * 3, [0.0] * 3, [1.0] * 3]


GOOD: dict[str, Any] = {"pos": torch.rand(2, 4, 3), "category": torch.tensor([0, 1])}


@pytest.mark.parametrize("make", [Clouds.from_dense, Batch])
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("pos", torch.full((2, 4, 3), torch.nan), "8 points are NaN, infinite"),
        ("pos", torch.full((2, 4, 3), torch.inf), "8 points are NaN, infinite"),
        ("pos", torch.full((2, 4, 3), 1e300, dtype=torch.double), "beyond float32"),
        ("pos", torch.rand(2, 3, 4), r"pos is \(2, 3, 4\), expected .*transpose it first"),
        ("pos", torch.rand(4, 3), r"pos is \(4, 3\), expected \(., N, 3\)"),
        ("pos", torch.rand(2, 4, 6), r"pos is \(2, 4, 6\)"),
        ("pos", torch.rand(2, 4, 3) > 0.5, "real numbers"),
        ("pos", "points", "must be a tensor or an array"),
        ("pos", torch.rand(2, 4, 3).double() + 5403279, "cloud 0 lies too far from zero"),
        ("category", torch.tensor([0, -1]), "category has -1"),
        ("category", torch.tensor([0.5, 1]), "whole numbers"),
        ("category", torch.tensor([0]), r"category is \(1,\), expected \(2,\)"),
        ("normal", torch.rand(2, 3, 3), r"normal is \(2, 3, 3\), expected \(2, 4, 3\)"),
        ("part", torch.zeros(2, 3), r"part is \(2, 3\), expected \(2, 4\)"),
        ("part", torch.full((2, 4), -2), "part has -2"),
        ("normal", torch.rand(2, 4, 3, device="cpu").to("meta"), "normal is on meta"),
    ],
)
def test_what_cannot_be_right_is_one_error(make: Any, field: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make(**{**GOOD, field: value})
    assert "\n" not in str(caught.value)


def test_float64_that_float32_can_hold_is_taken() -> None:
    pos = torch.rand(2, 4, 3).double() + torch.tensor([[[0.0]], [[40.0]]])
    assert torch.equal(Clouds.from_dense(pos, torch.tensor([0, 1])).pos, pos.view(-1, 3).float())


def test_a_mask_of_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="mask must be bool"):
        Batch(**GOOD, mask=torch.ones(2, 4))


def test_repr_says_what_they_hold() -> None:
    assert repr(ragged([2, 5])) == "Clouds(2 of up to 5 points, normal, part)"
    clouds = Clouds.from_dense(torch.rand(3, 4, 3), torch.zeros(3))
    assert repr(clouds) == "Clouds(3 of 4 points)"
    assert repr(ragged([2, 5]).batch([0, 1])) == "Batch(2 clouds of 5 points, normal, part, mask)"


@pytest.mark.parametrize("counts", [[6, 6, 6], [6, 2, 9]])
def test_drawn_points_are_distinct_points_of_their_own_cloud(
    counts: list[int], generator: torch.Generator
) -> None:
    clouds = ragged(counts)
    batch = clouds.batch(torch.tensor([2, 0, 1]), 5, generator)
    assert batch.mask is None
    assert batch.category.tolist() == [20, 0, 10]
    assert batch.part is not None
    assert batch.normal is not None
    for row, cloud in enumerate([2, 0, 1]):
        drawn = batch.part[row].tolist()
        own = range(int(clouds.ptr[cloud]), int(clouds.ptr[cloud + 1]))
        assert set(drawn) <= set(own)
        # Each point once before any is repeated.
        assert max(map(drawn.count, drawn)) == -(-5 // min(5, len(own)))
        assert len(set(drawn)) == min(5, len(own))
        assert batch.pos[row, :, 0].tolist() == drawn
        assert (-batch.normal[row, :, 0]).tolist() == drawn


def test_every_subset_is_as_likely(generator: torch.Generator) -> None:
    clouds = ragged([4])
    batch = clouds.batch(torch.zeros(6000, dtype=torch.long), 2, generator)
    assert batch.part is not None
    pairs = torch.zeros(4, 4)
    for one, other in batch.part.tolist():
        pairs[one, other] += 1
    assert (pairs.diag() == 0).all()
    expected = 6000 / 12
    chi_squared = ((pairs - expected) ** 2 / expected).masked_fill(torch.eye(4) > 0, 0).sum()
    assert chi_squared < 31.3  # 0.1 % point of 11 degrees of freedom


def test_a_seed_fixes_the_draw() -> None:
    clouds = ragged([9, 5])
    draws = [clouds.batch([0, 1], 4, torch.Generator().manual_seed(seed)).pos for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("equal", [False, True])
def test_points_are_drawn_in_the_order_of_their_keys(equal: bool) -> None:
    """The quick sort gives what a stable sort gives, with ties and with rows of unlike length."""
    key = torch.rand(20, 500, generator=torch.Generator().manual_seed(3))
    if equal:
        key = (key * 50).floor() / 50
    key[3:, 200:] = 2.0
    before = key.clone()
    assert torch.equal(sort_keys(key), key.argsort(dim=1, stable=True))
    assert torch.equal(key, before)


def test_without_a_generator_the_first_points_come_in_order() -> None:
    batch = ragged([2, 5]).batch([0, 1], 3)
    assert batch.part is not None
    assert batch.part.tolist() == [[0, 1, 0], [2, 3, 4]]


@pytest.mark.parametrize("shuffle", [False, True])
def test_all_points_are_padded_to_the_longest(shuffle: bool, generator: torch.Generator) -> None:
    clouds = ragged([2, 5, 3])
    batch = clouds.batch([0, 2], None, generator if shuffle else None)
    assert batch.mask is not None
    assert batch.part is not None
    assert batch.mask.tolist() == [[True, True, False], [True, True, True]]
    assert sorted(batch.part[1].tolist()) == [7, 8, 9]
    assert batch.part[0, 2] == 0
    assert (batch.pos[0, 2] == 0).all()


def test_all_points_of_equal_clouds_need_no_mask() -> None:
    assert ragged([4, 4]).batch([1, 0]).mask is None
    assert ragged([4, 4, 5]).batch([1, 0]).mask is None


def test_from_dense() -> None:
    pos = torch.randn(2, 5, 3)
    clouds = Clouds.from_dense(pos, torch.tensor([1, 0]), part=torch.ones(2, 5))
    assert torch.equal(clouds.batch([0, 1]).pos, pos)
    assert clouds.names == ("0", "1")
    assert clouds.uniform and clouds.longest == 5


def test_moving_keeps_everything() -> None:
    clouds = ragged([2, 1]).to("cpu")
    assert vars(clouds)["longest"] == 2 and vars(clouds)["uniform"] is False
    batch = clouds.batch([1])
    assert len(batch) == 1
    assert clouds.names == ("cloud0", "cloud1")


def test_what_does_not_fit_is_refused() -> None:
    clouds = ragged([2, 3])
    with pytest.raises(InputError, match=r"normal is \(4, 3\), expected \(5, 3\)"):
        replace(clouds, normal=clouds.pos[:4])
    with pytest.raises(InputError, match="1 names for 2 clouds"):
        replace(clouds, names=("one",))
    for ptr in ([0, 5, 5], [0, 2, 4], [1, 2, 5], [0, 6, 5]):
        with pytest.raises(InputError, match="ptr must rise from 0 to 5, by at least 1 per cloud"):
            replace(clouds, ptr=torch.tensor(ptr))
    with pytest.raises(InputError, match="num_points is 0"):
        clouds.batch([0], 0)
    with pytest.raises(InputError, match="no clouds to join"):
        Clouds.cat([])
