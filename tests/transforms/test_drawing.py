"""Drawing random numbers for a batch, from one generator or from one per cloud."""

import pytest
import torch
from torch import Generator, Tensor

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


def test_numbers_have_the_type_and_the_bounds_that_are_asked_for() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    drawn = drawing.uniform((1000,), 2, 3, like, seeded(0))
    assert drawn.dtype == torch.float64 and 2 <= drawn.min() < 2.01 and 2.99 < drawn.max() < 3
    whole = drawing.whole_numbers((1000,), 2, 4, like, seeded(0))
    assert whole.unique().tolist() == [2, 3, 4]
