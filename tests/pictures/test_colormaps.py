"""Colors of values: matplotlib's, in equal steps, and back again."""

import matplotlib
import numpy as np
import pytest
import torch

from pcea.errors import InputError
from pcea.pictures.colormaps import COLORMAPS, SEQUENTIAL, UNKNOWN, colors_of, limits, values_of

maps = pytest.mark.parametrize("name", COLORMAPS)


def lightness(colors: torch.Tensor) -> np.ndarray:
    share = colors.numpy() / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16


@maps
def test_colors_are_matplotlib_s(name: str) -> None:
    values = np.random.default_rng(0).uniform(-3, 5, 1000)
    theirs = matplotlib.colormaps[name]((values + 2) / 6, bytes=True)[:, :3]
    assert (colors_of(values, -2, 4, name).numpy() == theirs).all()


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_more_is_lighter_or_the_other_way_round(name: str) -> None:
    # Rounded to bytes, neighbors may swap by a hair.
    light = lightness(colors_of(torch.linspace(0, 1, 64), name=name))
    assert (np.diff(light) * (-1 if name.endswith("_r") else 1) > 0).all()


def test_a_diverging_map_has_zero_in_the_middle() -> None:
    values = torch.tensor([-1.0, 0.0, 4.0])
    assert limits(values, name="coolwarm") == (-4, 4)
    assert limits(values, high=2, name="coolwarm") == (-2, 2)
    red, _, blue = colors_of(torch.tensor([0.0, -4, 4]), name="coolwarm").long().T
    assert abs(red[0] - blue[0]) < 12
    assert red[1] < blue[1] and red[2] > blue[2]
    light = lightness(colors_of(torch.linspace(-1, 1, 65), name="coolwarm"))
    assert (np.diff(light[:33]) > 0).all() and (np.diff(light[32:]) < 0).all()


def test_the_tails_do_not_stretch_the_range() -> None:
    assert limits(torch.linspace(0, 1, 101), tails=0.01) == pytest.approx((0.01, 0.99))
    assert limits(torch.tensor([torch.nan, torch.inf]), tails=0.01) == (0.0, 0.0)
    signed = limits(torch.tensor([-1.0, 3.0]), name="coolwarm", tails=0.01)
    assert signed == pytest.approx((-2.96, 2.96))


def test_no_value_is_gray() -> None:
    colors = colors_of([0.0, float("nan"), 1.0, float("inf"), float("-inf")])
    assert colors.dtype == torch.uint8
    assert tuple(colors[1].tolist()) == UNKNOWN
    assert torch.equal(colors[3], colors[2])
    assert torch.equal(colors[4], colors[0])
    assert colors_of([float("nan")] * 2).tolist() == [list(UNKNOWN)] * 2
    assert colors_of([]).shape == (0, 3)


@maps
def test_a_constant_gets_the_middle(name: str) -> None:
    middle = colors_of([0.5], 0, 1, name)
    assert torch.equal(colors_of(torch.zeros(3), name=name), middle.expand(3, 3))
    if name in SEQUENTIAL:
        assert torch.equal(colors_of(torch.full((3,), 7.0), name=name), middle.expand(3, 3))


@maps
def test_back_to_the_value(name: str) -> None:
    values = torch.linspace(-2, 3, 999, dtype=torch.float64)
    back = values_of(colors_of(values, -2, 3, name), -2, 3, name)
    assert (back - values).abs().max() <= 2 * 5 / 256
    assert values_of([[1, 2, 3], UNKNOWN], 0, 1, name).isnan().all()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"name": "jet"}, "no color map is called 'jet'"),
        ({"name": "virids"}, "did you mean 'viridis'"),
        ({"low": 2.0}, "from 2 to 1"),
        ({"low": 1.0, "high": float("nan")}, "high is nan; it must be a finite number"),
    ],
)
def test_wrong_wishes(wanted: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        colors_of([0.0, 1.0], **wanted)  # type: ignore[arg-type]
