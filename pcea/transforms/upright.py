"""Turn clouds so that another axis is up."""

import math
from typing import ClassVar

import torch
from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.errors import InputError
from pcea.geometry import UP_AXES, upright_turns
from pcea.transforms.affine import rotation, times
from pcea.transforms.base import Transform, changed, choose, number, register_transform
from pcea.transforms.drawing import uniform, whole_numbers


@register_transform("any-up")
class AnyUp(Transform):
    """Turn each cloud of the data set ``upright`` so that a random axis is up: its new category.

    Args:
        around: the probability that a cloud is also turned about its up axis, by any angle.
    """

    categories: ClassVar[tuple[str, ...] | None] = UP_AXES

    around: float = number(0.5, 0, 1)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        if batch.mixed_category is not None:
            raise InputError(f"{self}: mixed clouds have no up axis; mix them after it")
        shape, pos = (len(batch),), batch.pos
        up = whole_numbers(shape, 0, len(UP_AXES) - 1, pos, generator)
        angle = math.pi * uniform(shape, -1, 1, pos, generator)
        still = uniform(shape, 0, 1, pos, generator) >= self.around
        angle = choose(still, torch.zeros_like(angle), angle)
        turns = upright_turns(pos.device).to(pos.dtype)
        about_y = rotation(pos.new_tensor([0, 1, 0]), angle)
        turn = turns[batch.category] @ about_y @ turns[up].mT
        normal = None if batch.normal is None else times(batch.normal, turn)
        return changed(batch, pos=times(pos, turn), normal=normal, category=up)
