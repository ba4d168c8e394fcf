"""Colors of parts, seen with normal and with color-blind eyes."""

from itertools import combinations

import numpy as np
import pytest
import torch

from pcea.pictures.palette import palette, part_colors

# Machado, Oliveira and Fernandes, 2009: full dichromacy, on linear RGB.
BLIND = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.9505], [1.0], [1.089]])


def lab(color: torch.Tensor, eyes: str) -> np.ndarray:
    share = color.numpy() / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = (linear @ np.asarray(BLIND[eyes]).T).clip(0, 1)
    root = np.cbrt(seen @ TO_XYZ.T)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def closest(colors: torch.Tensor, eyes: str) -> float:
    return min(np.linalg.norm(a - b) for a, b in combinations(lab(colors, eyes), 2))


@pytest.mark.parametrize(
    ("eyes", "least"), [("normal", 25), ("protanopia", 12), ("deuteranopia", 12)]
)
def test_first_colors_differ_for_everybody(eyes: str, least: float) -> None:
    assert closest(palette(6), eyes) > least


def test_any_number() -> None:
    assert palette(0).shape == (0, 3)
    colors = palette(512)
    assert colors.dtype == torch.uint8
    assert len(colors.unique(dim=0)) == 512
    assert palette(2000).shape == (2000, 3)


def test_a_longer_palette_begins_with_the_shorter_one() -> None:
    assert torch.equal(palette(40)[:13], palette(13))


def test_parts_of_one_category_differ() -> None:
    parts_of = [[0, 1, 2], [3, 4], [2, 5], []]
    colors = part_colors(7, parts_of)
    assert colors.shape == (7, 3)
    for ids in parts_of:
        assert len(colors[ids].unique(dim=0)) == len(ids)
    # Three colors are enough, so the best three are taken.
    assert {tuple(c) for c in colors.tolist()} <= {tuple(c) for c in palette(3).tolist()}


def test_parts_of_no_known_category() -> None:
    assert torch.equal(part_colors(9), palette(9))
    assert part_colors(0).shape == (0, 3)
