"""The published files of corrupted clouds, and what is no such file."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from pcea.datasets.corrupted_files import (
    CorruptedFiles,
    ModelNet40C,
    ModelNetC,
    corrupted_files,
    find_corrupted_files,
)
from pcea.datasets.modelnet40 import TEST
from pcea.errors import InputError

LABEL = np.repeat(np.arange(40), list(map(int, TEST.split())))


def cloud(points: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(len(LABEL), points, 3)).astype(np.float32)


def write_h5(file: Path, data: np.ndarray, label: np.ndarray = LABEL) -> None:
    with h5py.File(file, "w") as archive:
        archive["data"], archive["label"] = data, label[:, None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Both folders as they are published, with clouds of few points and few of the files."""
    (tmp_path / "modelnet_c").mkdir()
    write_h5(tmp_path / "modelnet_c" / "clean.h5", cloud(4, 0))
    write_h5(tmp_path / "modelnet_c" / "jitter_2.h5", cloud(5, 1).astype(np.float64))
    (tmp_path / "modelnet40_c").mkdir()
    np.save(tmp_path / "modelnet40_c" / "label.npy", LABEL[:, None].astype(np.uint8))
    np.save(tmp_path / "modelnet40_c" / "data_lidar_1.npy", 2 * cloud(3, 2))
    return tmp_path


def test_both_are_found_and_read(root: Path) -> None:
    found = find_corrupted_files(root)
    assert [type(each) for each in found] == [ModelNetC, ModelNet40C]
    first, second = found
    clean, jitter = first.clean(), first.read("jitter", 3)  # severities of the files begin at 0
    assert clean is not None and clean.longest == 4 and jitter.longest == 5
    assert torch.equal(jitter.category, torch.from_numpy(LABEL))
    assert torch.equal(jitter.pos, torch.from_numpy(cloud(5, 1)).view(-1, 3))
    lidar = second.read("lidar", 1)
    assert torch.equal(lidar.pos, torch.from_numpy(2 * cloud(3, 2)).view(-1, 3))  # not normalized
    assert second.clean() is None
    assert find_corrupted_files(root / "modelnet_c") == []


@pytest.mark.parametrize("name", ["modelnet_c", "modelnet40_c"])
def test_a_folder_of_any_name_is_recognized(root: Path, name: str) -> None:
    kind: type[CorruptedFiles] = type(corrupted_files(root / name))
    (root / name).rename(root / "mine")
    assert type(corrupted_files(root / "mine")) is kind


def test_what_is_wrong_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match=r"holds no published .* with clean\.h5 or label\.npy"):
        corrupted_files(root)
    first, second = find_corrupted_files(root)
    with pytest.raises(InputError, match=r"jitter_0\.h5: missing"):
        first.read("jitter", 1)
    with pytest.raises(InputError, match=r"data_lidar_2\.npy: missing"):
        second.read("lidar", 2)
    write_h5(first.folder / "jitter_1.h5", cloud(4, 0), 39 - LABEL)
    with pytest.raises(InputError, match="order is unknown"):
        first.read("jitter", 2)
    (second.folder / "data_lidar_3.npy").write_bytes(b"\x93NUMPY\x01")
    with pytest.raises(InputError, match=r"data_lidar_3\.npy: truncated"):
        second.read("lidar", 3)
    np.save(second.folder / "data_lidar_4.npy", cloud(3, 2)[:5])
    with pytest.raises(InputError, match="expected 5 integers"):
        second.read("lidar", 4)


def test_a_pickle_is_never_opened(root: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("it was unpickled",))

    folder = root / "modelnet40_c"
    np.save(folder / "data_lidar_5.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"data_lidar_5\.npy: truncated, or no NumPy array"):
        corrupted_files(folder).read("lidar", 5)
