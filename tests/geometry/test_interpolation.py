"""Interpolation against its equation and its properties."""

import torch

from pcea.geometry import three_interpolate


def test_is_the_equation(generator: torch.Generator) -> None:
    query = torch.randn(1, 7, 3, generator=generator)
    pos, x = torch.randn(1, 20, 3, generator=generator), torch.randn(1, 20, 5, generator=generator)
    out = three_interpolate(query, pos, x)[0]
    for q, found in zip(query[0].double(), out.double(), strict=True):
        squared = ((pos[0].double() - q) ** 2).sum(-1)
        nearest = squared.argsort()[:3]
        weight = 1 / squared[nearest]
        expected = (weight[:, None] * x[0, nearest].double()).sum(0) / weight.sum()
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_known_points_keep_their_features(generator: torch.Generator) -> None:
    pos, x = torch.randn(2, 20, 3, generator=generator), torch.randn(2, 20, 5, generator=generator)
    torch.testing.assert_close(three_interpolate(pos, pos, x), x, rtol=1e-4, atol=1e-4)


def test_a_constant_stays_constant(generator: torch.Generator) -> None:
    query, pos = torch.randn(1, 9, 3, generator=generator), torch.zeros(1, 4, 3)
    out = three_interpolate(query, pos, torch.full((1, 4, 2), 0.7))
    torch.testing.assert_close(out, torch.full((1, 9, 2), 0.7))


def test_one_point_is_enough() -> None:
    x = torch.tensor([[[3.0]]])
    assert three_interpolate(torch.ones(1, 2, 3), torch.zeros(1, 1, 3), x).tolist() == [[[3], [3]]]


def test_padding_has_no_weight(generator: torch.Generator) -> None:
    query, pos = (
        torch.randn(1, 9, 3, generator=generator),
        torch.randn(1, 8, 3, generator=generator),
    )
    x = torch.randn(1, 8, 2, generator=generator)
    mask = torch.arange(8)[None] < 5
    out = three_interpolate(query, pos, x, mask)
    torch.testing.assert_close(out, three_interpolate(query, pos[:, :5], x[:, :5]))
