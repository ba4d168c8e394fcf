"""Stray points against the rule's definition in float64, and shapes that must stay whole."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from pcea.geometry import gather, isolated_points, leave_out, unit_sphere

Shape = Callable[[Generator], Tensor]


def by_definition(pos: Tensor, ratio: float = 2.5, k: int = 5) -> list[bool]:
    """Which points of one cloud (N, 3) are strays, in float64 and one point after the other."""
    cloud = pos.double().numpy()
    places, place_of = np.unique(cloud, axis=0, return_inverse=True)
    count = len(places)
    if count < 16:
        return [False] * len(cloud)
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
    near = np.argsort(distance, axis=1, kind="stable")[:, 1:9]
    spacing = [distance[i, near[i, :k]].mean() for i in range(count)]
    usual = lower_median(spacing)
    candidates = [i for i in range(count) if spacing[i] > ratio * usual]
    strays = set()
    if candidates and len(candidates) <= count / 4:
        beside = np.mean([spacing[j] <= ratio * usual for i in candidates for j in near[i]])
        volume = len(candidates) * lower_median([spacing[i] for i in candidates]) ** 3
        fills = volume * beside > 2.5 * (count - len(candidates)) * usual**3
        kept = places[[i for i in range(count) if i not in candidates]]
        radius = np.linalg.norm(kept - kept.mean(0), axis=1).max()
        for i in candidates:
            far = spacing[i] > 0.3 * radius
            alone = far and spacing[i] > ratio * lower_median([spacing[j] for j in near[i]])
            if fills or alone:
                strays.add(i)
    return [int(place) in strays for place in place_of.reshape(-1)]


def lower_median(values: list[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]


def torus(generator: Generator, count: int = 1000) -> Tensor:
    """Points on a torus in the unit sphere."""
    turn = 2 * math.pi * torch.rand(count, 2, generator=generator)
    ring = 0.7 + 0.3 * turn[:, 1].cos()
    return torch.stack(
        [ring * turn[:, 0].cos(), ring * turn[:, 0].sin(), 0.3 * turn[:, 1].sin()], dim=-1
    )


def lamp(generator: Generator) -> Tensor:
    """A foot and a shade of 490 points each, joined by a pole of 40 points, almost a line."""
    turn = 2 * math.pi * torch.rand(980, generator=generator)
    disc = 0.4 * torch.rand(980, generator=generator).sqrt()
    height = torch.where(torch.arange(980) < 490, -1.0, 1.0 - disc)
    ends = torch.stack([disc * turn.cos(), disc * turn.sin(), height], dim=-1)
    pole = 0.003 * torch.randn(40, 3, generator=generator)
    pole[:, 2] += torch.linspace(-1, 1, 42)[1:-1]
    return torch.cat([ends, pole])


def grid(generator: Generator) -> Tensor:
    """A square, sampled regularly."""
    line = torch.linspace(-0.7, 0.7, 30)
    return torch.cartesian_prod(line, line, torch.zeros(1))


def line(generator: Generator) -> Tensor:
    """A straight wire."""
    return torch.linspace(-1, 1, 300)[:, None] * torch.ones(3) / 3**0.5


def two_densities(generator: Generator) -> Tensor:
    """A torus, one half of it sampled ten times as densely as the other."""
    whole = torus(generator, 2000)
    dense = whole[whole[:, 0] < 0]
    return torch.cat([dense, whole[whole[:, 0] >= 0][: len(dense) // 10]])


def by_distance(generator: Generator) -> Tensor:
    """A torus as a scanner beside it has it: density falls with the square of the distance."""
    whole = torus(generator, 4000)
    weight = 1 / (whole - torch.tensor([1.5, 0.0, 0.0])).square().sum(-1)
    return whole[weight.multinomial(800, generator=generator)]


def two_objects(generator: Generator) -> Tensor:
    """Two tori, far apart, the second with a quarter of the points of the first."""
    return torch.cat([torus(generator, 800), torus(generator, 200) + 5])


def clusters(generator: Generator) -> Tensor:
    """Ten small tori of 100 points."""
    centers = 2 * torch.rand(10, 1, 3, generator=generator) - 1
    return (centers + 0.05 * torus(generator).view(10, 100, 3)).reshape(-1, 3)


def doubled(generator: Generator) -> Tensor:
    """A torus, half of its points twice."""
    whole = torus(generator, 700)
    return torch.cat([whole, whole[:350]])


def repeated(generator: Generator) -> Tensor:
    """A torus of 300 points, repeated to 1,024."""
    return torus(generator, 300)[torch.arange(1024) % 300]


SHAPES = [
    torus, lamp, grid, line, two_densities, by_distance, two_objects, clusters, doubled, repeated
]  # fmt: skip


def with_strays(count: int, generator: Generator, size: float = 1.0) -> Tensor:
    """A torus and, last, strays uniform in a cube around it."""
    cube = 2 * torch.rand(count, 3, generator=generator) - 1
    return torch.cat([torus(generator), size * cube])


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_no_shape_is_eaten(shape: Shape) -> None:
    clouds = [shape(Generator().manual_seed(seed)) for seed in range(5)]
    eaten = torch.cat([isolated_points(pos[None])[0] for pos in clouds])
    assert eaten.float().mean() < 0.01


@pytest.mark.parametrize("shape", [grid, line, torus, repeated], ids=lambda shape: shape.__name__)
def test_an_even_shape_loses_no_point(shape: Shape, generator: Generator) -> None:
    assert not isolated_points(shape(generator)[None]).any()


@pytest.mark.parametrize("count", [64, 128, 256])
def test_few_points_stay(count: int, generator: Generator) -> None:
    pos = torch.stack([torus(generator, count) for _ in range(20)])
    assert isolated_points(pos).float().mean() < 0.01


@pytest.mark.parametrize(
    ("count", "size"), [(1, 1), (10, 1), (100, 1), (200, 2), (3, 50), (1, 1e3)]
)
def test_strays_are_found(count: int, size: float, generator: Generator) -> None:
    pos = with_strays(count, generator, size)
    found = isolated_points(pos[None])[0]
    to_ring = (pos[1000:, :2].norm(dim=-1) - 0.7).square() + pos[1000:, 2].square()
    away = (to_ring.sqrt() - 0.3).abs() > 0.3  # well away from the surface
    assert found[1000:][away].float().mean() > 0.95
    assert found[:1000].float().mean() < 0.005


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_clump_of_strays_is_found(count: int, generator: Generator) -> None:
    clump = torch.tensor([3.0, 3.0, 3.0]) + 0.01 * torch.randn(count, 3, generator=generator)
    found = isolated_points(torch.cat([torus(generator), clump])[None])[0]
    assert found[1000:].all() and not found[:1000].any()


@pytest.mark.parametrize("strays", [0, 1, 12, 90])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_follows_the_definition(shape: Shape, strays: int, generator: Generator) -> None:
    # Shaken, for ties are broken by the order of the points.
    pos = shape(generator)[:400]
    if shape in (grid, line):
        pos = pos + 0.001 * torch.randn(pos.shape, generator=generator)
    pos = torch.cat([pos, 2 * torch.rand(strays, 3, generator=generator) - 1])
    assert isolated_points(pos[None])[0].tolist() == by_definition(pos)
    assert isolated_points(pos[None], ratio=1.7, k=3)[0].tolist() == by_definition(pos, 1.7, 3)


def test_what_is_most_of_a_cloud_is_no_stray(generator: Generator) -> None:
    dense = 0.01 * torch.randn(300, 3, generator=generator)
    few, many = (2 * torch.rand(count, 3, generator=generator) - 1 for count in (60, 120))
    assert isolated_points(torch.cat([dense, few])[None])[0, 300:].float().mean() > 0.9
    assert not isolated_points(torch.cat([dense, many])[None]).any()


def test_order_place_and_size_do_not_matter(generator: Generator) -> None:
    pos = with_strays(30, generator)
    found = isolated_points(pos[None])[0]
    order = torch.randperm(len(pos), generator=generator)
    assert torch.equal(isolated_points(pos[order][None])[0], found[order])
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
    for changed in (pos @ turn, 1000 * pos, pos / 1000, pos + 3, pos.double()):
        assert torch.equal(isolated_points(changed[None])[0], found)


def test_a_batch_is_its_clouds(generator: Generator) -> None:
    several = torch.stack([with_strays(20, generator) for _ in range(3)])
    found = isolated_points(several)
    moved, index = leave_out(several, found)
    for b in range(3):
        assert torch.equal(isolated_points(several[b : b + 1])[0], found[b])
        alone = leave_out(several[b : b + 1], found[b : b + 1])
        assert torch.equal(alone[0][0], moved[b]) and torch.equal(alone[1][0], index[b])


def test_padding_is_as_if_it_were_not_there(generator: Generator) -> None:
    pos = with_strays(20, generator)[None]
    mask = torch.arange(1100)[None] < 1020
    padded = torch.cat([pos, torch.full((1, 80, 3), 7.0)], dim=1)
    found = isolated_points(padded, mask)
    assert torch.equal(found[:, :1020], isolated_points(pos)) and not found[:, 1020:].any()
    moved, index = leave_out(padded, found, mask)
    expected = leave_out(pos, found[:, :1020])
    assert torch.equal(index[:, :1020], expected[1])
    assert torch.allclose(moved[:, :1020], expected[0], atol=1e-6)
    assert torch.equal(index[:, 1020:], torch.arange(1020, 1100)[None])


@pytest.mark.parametrize("total", [0, 1, 4, 8, 9, 16, 40])
def test_clouds_without_a_form_stay(total: int) -> None:
    equal = torch.ones(2, total, 3)
    for mask in (None, torch.zeros(2, total, dtype=torch.bool)):
        found = isolated_points(equal, mask)
        assert found.shape == (2, total) and not found.any()
        assert torch.equal(leave_out(equal, found, mask)[0], equal)
    apart = equal.clone()
    apart[:, :1] = 9
    assert not isolated_points(apart).any()


def test_an_empty_batch_stays_empty() -> None:
    found = isolated_points(torch.zeros(0, 32, 3))
    assert found.shape == (0, 32)
    assert leave_out(torch.zeros(0, 32, 3), found)[0].shape == (0, 32, 3)


@pytest.mark.parametrize("k", [0, 9])
def test_refuses_a_count_of_neighbors(k: int) -> None:
    with pytest.raises(ValueError, match=r"k must be in 1\.\.8"):
        isolated_points(torch.rand(1, 30, 3), k=k)


def test_strays_go_to_their_nearest_kept_point(generator: Generator) -> None:
    pos = with_strays(12, generator)[None]
    strays = isolated_points(pos)
    moved, index = leave_out(pos, strays)
    kept = ~strays[0]
    alone = unit_sphere(pos[:, kept])
    assert torch.allclose(moved[:, kept], alone, atol=1e-6)
    distance = torch.cdist(pos[0, strays[0]].double(), pos[0, kept].double())
    nearest = kept.nonzero()[:, 0][distance.argmin(1)]
    assert index[0, strays[0]].tolist() == nearest.tolist()
    assert torch.equal(index[0, kept], kept.nonzero()[:, 0])
    assert torch.equal(moved, gather(moved, index))


def test_a_cloud_without_strays_stays_bit_for_bit(generator: Generator) -> None:
    pos = 3 * torch.rand(2, 50, 3, generator=generator) + 1
    strays = torch.zeros(2, 50, dtype=torch.bool)
    strays[1, 4] = True
    moved, index = leave_out(pos, strays)
    assert torch.equal(moved[0], pos[0]) and torch.equal(index[0], torch.arange(50))
    assert float(moved[1].norm(dim=-1).max()) == pytest.approx(1, abs=1e-6)
    everything = torch.ones(2, 50, dtype=torch.bool)
    assert torch.equal(leave_out(pos, everything)[0], pos)


def test_gradients_pass(generator: Generator) -> None:
    pos = with_strays(3, generator)[None].requires_grad_()
    strays = isolated_points(pos)
    (gradient,) = torch.autograd.grad(leave_out(pos, strays)[0].square().sum(), pos)
    assert gradient.isfinite().all()
    assert gradient[0, strays[0]].abs().max() == 0 and gradient.abs().max() > 0


def test_compiles_without_a_break(generator: Generator) -> None:
    def both(pos: Tensor) -> tuple[Tensor, Tensor]:
        return leave_out(pos, isolated_points(pos))

    pos = torch.stack([with_strays(count, generator)[-1000:] for count in (10, 50)])
    compiled = torch.compile(both, fullgraph=True, backend="aot_eager")
    for one, other in zip(compiled(pos), both(pos), strict=True):
        assert torch.equal(one, other)
