"""Tiny data sets in the official layouts, and a cache that is thrown away."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the session: real data is parsed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCEA_CACHE", str(cache))
    monkeypatch.delenv("PCEA_DATA", raising=False)


@pytest.fixture
def modelnet() -> Callable[..., Path]:
    """Writes a ModelNet40 folder: `files` files of 60 clouds, three categories, 16 points."""

    def write(folder: Path, split: str = "train", files: int = 2, ids: bool = True) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(len(split))
        lines = []
        for number in range(files):
            label = np.arange(60) % 3
            name = f"ply_data_{split}{number}.h5"
            with h5py.File(folder / name, "w") as file:
                file["data"] = rng.normal(size=(60, 16, 3)).astype(np.float32)
                file["label"] = label[:, None].astype(np.uint8)
            lines.append(f"data/modelnet40_ply_hdf5_2048/{name}\n")
            if ids:
                names = [f"c{c}/c{c}_{number}_{i}.ply" for i, c in enumerate(label)]
                sidecar = folder / f"ply_data_{split}_{number}_id2file.json"
                sidecar.write_text(json.dumps(names))
        (folder / f"{split}_files.txt").write_text("".join(lines))
        return folder

    return write


@pytest.fixture
def parts() -> Callable[..., Path]:
    """Writes a part folder: Cup has parts 0 and 1, Hat has part 2; 8 and more points a shape."""

    def write(
        folder: Path,
        columns: int = 7,
        synsets: tuple[tuple[str, str], ...] = (("Cup", "01"), ("Hat", "02")),
        part_ids: tuple[tuple[int, ...], ...] = ((0, 1), (2,)),
    ) -> Path:
        rng = np.random.default_rng(0)
        (folder / "train_test_split").mkdir(parents=True)
        text = "".join(f"{category}\t{synset}\n" for category, synset in synsets)
        (folder / "synsetoffset2category.txt").write_text(text)
        for split, num in (("train", 3), ("val", 1), ("test", 2)):
            entries = []
            for (_, synset), ids in zip(synsets, part_ids, strict=True):
                (folder / synset).mkdir(exist_ok=True)
                for i in range(num):
                    rows = rng.normal(size=(8 + i, columns))
                    rows[:, -1] = np.resize(ids, len(rows))
                    np.savetxt(folder / synset / f"{split}{i}.txt", rows, fmt="%.6f")
                    entries.append(f"shape_data/{synset}/{split}{i}")
            listing = folder / "train_test_split" / f"shuffled_{split}_file_list.json"
            listing.write_text(json.dumps(entries))
        return folder

    return write


@pytest.fixture
def root(tmp_path: Path, modelnet: Callable[..., Path], parts: Callable[..., Path]) -> Path:
    """A small copy of each data set, in which ShapeNetPart has no normals."""
    modelnet(tmp_path / "modelnet40_ply_hdf5_2048")
    modelnet(tmp_path / "modelnet40_ply_hdf5_2048", split="test")
    mugs = {"synsets": (("Mug", "03797390"),), "part_ids": ((36, 37),)}
    parts(tmp_path / "shapenetcore_partanno_segmentation_benchmark_v0_normal", columns=4, **mugs)
    meshes = parts(
        tmp_path / "meshparts23_normal",
        synsets=(("Cup", "01"), ("CosegChair", "02")),
        part_ids=((0, 1), (2, 3, 4)),
    )
    names = ["Cup/body", "Cup/handle", *(f"CosegChair/part{i}" for i in range(3))]
    (meshes / "parts.json").write_text(json.dumps(names))
    return tmp_path
