"""Transforms from names, mappings, objects and functions."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator

from pcea.datasets import Batch
from pcea.errors import InputError
from pcea.transforms import as_transforms, list_transforms
from pcea.transforms.affine import Rotate, Scale
from pcea.transforms.base import changed
from pcea.transforms.noise import Jitter


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ()),
        ("scale", (Scale(),)),
        ("scale(0.5, 2)", (Scale(0.5, 2),)),
        ("scale(high = 2, same=True)", (Scale(high=2, same=True),)),
        ("rotate((-10, 20), any)", (Rotate((-10, 20), "any"),)),
        ("jitter(0.01, clip=inf, probability=0.5)", (Jitter(0.01, float("inf"), probability=0.5),)),
        ({"scale": {"low": 0.5}}, (Scale(0.5),)),
        ({"scale": [0.5, 2], "jitter": 0.02}, (Scale(0.5, 2), Jitter(0.02))),
        ([{"jitter": None}, Scale(), ["rotate(degrees=5)"]], (Jitter(), Scale(), Rotate(5))),
    ],
)
def test_many_forms_are_one_list(given: Any, expected: tuple[Any, ...]) -> None:
    found = as_transforms(given)
    assert found == expected
    assert as_transforms([str(each) for each in found]) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("scal", "no transform is called 'scal'.*'scale'"),
        ("scale(", "not of the form NAME"),
        ("scale)", "not of the form NAME"),
        ("scale(1)(2)", "not of the form NAME"),
        ("scale(*x)", "not of the form NAME"),
        ("scale(1, 2, true, 4)", r"takes 3 values \(low, high, same\), not 4"),
        ("scale(1, low=2)", "'scale'.*multiple values"),
        ("scale(big=2)", "has no value 'big'"),
        ("scale(2, 1)", "high is 1; it must be at least low, 2"),
        ("scale(x)", "scale: low is 'x'; it must be a finite number"),
        ("scale(nan)", "low is 'nan'"),
        ("scale(true)", "low is True"),
        ("jitter(-1)", "std is -1"),
        (
            "jitter(1, probability=2)",
            "probability is 2; it must be a finite number from 0 to 1",
        ),
        ("rotate(axis=z)", "axis is 'z'; it must be 'up' or 'tilt' or 'any' or 'each'"),
        ("rotate((20, 10))", r"degrees is \(20, 10\); the smaller number must come first"),
        ("scale(inf)", "low is inf; it must be a finite number"),
        ("scale(same=no)", "same is 'no'; it must be true or false"),
        ("jitter(1, -1)", "clip is -1; it must be a number of at least 0"),
        (3, "3 is no transform"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        as_transforms(given)
    assert "\n" not in str(caught.value)


@pytest.fixture
def batch(generator: Generator) -> Batch:
    pos = torch.randn(3, 50, 3, generator=generator)
    return Batch(pos, torch.arange(3), pos, torch.arange(50).expand(3, 50))


def test_a_function_is_a_transform(batch: Batch) -> None:
    (shift,) = as_transforms(lambda b, g: changed(b, pos=b.pos + torch.rand(1, generator=g)))
    one, same = (shift(batch, Generator().manual_seed(1)).pos for _ in range(2))
    assert torch.equal(one, same) and not torch.equal(one, batch.pos)
    (wrong,) = as_transforms(lambda b, g: b.pos)
    with pytest.raises(InputError, match="returned Tensor, not a Batch"):
        wrong(batch)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch-geometric's own imports
def test_transforms_of_torch_geometric_act_on_each_cloud(batch: Batch) -> None:
    from torch_geometric import transforms as pyg

    given = pyg.Compose([pyg.RandomScale((0.5, 2.0)), pyg.RandomJitter(0.01), pyg.FixedPoints(20)])
    states = random.getstate(), np.random.get_state()[1][1], torch.get_rng_state()  # type: ignore[index]
    (transform,) = as_transforms(given)
    one, same, other = (transform(batch, Generator().manual_seed(s)) for s in (1, 1, 2))
    assert one.pos.shape == (3, 20, 3) and one.part is not None and one.part.shape == (3, 20)
    assert torch.equal(one.pos, same.pos) and not torch.equal(one.pos, other.pos)
    drawn = batch.pos[torch.arange(3)[:, None], one.part]
    factor = (one.pos / drawn).median(1).values
    assert not torch.allclose(factor[0], factor[1], atol=0.1)
    assert random.getstate() == states[0]
    assert np.random.get_state()[1][1] == states[1]  # type: ignore[index]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_every_transform_has_defaults_and_a_text() -> None:
    for name in list_transforms():
        (transform,) = as_transforms(name)
        assert as_transforms(str(transform)) == (transform,)
