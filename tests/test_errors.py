import pytest

from pcea.errors import InputError, nearest

ATTENTIONS = ["offset", "external", "self"]


def test_input_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"^chair\.obj: no faces$"):
        raise InputError("chair.obj: no faces")


def test_nearest_offers_the_close_name() -> None:
    assert nearest("externl", ATTENTIONS) == " (did you mean 'external'?)"


def test_nearest_offers_several_best_first() -> None:
    assert nearest("ab1", ["ab2", "ab1x", "zz"]) == " (did you mean 'ab1x' or 'ab2'?)"


def test_nearest_lists_all_in_order_where_nothing_is_close() -> None:
    assert nearest("42", ATTENTIONS) == " (known: external, offset, self)"


def test_nearest_takes_any_iterable_once() -> None:
    assert nearest("42", iter(["b", "a"])) == " (known: a, b)"


def test_hint_stays_on_one_line() -> None:
    assert "\n" not in nearest("?", [f"name{i}" for i in range(100)])
