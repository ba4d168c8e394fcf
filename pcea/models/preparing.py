"""What every model does with a batch before its network: checks, stray points, normals."""

from typing import NamedTuple

import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.geometry import estimate_normals
from pcea.operators import operator

# Bounds on the largest coordinate of a cloud in the unit sphere. Scaled and translated clouds lie
# well within them; millimeters and map coordinates do not.
FARTHEST, NEAREST = 10.0, 0.02


class Prepared(NamedTuple):
    """A batch as the network takes it."""

    pos: Tensor  # (B, N, 3) float32, strays moved onto kept points
    normal: Tensor | None  # (B, N, 3) float32, unknown ones estimated
    stand_in: Tensor | None  # (B, N) int64 which point replaces each one; None: itself


def check_batch(
    pos: Tensor, normal: Tensor | None, category: Tensor | None, mask: Tensor | None, like: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Check a batch, and convert positions and normals to the type of the model's weights.

    Positions and normals must be (B, N, 3) real numbers, the category (B,) whole numbers and the
    mask (B, N) bool, all on the device of the weights; anything else raises an InputError.
    """
    if not isinstance(pos, Tensor):
        raise InputError(
            f"pos must be a tensor, not {type(pos).__name__}: shapes are for classify and segment"
        )
    shape = tuple(pos.shape)
    if pos.dim() != 3 or shape[2] != 3:
        raise InputError(f"pos must have shape (B, N, 3), not {shape}{_hint(shape)}")
    if not shape[0] or not shape[1]:
        raise InputError(f"there is nothing to encode: pos has shape {shape}")
    for name, tensor, size, kind in (
        ("pos", pos, shape, "real numbers"),
        ("normal", normal, shape, "real numbers"),
        ("category", category, shape[:1], "whole numbers"),
        ("mask", mask, shape[:2], "bool"),
    ):
        if tensor is None:
            continue
        if tuple(tensor.shape) != size:
            raise InputError(f"{name} must have shape {size}, not {tuple(tensor.shape)}")
        if tensor.device != like.device:
            raise InputError(
                f"{name} is on {tensor.device}, the model is on {like.device}: move one of them "
                "with .to()"
            )
        is_bool, is_complex = tensor.dtype == torch.bool, tensor.is_complex()
        fits = {
            "bool": is_bool,
            "whole numbers": not (is_bool or is_complex or tensor.is_floating_point()),
            "real numbers": not (is_bool or is_complex),
        }
        if not fits[kind]:
            raise InputError(f"{name} must be {kind}, not {tensor.dtype}")
    return pos.to(like.dtype), None if normal is None else normal.to(like.dtype)


def _hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 2 and shape[1] == 3:
        return ": give a batch, as pos[None]"
    if len(shape) == 3 and shape[1] == 3:
        return ": this seems to be (B, 3, N), transpose it first"
    if len(shape) == 3 and shape[2] == 6:
        return ": give the normals apart, as normal=pos[..., 3:]"
    return ""


def _first(bad: Tensor) -> int | None:
    return int(bad.long().argmax()) if bad.any() else None


@operator("checked")
def check_values(
    pos: Tensor, mask: Tensor | None, category: Tensor | None, categories: int
) -> Tensor:
    """Return a copy of the positions, after checking that they are clouds in the unit sphere.

    It raises an InputError if a value is NaN or infinite, all points of a cloud are equal, a cloud
    is far too large or too small for the unit sphere, or a category does not exist.
    """
    if category is not None and not ((category >= 0) & (category < categories)).all():
        wrong = category[(category < 0) | (category >= categories)][0]
        raise InputError(f"category {int(wrong)} is not one of the model's, 0 to {categories - 1}")
    kept = pos.new_ones(pos.shape[:2], dtype=torch.bool) if mask is None else mask
    if (cloud := _first(~kept.any(1))) is not None:
        raise InputError(f"cloud {cloud} of the batch has no point")
    broken = ~pos.isfinite().all(-1) & kept
    if (cloud := _first(broken.any(1))) is not None:
        raise InputError(
            f"pos of cloud {cloud} is NaN or infinite at {int(broken[cloud].sum())} of its "
            f"{int(kept[cloud].sum())} points: remove them first"
        )
    # Padding takes the position of the cloud's first real point.
    first = kept.long().argmax(1)[:, None, None].expand(-1, 1, 3)
    real = torch.where(kept[..., None], pos, pos.gather(1, first))
    if (cloud := _first((real.amax(1) == real.amin(1)).all(-1))) is not None:
        raise InputError(
            f"all points of cloud {cloud} are equal; at least 2 different points are needed"
        )
    reach = real.abs().amax((1, 2))
    if (cloud := _first((reach > FARTHEST) | (reach < NEAREST))) is not None:
        raise InputError(
            f"coordinates of cloud {cloud} reach {reach[cloud].item():.4g}, and models take clouds "
            "in the unit sphere: scale it with pcea.geometry.unit_sphere, or give the shape itself "
            "to classify, segment or explain"
        )
    return pos.clone()


check_values.register_fake(lambda pos, *_: torch.empty_like(pos))
check_values.register_autograd(lambda context, gradient: (gradient, None, None, None))


def with_normals(pos: Tensor, normal: Tensor | None, mask: Tensor | None) -> Tensor:
    """Estimate the normals (B, N, 3) that are zero or not finite; None means that all are unknown.

    If some normals of a cloud are known, the estimated ones are oriented as they are.
    """
    if normal is None:
        normal = torch.zeros_like(pos)
    known = ((normal != 0) & normal.isfinite()).any(-1)  # (B, N)
    filled = _filled(pos.detach(), normal.detach(), known, mask)
    return torch.where(known.unsqueeze(-1), normal, filled)


@operator("filled_normals")
def _filled(pos: Tensor, normal: Tensor, known: Tensor, mask: Tensor | None) -> Tensor:
    """Estimate all normals of each cloud in which some are unknown; copy those of the others."""
    wanting = ~(known if mask is None else known | ~mask).all(1)  # (B,)
    filled = normal.clone()
    if wanting.any():
        found = estimate_normals(pos[wanting], None if mask is None else mask[wanting])
        both = torch.where(known[wanting][..., None], normal[wanting], 0.0)
        agree = (found * both).sum((1, 2), keepdim=True)
        filled[wanting] = torch.where(agree < 0, -found, found).to(normal.dtype)
    return filled


_filled.register_fake(lambda pos, normal, *_: torch.empty_like(normal))
