"""How benchmarks look."""

from pcea.benchmarks.picture import style_of


def test_no_two_curves_look_alike() -> None:
    looks = [tuple(style_of(number).values()) for number in range(16)]
    assert len(set(looks)) == len(looks)
