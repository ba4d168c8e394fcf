"""Estimated normals against those of surfaces that have a formula, and against Open3D's."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from pcea.geometry import estimate_normals, knn


def sphere(num: int, generator: Generator) -> tuple[Tensor, Tensor]:
    normal = torch.nn.functional.normalize(torch.randn(num, 3, generator=generator), dim=-1)
    return normal.clone(), normal


def torus(num: int, generator: Generator) -> tuple[Tensor, Tensor]:
    around, about = 2 * torch.pi * torch.rand(2, num, generator=generator)
    ring = torch.stack([around.cos(), around.sin(), torch.zeros(num)], dim=-1)
    up = torch.tensor([0.0, 0.0, 1.0])
    normal = about.cos()[:, None] * ring + about.sin()[:, None] * up
    return ring + 0.4 * normal, normal


def box(num: int, generator: Generator) -> tuple[Tensor, Tensor]:
    face = torch.arange(num) % 6
    normal = torch.cat([torch.eye(3), -torch.eye(3)])[face]
    across = 2 * torch.rand(num, 3, generator=generator) - 1
    return torch.where(normal == 0, across, normal), normal


def cylinder(num: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Long, with both lids: a rod."""
    around = 2 * torch.pi * torch.rand(num, generator=generator)
    ring = torch.stack([around.cos(), around.sin(), torch.zeros(num)], dim=-1)
    height = 6 * torch.rand(num, generator=generator) - 3
    up = torch.tensor([0.0, 0.0, 1.0])
    lid = torch.arange(num) % 8 == 0
    far = torch.rand(num, generator=generator).sqrt()[:, None]
    end = torch.sign(height)[:, None]
    pos = torch.where(lid[:, None], far * ring + 3 * end * up, ring + height[:, None] * up)
    return pos, torch.where(lid[:, None], end * up, ring)


Surface = Callable[[int, Generator], tuple[Tensor, Tensor]]
SURFACES: list[Surface] = [sphere, torus, box, cylinder]


def right(found: Tensor, normal: Tensor) -> float:
    """Share of points whose normal is on the right side."""
    return float(((found * normal).sum(-1) > 0).float().mean())


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_closed_surfaces_get_their_outward_normals(
    surface: Surface, noise: float, generator: Generator
) -> None:
    pos, normal = surface(1024, generator)
    pos = pos + noise * torch.randn(pos.shape, generator=generator)
    found = estimate_normals(pos[None])[0]
    assert right(found, normal) > 0.99
    cosine = (found * normal).sum(-1).clamp(-1, 1)
    assert cosine.arccos().rad2deg().median() < 10
    assert torch.allclose(found.norm(dim=-1), torch.ones(1024), atol=1e-5)


def test_the_inside_of_a_cup_points_into_its_opening(generator: Generator) -> None:
    """A thick-walled pot: the center of all its points lies inside the hollow."""
    around, height = torch.rand(2, 1500, generator=generator)
    around, height = 2 * torch.pi * around, 1.5 * height
    ring = torch.stack([around.cos(), height, around.sin()], dim=-1)
    inner = torch.arange(1500) % 2 == 0
    scale = torch.where(inner, 0.8, 1.0)[:, None] * torch.tensor([1.0, 0.0, 1.0])
    pos = ring * scale + ring * torch.tensor([0.0, 1.0, 0.0])
    flat = ring * torch.tensor([1.0, 0.0, 1.0])
    normal = torch.where(inner[:, None], -flat, flat)
    assert right(estimate_normals(pos[None])[0], normal) > 0.9


def test_a_thin_plate_has_two_sides(generator: Generator) -> None:
    """Its points lie farther from each other than its sides do."""
    top = torch.arange(1000) % 2 == 0
    pos = 2 * torch.rand(1000, 3, generator=generator)
    pos[:, 1] = torch.where(top, 0.06, 0.0)
    found = estimate_normals(pos[None])[0]
    up = torch.where(top, 1.0, -1.0)[:, None] * torch.tensor([0.0, 1.0, 0.0])
    assert right(found, up) > 0.95


def test_a_sheet_has_one_side_and_it_is_the_positive_one(generator: Generator) -> None:
    pos = torch.rand(400, 3, generator=generator)
    pos[:, 1] = 0.5
    assert torch.allclose(estimate_normals(pos[None])[0], torch.tensor([0.0, 1.0, 0.0]), atol=1e-6)


def test_a_scan_from_one_side_points_to_where_it_bulges(generator: Generator) -> None:
    pos, normal = sphere(2000, generator)
    seen = normal[:, 2] > 0.3
    assert right(estimate_normals(pos[None, seen])[0], normal[seen]) > 0.99


def test_separate_pieces_each_point_outward(generator: Generator) -> None:
    (ball, out), (brick, away) = sphere(500, generator), box(500, generator)
    pos = torch.cat([ball, brick + torch.tensor([5.0, 1.0, 0.0])])
    assert right(estimate_normals(pos[None])[0], torch.cat([out, away])) > 0.99


def test_turning_the_cloud_turns_its_normals(generator: Generator) -> None:
    pos, _ = torus(800, generator)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator))
    turn = turn * turn.det().sign()
    found, turned = estimate_normals(torch.stack([pos, pos @ turn.T]))
    cosine = (found @ turn.T * turned).sum(-1)
    assert (cosine > 0.999).float().mean() > 0.99


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e6, 1e18])
def test_scale_and_place_do_not_matter(scale: float, generator: Generator) -> None:
    pos, _ = box(600, generator)
    found = estimate_normals(pos[None])
    for other in (estimate_normals(pos[None] * scale), estimate_normals(pos[None] + 8.0)):
        assert ((found * other).sum(-1) > 0.999).float().mean() > 0.99


def test_a_curved_neighborhood_agrees_with_open3d(open3d: ModuleType, generator: Generator) -> None:
    pos, _ = torus(2000, generator)
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(pos.double().numpy()))
    cloud.estimate_normals(open3d.geometry.KDTreeSearchParamKNN(20))
    expected = torch.from_numpy(np.asarray(cloud.normals)).float()
    cosine = (estimate_normals(pos[None], k=20)[0] * expected).sum(-1).abs()
    assert cosine.clamp(max=1).arccos().rad2deg().median() < 5


def test_a_plane_is_that_of_a_principal_component_analysis(generator: Generator) -> None:
    """Without curvature, weights and refits change nothing: a tilted, slightly noisy sheet."""
    pos = torch.randn(300, 3, generator=generator) * torch.tensor([1.0, 1.0, 1e-4])
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator))
    pos = pos @ turn.T
    found = estimate_normals(pos[None])[0].double().numpy()
    for place, normal in zip(knn(pos[None], pos[None], 20)[0].numpy(), found, strict=True):
        axes = np.linalg.eigh(np.cov(pos.double().numpy()[place].T))[1]
        assert abs(axes[:, 0] @ normal) > 0.99999


def test_padding_changes_nothing_and_gets_no_normal(generator: Generator) -> None:
    pos, _ = box(400, generator)
    padded = torch.rand(2, 500, 3, generator=generator)
    mask = torch.ones(2, 500, dtype=torch.bool)
    mask[0] = torch.randperm(500, generator=generator) < 400
    padded[0, mask[0]] = pos
    found = estimate_normals(padded, mask)
    assert torch.equal(found[0, mask[0]], estimate_normals(pos[None])[0])
    assert not found[0, ~mask[0]].any()
    assert torch.equal(found[1:], estimate_normals(padded[1:]))


def test_repeated_points_count_once_and_share_their_normal(generator: Generator) -> None:
    pos, _ = sphere(100, generator)
    again = torch.randint(100, (900,), generator=generator)
    found = estimate_normals(torch.cat([pos, pos[again]])[None])[0]
    assert torch.equal(found[:100], estimate_normals(pos[None])[0])
    assert torch.equal(found[100:], found[again])


def test_the_order_of_the_points_does_not_matter(generator: Generator) -> None:
    pos, _ = torus(500, generator)
    order = torch.randperm(500, generator=generator)
    found = estimate_normals(pos[None])
    assert torch.equal(estimate_normals(pos[None, order]), found[:, order])


@pytest.mark.parametrize("num", [1, 2, 3, 4, 50])
@pytest.mark.parametrize("kind", ["equal", "collinear", "planar", "any"])
def test_points_that_fix_no_plane_get_unit_normals_that_fit(num: int, kind: str) -> None:
    pos = torch.rand(num, 3, generator=Generator().manual_seed(1))
    keep = {"equal": [0, 0, 0], "collinear": [1, 0, 0], "planar": [1, 1, 0], "any": [1, 1, 1]}[kind]
    found = estimate_normals((pos * torch.tensor(keep))[None])[0]
    assert torch.allclose(found.norm(dim=-1), torch.ones(num), atol=1e-6)
    if kind == "collinear" and num > 1:
        assert found[:, 0].abs().max() < 1e-6
    if kind == "planar" and num > 2:
        assert found[:, 2].abs().min() > 1 - 1e-6


def test_a_point_that_is_not_finite_is_left_out(generator: Generator) -> None:
    pos, _ = sphere(200, generator)
    broken = torch.cat([pos, torch.tensor([[torch.nan, 0, 0], [0, torch.inf, 0]])])
    found = estimate_normals(broken[None])[0]
    assert torch.equal(found[:200], estimate_normals(pos[None])[0])
    assert not found[200:].any()


@pytest.mark.parametrize("shape", [(0, 10, 3), (2, 0, 3)])
def test_no_points_have_no_normals(shape: tuple[int, ...]) -> None:
    assert estimate_normals(torch.zeros(shape)).shape == shape


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_precisions_are_answered_in_kind(dtype: torch.dtype, generator: Generator) -> None:
    pos, normal = sphere(300, generator)
    found = estimate_normals(pos[None].to(dtype))
    assert found.dtype == dtype
    assert right(found[0].float(), normal) > 0.98


def test_no_gradient_flows(generator: Generator) -> None:
    pos = torch.rand(1, 50, 3, generator=generator, requires_grad=True)
    assert not estimate_normals(pos).requires_grad


def test_a_plane_takes_three_neighbors() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        estimate_normals(torch.rand(1, 9, 3), k=2)


def test_a_compiled_model_takes_it_whole(generator: Generator) -> None:
    pos, _ = box(200, generator)
    mask = torch.ones(1, 200, dtype=torch.bool)

    def step(x: Tensor) -> Tensor:
        return estimate_normals(2 * x, mask) + 1

    compiled = torch.compile(step, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(pos[None]), step(pos[None]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gets_the_same(generator: Generator) -> None:
    pos, _ = box(300, generator)
    found = estimate_normals(pos[None].cuda())
    assert found.is_cuda
    assert torch.equal(found.cpu(), estimate_normals(pos[None]))
