"""The fifteen corruptions of ModelNet40-C.

Source: Sun et al., *Benchmarking Robustness of 3D Point Cloud Recognition Against Common
Corruptions*, arXiv 2201.12296, with the values of the authors' code, which are those for 1,024
points, and of PyGeM, by which it deforms clouds. The results of most corruptions are put into a box
whose longest side is 2, and are therefore larger than the unit sphere, as in the published files.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch, sort_keys
from pcea.geometry import gather, knn
from pcea.transforms import views
from pcea.transforms.affine import rotation, times, transform_normals
from pcea.transforms.base import add_points, changed, take
from pcea.transforms.corruptions import register_corruption
from pcea.transforms.drawing import draw_order, normal_noise, uniform
from pcea.transforms.sampling import patch_rank

# Control points of a deformation along each axis, and the width of its radial functions, which is
# PyGeM's default; the authors give none.
GRID, WIDTH = 5, 0.5


def in_box(batch: Batch, generator: Generator | None = None) -> Batch:
    """Move the middle of each cloud's bounding box to the origin; its longest side becomes 2.

    A cloud whose points are all at one place is only moved.
    """
    low, high = batch.pos.aminmax(dim=1, keepdim=True)
    longest = (high - low).amax(-1, keepdim=True)
    longest = torch.where(longest > 0, longest, 2.0)
    return changed(batch, pos=(batch.pos - (low + high) / 2) * (2 / longest))


def _signed(shape: tuple[int, ...], middle: float, half: float, like: Tensor, g: Generator) -> Any:
    """Draw numbers of a size within ``half`` of ``middle``, of either sign."""
    size = uniform(shape, middle - half, middle + half, like, g)
    return torch.where(uniform(shape, 0, 1, like, g) < 0.5, -size, size)


def _rotation(degrees: float, batch: Batch, generator: Generator) -> Batch:
    angle = _signed((len(batch), 3), degrees, 2.5, batch.pos, generator).deg2rad()
    about_x, about_y, about_z = rotation(torch.eye(3).to(angle), angle).unbind(1)
    turn = about_x @ about_y @ about_z  # (B, 3, 3)
    normal = None if batch.normal is None else times(batch.normal, turn)
    return changed(batch, pos=times(batch.pos, turn), normal=normal)


def _shear(middle: float, batch: Batch, generator: Generator) -> Batch:
    matrix = torch.eye(3).to(batch.pos).repeat(len(batch), 1, 1)
    matrix[:, [0, 1, 1, 2], [2, 0, 2, 0]] = _signed(
        (len(batch), 4), middle, 0.05, batch.pos, generator
    )
    normal = transform_normals(batch.normal, matrix.unsqueeze(1))
    return changed(batch, pos=times(batch.pos, matrix), normal=normal)


def _uniform(reach: float, batch: Batch, generator: Generator) -> Batch:
    noise = uniform(tuple(batch.pos.shape), -reach, reach, batch.pos, generator)
    return changed(batch, pos=batch.pos + noise)


def _gaussian(std: float, batch: Batch, generator: Generator) -> Batch:
    noise = normal_noise(tuple(batch.pos.shape), batch.pos, generator)
    return changed(batch, pos=(batch.pos + std * noise).clamp(-1, 1))


def _background(fraction: int, batch: Batch, generator: Generator) -> Batch:
    shape = (len(batch), batch.pos.shape[1] // fraction, 3)
    strays = uniform(shape, -1, 1, batch.pos, generator)
    return add_points(batch, knn(strays, batch.pos, 1).squeeze(-1), strays)


def _impulse(fraction: int, batch: Batch, generator: Generator) -> Batch:
    moved = draw_order(batch.pos, generator) < batch.pos.shape[1] // fraction
    jump = _signed(tuple(batch.pos.shape), 0.1, 0.0, batch.pos, generator)
    return changed(batch, pos=batch.pos + moved.unsqueeze(-1) * jump)


def _upsampling(fraction: int, batch: Batch, generator: Generator) -> Batch:
    source = draw_order(batch.pos, generator)[:, : batch.pos.shape[1] // fraction]
    noise = uniform((*source.shape, 3), -0.05, 0.05, batch.pos, generator)
    return add_points(batch, source, gather(batch.pos, source) + noise, normals=True)


def _patches(patches: int, batch: Batch, generator: Generator, *, nearest: int, lost: int) -> Batch:
    """Leave out ``lost`` random ones of the ``nearest`` points of a random one, ``patches`` times.

    There are fewer patches if less than a quarter of the points would stay.
    """
    total = batch.pos.shape[1]
    patches = min(patches, 3 * total // (4 * lost))
    left = batch.pos.new_ones(batch.pos.shape[:2], dtype=torch.bool)
    for _ in range(patches):
        rank = patch_rank(batch.pos, left, generator)
        if lost < nearest:
            key = uniform(tuple(rank.shape), 0, 1, batch.pos, generator)
            order = sort_keys(key.masked_fill(rank >= nearest, 2).float())
            left.scatter_(1, order[:, :lost], False)
        else:
            left &= rank >= lost
    return take(batch, (~left).long().argsort(dim=1, stable=True)[:, : total - patches * lost])


def _density_inc(patches: int, batch: Batch, generator: Generator) -> Batch:
    """Keep patches, and draw from what is left until half of the points are there."""
    total = batch.pos.shape[1]
    size = round(100 * total / 2048)
    left = batch.pos.new_ones(batch.pos.shape[:2], dtype=torch.bool)
    for _ in range(patches):
        left &= patch_rank(batch.pos, left, generator) >= size
    order = (~left).long().argsort(dim=1, stable=True)  # what is left comes first
    rest = total - patches * size
    # The authors draw with replacement.
    drawn = uniform((len(batch), total // 2 - patches * size), 0, rest, batch.pos, generator)
    return take(batch, torch.cat([order[:, rest:], order.gather(1, drawn.long())], 1))


def deform(batch: Batch, control: Tensor, move: Callable[[Tensor, Tensor], Tensor]) -> Batch:
    """Move points by a smooth map; normals follow the surface.

    ``move`` maps the positions (N, 3) of a cloud by its part of ``control``, (B, …). It gets one
    cloud after the other, because what it holds for many would not fit a processor's cache.
    """
    if batch.normal is None:
        return changed(batch, pos=torch.stack(list(map(move, batch.pos, control))))
    pos, matrix = [], []
    for before, own in zip(batch.pos.detach(), control, strict=True):
        with torch.enable_grad():
            after = move(before.requires_grad_(), own)
            slopes = [torch.autograd.grad(x, before, retain_graph=True)[0] for x in after.sum(0)]
        pos.append(after.detach())
        matrix.append(torch.stack(slopes, -1))
    normal = transform_normals(batch.normal, torch.stack(matrix))
    return changed(batch, pos=torch.stack(pos), normal=normal)


def _distortion(reach: float, batch: Batch, generator: Generator) -> Batch:
    """Free-form deformation: each control point moves by a share of the box's side, which is 2."""
    shape = (len(batch), GRID**3, 3)
    moves = 2 * uniform(shape, -reach, reach, batch.pos, generator)
    binomial = torch.tensor([math.comb(GRID - 1, i) for i in range(GRID)]).to(moves)

    def move(pos: Tensor, moves: Tensor) -> Tensor:
        place = (pos + 1) / 2  # (N, 3), 0 … 1 in the box
        bernstein = binomial * _powers(place) * _powers(1 - place).flip(-1)
        x, y, z = bernstein.unbind(1)  # (N, 5) each
        weight = x[..., None, None] * y[..., None, :, None] * z[..., None, None, :]
        return pos + weight.flatten(1) @ moves

    return deform(batch, moves, move)


def _powers(base: Tensor) -> Tensor:
    """Give 1, base, base² … as a last dimension of length GRID; pow takes several times as long."""
    powers = [torch.ones_like(base)]
    for _ in range(GRID - 1):
        powers.append(powers[-1] * base)
    return torch.stack(powers, -1)


def _radial(length: float, batch: Batch, generator: Generator, *, inverse: bool) -> Batch:
    """Deformation by radial functions, which moves each control point by a random vector."""
    angle = uniform((len(batch), 2, GRID**3), -math.pi, math.pi, batch.pos, generator)
    along, down = angle.unbind(1)
    moves = [along.cos() * down.sin(), along.sin() * down.sin(), down.cos()]
    grid, solution = (each.to(batch.pos) for each in _interpolation(inverse))
    weight = solution @ (length * torch.stack(moves, -1))  # (B, 129, 3)

    return deform(batch, weight, lambda pos, weight: pos + _basis(pos, grid, inverse) @ weight)


def _basis(pos: Tensor, grid: Tensor, inverse: bool) -> Tensor:
    """Radial functions about the control points, and a linear polynomial, at (N, 3): (N, 129)."""
    one = torch.ones_like(pos[..., :1])
    # |p|² + |g|² − 2 p·g + width² is one product of matrices, and float64 has digits to spare.
    left = torch.cat([pos.square().sum(-1, keepdim=True) + WIDTH**2, one, -2 * pos], -1)
    right = torch.cat([torch.ones_like(grid[:, :1]), grid.square().sum(-1, keepdim=True), grid], -1)
    reach = left @ right.T  # (N, 125)
    return torch.cat([reach.rsqrt() if inverse else reach.sqrt(), one, pos], -1)


@cache
def _interpolation(inverse: bool) -> tuple[Tensor, Tensor]:
    """The control points (125, 3), and the weights (129, 125) by which each one is interpolated."""
    axis = torch.linspace(-1, 1, GRID, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis, axis)
    basis = _basis(grid, grid, inverse)  # (125, 129)
    polynomial = basis[:, GRID**3 :].T  # (4, 125)
    system = torch.cat([basis, torch.cat([polynomial, torch.zeros_like(polynomial[:, :4])], 1)])
    return grid, torch.linalg.inv(system)[:, : GRID**3]


def _add(name: str, values: Any, step: Callable[..., Batch], *after: Any, **marks: Any) -> None:
    """Register a corruption: a step with the value of a severity, then others."""
    register_corruption(name, benchmark="modelnet40-c", together=True, **marks)(
        lambda severity: [partial(step, values[severity - 1]), *after]
    )


_REACHES = (0.01, 0.02, 0.03, 0.04, 0.05)
_LENGTHS = (0.025, 0.05, 0.075, 0.1, 0.125)
_TIMES = (1, 2, 3, 4, 5)
_MORE = "the published clouds are drawn from twice as many points as these have"
_MESH = "the published clouds are made of meshes, and these of points"
_add("uniform", _REACHES, _uniform, in_box)
_add("gaussian", (0.01, 0.015, 0.02, 0.025, 0.03), _gaussian)
_add("background", (45, 40, 35, 30, 20), _background, in_box)
_add("impulse", (30, 25, 20, 15, 10), _impulse, in_box)
_add("upsampling", (5, 4, 3, 2, 1), _upsampling, in_box)
_add("rotation", (2.5, 5, 7.5, 10, 15), _rotation, in_box)
_add("shear", (0.05, 0.1, 0.15, 0.2, 0.25), _shear, in_box)
_add("cutout", (2, 3, 5, 7, 10), partial(_patches, nearest=30, lost=30))
_add("density", _TIMES, partial(_patches, nearest=100, lost=75))
_add("density_inc", _TIMES, _density_inc, points=2, lacks=_MORE)
_add("distortion", (0.1, 0.2, 0.3, 0.4, 0.5), _distortion, in_box)
_add("distortion_rbf", _LENGTHS, partial(_radial, inverse=False), in_box)
_add("distortion_rbf_inv", _LENGTHS, partial(_radial, inverse=True), in_box)
for _name, _view in (
    ("occlusion", lambda s: [in_box, partial(views.occlusion, s), in_box]),
    ("lidar", lambda s: [in_box, partial(views.lidar, s)]),
):
    register_corruption(_name, benchmark="modelnet40-c", lacks=_MESH, together=True)(_view)
