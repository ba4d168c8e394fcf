"""The public contract test of transforms: the package's own pass it, and faults are named."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Generator

from pcea.datasets import Batch
from pcea.errors import InputError
from pcea.testing import check_corruption, check_transform
from pcea.transforms import (
    Transform,
    changed,
    list_corruptions,
    list_transforms,
    number,
    register_corruption,
    register_transform,
)
from pcea.transforms.base import TRANSFORMS
from pcea.transforms.corruptions import CORRUPTIONS
from pcea.transforms.drawing import uniform

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch-geometric's imports


@pytest.mark.parametrize("name", list_transforms())
def test_every_transform(name: str) -> None:
    check_transform(name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("stray-points", {"points": 30}),
        ("stray-points", {"points": (5, 300), "clusters": (1, 7)}),
        ("drop-patch", {"points": 50, "patches": 3}),
        ("resample", {"points": 300, "density": 5.0}),
        ("resample", {"share": 0.5}),
        ("one-side", {"share": 0.5}),
        ("rotate", {"axis": "any"}),
        ("rotate", {"axis": "each", "degrees": (10, 20)}),
        ("shear", {"reach": (0.1, 0.3), "upright": True}),
        ("flip-normals", {"share": 0.3, "probability": 1.0}),
        ("pointwolf", {"probability": 0.5}),
        ("rsmix", {"points": 20, "radius": 0.5}),
    ],
)
def test_other_values(name: str, values: dict[str, object]) -> None:
    check_transform(name, **values)


@pytest.mark.parametrize("name", list_corruptions())
def test_every_corruption(name: str) -> None:
    check_corruption(name)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (TRANSFORMS, CORRUPTIONS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


Apply = Callable[[Batch, Generator], Batch]


def register(apply: Apply) -> None:
    @register_transform("mine")
    @dataclass(frozen=True)
    class Mine(Transform):
        size: float = number(0.5, 0)

        def apply(self, batch: Batch, generator: Generator) -> Batch:
            return apply(batch, generator)


def shift(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, pos=batch.pos + uniform((len(batch), 1, 1), 0, 1, batch.pos, generator))


def test_what_is_right_passes() -> None:
    register(shift)
    check_transform("mine")
    check_transform("mine", size=2.0)
    with pytest.raises(InputError, match="size is -1"):
        check_transform("mine", size=-1.0)


def test_one_that_changes_categories_names_them() -> None:
    def flip(batch: Batch, generator: Generator) -> Batch:
        pick = uniform((len(batch),), 0, 1, batch.pos, generator) < 0.5
        sign = torch.tensor([1.0, -1.0])[pick.long()][:, None, None]
        return changed(
            batch,
            pos=batch.pos * sign,
            normal=None if batch.normal is None else batch.normal * sign,
            category=torch.where(pick, 1 - batch.category, batch.category),
        )

    register(flip)
    with pytest.raises(AssertionError, match="categories change, and it does not say so"):
        check_transform("mine")
    TRANSFORMS.get("mine").categories = ("up", "down")
    check_transform("mine")


def in_place(batch: Batch, generator: Generator) -> Batch:
    batch.pos += 1
    return batch


def from_elsewhere(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, pos=batch.pos + torch.rand(len(batch), 1, 1))


def all_alike(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, pos=batch.pos + torch.rand(1, generator=generator))


def by_the_others(batch: Batch, generator: Generator) -> Batch:
    return changed(shift(batch, generator), pos=batch.pos - batch.pos.mean((0, 1)))


def stretched_without_normals(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, pos=batch.pos * torch.tensor([2.0, 1.0, 1.0]))


def long_normals(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, normal=None if batch.normal is None else 2 * batch.normal)


def fewer_points(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, pos=batch.pos[:, ::2])


def shuffled_parts(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, part=None if batch.part is None else batch.part.roll(1, 1))


def other_categories(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, category=batch.category + 1)


def doubles(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, pos=batch.pos.double())


def no_numbers(batch: Batch, generator: Generator) -> Batch:
    return changed(batch, pos=batch.pos / 0)


@pytest.mark.parametrize(
    ("apply", "promise"),
    [
        (in_place, "the given batch does not change"),
        (from_elsewhere, "A seed of the generator determines"),
        (all_alike, "have the same random numbers"),
        (by_the_others, "depends on another cloud"),
        (stretched_without_normals, "is not perpendicular"),
        (long_normals, "a length is not 1"),
        (fewer_points, "normal is "),
        (shuffled_parts, "has another part"),
        (other_categories, "categories change"),
        (doubles, "pos is torch.float64"),
        (no_numbers, "not finite"),
    ],
)
def test_what_is_wrong_is_named(apply: Apply, promise: str) -> None:
    register(apply)
    with pytest.raises(AssertionError, match=f"transform 'mine' breaks a promise: .*({promise})"):
        check_transform("mine")


def test_a_value_without_a_default_is_a_fault() -> None:
    @register_transform("mine")
    class Mine(Transform):
        size: float

        def apply(self, batch: Batch, generator: Generator) -> Batch:
            return batch

    with pytest.raises(AssertionError, match="Every value has a default"):
        check_transform("mine", size=1.0)


@pytest.mark.parametrize(
    ("transforms", "promise"),
    [
        (lambda severity: ["jitter"], "two severities are the same"),
        (lambda severity: [] if severity == 3 else [f"jitter({severity})"], "has no transform"),
        (lambda severity: [{"rsmix": severity / 5}], "it mixes clouds"),
        (lambda severity: [f"scale({severity}, 1)"], "high is 1"),
    ],
)
def test_a_wrong_corruption_is_named(transforms: Callable[[int], object], promise: str) -> None:
    register_corruption("mine")(transforms)
    error = InputError if "high" in promise else AssertionError
    with pytest.raises((error, AssertionError), match=promise):
        check_corruption("mine")


def test_a_corruption_of_clouds_together_that_leans_on_others_is_named() -> None:
    def toward_the_middle_of_all(severity: int) -> list[object]:
        def apply(batch: Batch, generator: Generator) -> Batch:
            return changed(batch, pos=batch.pos - severity * batch.pos.mean((0, 1)))

        return [apply, f"translate({severity})"]

    register_corruption("mine")(toward_the_middle_of_all)
    check_corruption("mine")  # one cloud at a time, it is the middle of that cloud
    register_corruption("ours", together=True)(toward_the_middle_of_all)
    with pytest.raises(AssertionError, match=r"together .* becomes what it becomes alone"):
        check_corruption("ours")


def test_names_that_are_not_there() -> None:
    with pytest.raises(InputError, match="did you mean 'jitter'"):
        check_transform("jiter")
    with pytest.raises(InputError, match="did you mean 'add_local'"):
        check_corruption("add-local")
