"""Models by name, and the sizes that were published."""

from __future__ import annotations

import pytest

from pcea.errors import InputError
from pcea.models import create_model, list_models


def count(name: str, **options: object) -> int:
    return sum(parameter.numel() for parameter in create_model(name, **options).parameters())


def test_pct_has_the_published_number_of_parameters() -> None:
    assert count("pct") == 2_876_136
    assert count("spct") == 1_360_552


def test_the_attention_is_all_that_tells_eat_from_pct() -> None:
    slots, dim, depth = 64, 256, 4
    offset = dim * dim // 4 + dim * dim + dim  # query shared with the key, value with bias
    external = dim * dim + 2 * slots * dim  # query, two memories
    assert count("eat") == 2_876_136 + depth * (external - offset)
    assert count("eat", attention="offset") == 2_876_136


def test_the_residual_is_one_switch() -> None:
    transform = 256 * 256 + 256 + 2 * 256
    assert count("eat", residual="add") == count("eat")
    assert count("eat", residual="none") == count("eat") - 4 * transform


def test_lists_by_task() -> None:
    both = list_models("classification") + list_models("segmentation")
    assert sorted(both) == list_models()
    assert "eat" in list_models("classification")
    assert "eat-seg" in list_models("segmentation")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("eatt", {}, r"no model is called 'eatt' \(did you mean 'eat'"),
        ("eat", {"atention": "self"}, r"no option 'atention' \(did you mean 'attention'"),
        ("eat", {"attention": "externa"}, "external"),
        ("eat", {"attention_options": {"slot": 3}}, "slots"),
        ("eat", {"residual": "ofset"}, "offset"),
    ],
)
def test_unknown_names_get_the_nearest(name: str, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_model(name, **options)
