"""The contests of attention: who should agree does, and operations are those on paper."""

from collections.abc import Callable

import pytest
import torch

from pcea.attention.external import double_normalize
from pcea.benchmarks.attention import EXTERNAL, FLASH, OFFSET, attention_contests, external, start
from pcea.benchmarks.limits import count_operations
from pcea.benchmarks.measure import Contestant, compare
from pcea.benchmarks.plain_attention import PlainExternalAttention, PlainOffsetAttention

CPU = torch.device("cpu")


def test_forms_of_one_function_agree() -> None:
    contests = list(attention_contests((96, 40), 16, "float32", CPU, training=True))
    assert [each.title for each in contests] == [
        "Forward: 96 points, C = 16",
        "Forward: 40 points, C = 16",
        "Forward and backward: 96 points, C = 16",
        "Forward and backward: 40 points, C = 16",
    ]
    for contest in contests:
        measured = compare(contest, rounds=1, least=0.0)
        assert not any(row.error for row in measured.rows)
        agreement = {row.contestant.name: row.agreement for row in measured.rows}
        if contest.agree is None:
            assert set(agreement.values()) == {None}
            continue
        assert agreement[FLASH] is None and agreement["pcea, self"] is None
        for name in ("pcea, offset", "pcea, external"):
            found = agreement[name]
            assert found is not None and found < 1e-5


def test_plain_forms_follow_the_equations(generator: torch.Generator) -> None:
    x = torch.randn(2, 9, 8, generator=generator)
    one = PlainExternalAttention(8, slots=5)
    expected = double_normalize(one.query(x) @ one.mk.T) @ one.mv
    torch.testing.assert_close(one(x), expected)
    two = PlainOffsetAttention(8)
    query = x @ two.query.weight[..., 0].T
    weights = (query @ query.mT).softmax(-1)
    weights = weights / weights.sum(1, keepdim=True)
    value = x @ two.value.weight[..., 0].T + two.value.bias
    torch.testing.assert_close(two(x), weights.mT @ value)


@pytest.mark.parametrize(
    "name",
    [
        OFFSET,
        EXTERNAL,
        "pcea, multihead-external",
        "pcea, multihead-external-wide",
        "pcea, efficient",
        "pcea, linear",
    ],
)
def test_operations_are_those_that_are_run(name: str) -> None:
    (contest,) = attention_contests((32,), 16, "float32", CPU)
    contestant = next(each for each in contest.contestants if each.name == name)
    assert count_operations(contestant.build()) == contestant.work > 0


def test_gradients_are_freed_and_bf16_is_taken() -> None:
    made = external(True, 8)
    call: Callable[[], object] = start(lambda: made, 12, 8, "bf16", CPU, training=True)
    assert call() is None
    assert all(each.grad is None for each in made.parameters())
    forward = start(lambda: made, 12, 8, "bf16", CPU, training=False)
    assert forward().dtype == torch.bfloat16


def test_only_what_grows_with_the_square_is_bounded() -> None:
    (contest,) = attention_contests((1 << 20,), 256, "float32", CPU)

    def grows(each: Contestant) -> bool:
        return each.bounded

    assert {each.name for each in contest.contestants if not grows(each)} == {
        EXTERNAL,
        "pcea, external",
        "pcea, multihead-external",
        "pcea, multihead-external-wide",
        "pcea, efficient",
        "pcea, linear",
        "pcea, halo",
    }
