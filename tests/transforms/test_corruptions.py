"""Corrupting clouds: seeds, batches, names, and how plug-ins register."""

import pytest
import torch

from pcea.datasets import Batch, Clouds
from pcea.errors import InputError
from pcea.transforms import (
    as_transforms,
    corrupt,
    corruption_sets,
    list_corruptions,
    list_transforms,
    register_corruption,
)
from pcea.transforms.base import TRANSFORMS
from pcea.transforms.corruptions import CORRUPTIONS, SEVERITIES, apply_by_cloud, read_conditions


@pytest.fixture(scope="module")
def clouds() -> Clouds:
    """Clouds of ragged lengths, without random numbers."""
    counts = torch.tensor([150, 140, 200, 130, 180])
    place = torch.arange(int(counts.sum())).double()
    pos = torch.stack([(place * each).sin() for each in (0.7, 1.3, 2.9)], 1) / 3**0.5
    ptr = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
    names = tuple("abcde")
    return Clouds(pos.float(), ptr, torch.arange(5), None, place.long() % 4, names)


@pytest.mark.parametrize("name", list_corruptions())
def test_a_cloud_is_corrupted_alike_whatever_others_follow(clouds: Clouds, name: str) -> None:
    whole = corrupt(clouds, name, 3, 128)
    few = corrupt(clouds[:2], name, 3, 128)
    assert torch.equal(whole[:2].pos, few.pos) and whole.names == clouds.names
    assert whole.uniform and whole.pos.dtype == torch.float32
    assert whole.part is not None and int(whole.part.max()) <= 3
    other = corrupt(clouds, name, 4, 128)
    assert not torch.equal(whole.pos, other.pos)
    again = corrupt(clouds, name, 3, 128)
    assert again.part is not None
    assert torch.equal(whole.pos, again.pos) and torch.equal(whole.part, again.part)


@pytest.mark.parametrize(
    "name", [each for each in list_transforms() if not TRANSFORMS.get(each).mixes]
)
def test_every_transform_can_change_clouds_together(clouds: Clouds, name: str) -> None:
    transforms = as_transforms([name])
    both, alone = (
        apply_by_cloud(clouds, transforms, 128, together=together) for together in (True, False)
    )
    torch.testing.assert_close(both.pos, alone.pos)
    torch.testing.assert_close(both.part, alone.part)


def test_clouds_of_different_sizes_cannot_be_measured_together(clouds: Clouds) -> None:
    transforms = as_transforms(["resample(points=(20, 100), same=true)"])
    with pytest.raises(InputError, match="different numbers of points cannot be measured"):
        apply_by_cloud(clouds, transforms, 128)


def test_the_same_numbers_on_every_machine(clouds: Clouds) -> None:
    first = corrupt(clouds, "jitter", 2, 128)[0].pos[0] - clouds.pos[0]
    assert first.tolist() == pytest.approx(JITTER, abs=1e-7)
    turned = corrupt(clouds, "rotation", 5, 128)[4].pos[7]
    assert turned.tolist() == pytest.approx(ROTATION, abs=1e-6)


JITTER = [0.018690189, -0.025739121, 0.029254464]
ROTATION = [-0.651086628, -0.632338226, 0.333148897]


def test_names_and_sets() -> None:
    sets = corruption_sets()
    assert {name: len(each) for name, each in sets.items()} == {"modelnet-c": 7, "modelnet40-c": 15}
    assert read_conditions("jitter:2") == [("jitter", 2)]
    assert read_conditions("jitter") == [("jitter", level) for level in SEVERITIES]
    assert len(read_conditions("modelnet-c")) == 35 and len(read_conditions("modelnet40-c")) == 75
    assert len(set(read_conditions("all"))) == 110
    assert read_conditions("modelnet-c", [3]) == [(name, 3) for name in sets["modelnet-c"]]
    for wrong in ("", "al", "jitter:0", "jitter:", "all:6"):
        with pytest.raises(InputError):
            read_conditions(wrong)


def test_a_set_of_a_plug_in(monkeypatch: pytest.MonkeyPatch, clouds: Clouds) -> None:
    monkeypatch.setattr(CORRUPTIONS, "_entries", dict(CORRUPTIONS._entries))

    @register_corruption("lifted", benchmark="mine", lacks="hands")
    def lifted(severity: int) -> list[str]:
        return [f"translate({0.1 * severity})"]

    assert not CORRUPTIONS.get("lifted").together  # its numbers may come from anywhere
    assert corruption_sets()["mine"] == ("lifted",)
    assert read_conditions("mine:2") == [("lifted", 2)]
    assert CORRUPTIONS.get("lifted").approximates(clouds, 64) == "hands"
    moved = corrupt(clouds, "lifted", 2, 64).pos.view(5, 64, 3) - clouds.batch(range(5), 64).pos
    assert 0 < moved.abs().max() <= 0.2 + 1e-6
    assert moved.diff(dim=1).abs().max() < 1e-6


def test_more_points_are_taken_where_they_are_there(clouds: Clouds) -> None:
    entry = CORRUPTIONS.get("density_inc")
    assert entry.approximates(clouds, 64) == "" and "twice" in entry.approximates(clouds, 128)
    assert corrupt(clouds, "density_inc", 1, 64).longest == 64  # of 128
    assert corrupt(clouds, "density_inc", 1, 128).longest == 64  # 128 is all that each cloud has


def test_a_cloud_is_computed_by_one_thread(monkeypatch: pytest.MonkeyPatch, clouds: Clouds) -> None:
    monkeypatch.setattr(CORRUPTIONS, "_entries", dict(CORRUPTIONS._entries))
    threads = []

    @register_corruption("counted")
    def counted(severity: int) -> list[object]:
        def count(batch: Batch, generator: torch.Generator) -> Batch:
            threads.append(torch.get_num_threads())
            if severity == 5:
                raise InputError("stopped")
            return batch

        return [count]

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        corrupt(clouds, "counted", 1, 64)
        with pytest.raises(InputError, match="stopped"):
            corrupt(clouds, "counted", 5, 64)
        assert (set(threads), torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(before)
