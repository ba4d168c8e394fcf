"""The public contract test of data sets: the package's own pass it, and faults are named."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pcea.datasets import Clouds, Layout, Taxonomy, register_dataset
from pcea.datasets.layout import DATASETS
from pcea.geometry import unit_sphere
from pcea.testing import check_dataset


def test_real_modelnet40(real_data: Path) -> None:
    check_dataset("modelnet40", real_data)


def pos(generator: torch.Generator) -> torch.Tensor:
    return torch.randn(4, 20, 3, generator=generator)


Change = Callable[[torch.Tensor, str], Clouds]


def clouds(pos: torch.Tensor, split: str, **more: torch.Tensor) -> Clouds:
    names = [f"{split}{number}" for number in range(len(pos))]
    return Clouds.from_dense(unit_sphere(pos), torch.arange(4) % 2, names=names, **more)


def stranger(change: Change, recognized: bool = False) -> None:
    @register_dataset("mine")
    class Mine(Layout):
        content = "mine.txt"

        def recognizes(self, folder: Path) -> bool:
            return recognized or (folder / "mine.txt").is_file()

        def splits(self, folder: Path) -> tuple[str, ...]:
            return ("train", "test")

        def read(self, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
            made = pos(torch.Generator().manual_seed(len(split)))
            return change(made, split), Taxonomy(("a", "b"), ("a/0", "b/0"), ((0,), (1,)))


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").touch()


def test_what_is_right_passes(tmp_path: Path) -> None:
    stranger(clouds)
    check_dataset("mine", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, s: Clouds.from_dense(2 * p, torch.zeros(4)), "not scaled to the unit sphere"),
        (
            lambda p, s: Clouds.from_dense(
                torch.cat([torch.zeros(4, 19, 3), torch.eye(3)[:1].expand(4, 1, 3)], 1),
                torch.zeros(4),
            ),
            "not centered",
        ),
        (lambda p, s: clouds(p, "always"), "train and test share"),
        (lambda p, s: clouds(torch.randn(4, 20, 3), s), "two readings differ in pos"),
        (lambda p, s: clouds(p, s, normal=3 * torch.ones(4, 20, 3)), "a normal is neither"),
        (lambda p, s: clouds(p, s, part=torch.ones(4, 20)), "a part that its category lacks"),
    ],
)
def test_what_is_wrong_is_named(change: Change, message: str, tmp_path: Path) -> None:
    stranger(change)
    with pytest.raises(AssertionError, match=message):
        check_dataset("mine", tmp_path)


def test_an_empty_folder_is_no_data_set(tmp_path: Path) -> None:
    stranger(clouds, recognized=True)
    with pytest.raises(AssertionError, match="an empty folder is accepted"):
        check_dataset("mine", tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="data set 'yours' is not listed"):
        check_dataset("yours", tmp_path)
