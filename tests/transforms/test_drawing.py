"""Drawing random numbers for a batch, from one generator or from one per cloud."""

import pytest
import torch
from torch import Generator, Tensor

from pcea.errors import InputError
from pcea.transforms import drawing
from pcea.transforms.drawing import GeneratorPerCloud


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", ["uniform", "normal_noise", "whole_numbers"])
@pytest.mark.parametrize("size", [(), (5,), (20, 3)])
def test_each_cloud_gets_the_numbers_of_its_own_generator(kind: str, size: tuple[int, ...]) -> None:
    bounds = () if kind == "normal_noise" else (2, 7)

    def draw(clouds: int, generator: Generator) -> Tensor:
        like = torch.zeros(1, dtype=torch.float64)
        drawn: Tensor = getattr(drawing, kind)((clouds, *size), *bounds, like, generator)
        return drawn

    together = GeneratorPerCloud([seeded(each) for each in range(4)])
    alone = [seeded(each) for each in range(4)]
    for _ in range(2):
        wanted = torch.cat([draw(1, each) for each in alone])
        assert torch.equal(draw(4, together), wanted)
    assert not torch.equal(wanted[0], wanted[1])


@pytest.mark.parametrize("shape", [(), (3,), (3, 4)])
def test_a_shape_that_does_not_begin_with_the_clouds_is_refused(shape: tuple[int, ...]) -> None:
    together = GeneratorPerCloud([seeded(each) for each in range(4)])
    with pytest.raises(InputError, match="first dimension is the clouds"):
        drawing.uniform(shape, 0, 1, torch.zeros(1), together)


def test_numbers_have_the_type_and_the_bounds_that_are_asked_for() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    drawn = drawing.uniform((1000,), 2, 3, like, seeded(0))
    assert drawn.dtype == torch.float64 and 2 <= drawn.min() < 2.01 and 2.99 < drawn.max() < 3
    whole = drawing.whole_numbers((1000,), 2, 4, like, seeded(0))
    assert whole.unique().tolist() == [2, 3, 4]
