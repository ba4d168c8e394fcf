"""ModelNet40 from the official HDF5 layout (``modelnet40_ply_hdf5_2048``)."""

import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from pcea.datasets.cache import cached
from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import SPLITS, Archive, Layout, Source, register_dataset
from pcea.datasets.shapenetpart import MAX_COORDINATE
from pcea.datasets.taxonomy import Taxonomy
from pcea.datasets.text import read_json, read_lines, split_path
from pcea.errors import InputError
from pcea.geometry.normalize import unit_sphere

FOLDER = "modelnet40_ply_hdf5_2048"
VAL_FRACTION = 0.1
# The data sets whose validation and test splits are those of ModelNet40.
WITH_ITS_TEST = "modelnet40", "modelnet40-plus"
CATEGORIES = tuple(
    "airplane bathtub bed bench bookshelf bottle bowl car chair cone cup curtain desk door dresser "
    "flower_pot glass_box guitar keyboard lamp laptop mantel monitor night_stand person piano "
    "plant radio range_hood sink sofa stairs stool table tent toilet tv_stand vase wardrobe "
    "xbox".split()
)
# Official numbers of clouds of each category.
TRAINVAL = (
    "625 106 515 173 572 335 64 197 889 167 79 137 200 109 200 149 171 155 145 124 "
    "149 284 465 200 88 231 239 104 115 128 680 124 90 392 163 344 267 475 87 103"
)
TEST = (
    "100 50 100 20 100 100 20 100 100 20 20 20 86 20 86 20 100 100 20 20 "
    "20 100 100 86 20 100 100 20 100 20 100 20 20 100 20 100 100 100 20 20"
)


@register_dataset("modelnet40")
class ModelNet40(Layout):
    """ModelNet40, 2,048 points per shape; it has no official validation split.

    ``val`` is a tenth of each category of the official training split: the shapes whose ids have
    the smallest SHA-256, whatever the order of the files. ``train`` is the rest and ``trainval``
    the whole official training split.
    """

    source = Source(
        title="ModelNet40, 2,048 points per shape, HDF5 (Wu et al. 2015; Qi et al. 2017)",
        terms="academic use (modelnet.cs.princeton.edu)",
        archives=(
            Archive(
                f"https://shapenet.cs.stanford.edu/media/{FOLDER}.zip",
                "c9ab8e6dfb16f67afdab25e155c79e59",
            ),
            Archive(
                "https://github.com/ma-xu/pointMLP-pytorch/releases/download/Modenet40_dataset/"
                f"{FOLDER}.zip"
            ),
            Archive(
                f"https://huggingface.co/datasets/Msun/modelnet40/resolve/main/{FOLDER}.zip",
                "5ae9e37d1527ff1500e41a7e9e2d50e4",
            ),
        ),
        counts={"trainval": 9840, "test": 2468},
        per_category={
            split: dict(zip(CATEGORIES, map(int, counts.split()), strict=True))
            for split, counts in (("trainval", TRAINVAL), ("test", TEST))
        },
    )
    content = "train_files.txt or test_files.txt beside ply_data_*.h5"
    folders = (FOLDER, "modelnet40")

    def recognizes(self, folder: Path) -> bool:
        """Tell whether one of the two lists of files is there."""
        return bool(self.splits(folder))

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Name the splits whose list of files is there."""
        official = {split: "test" if split == "test" else "train" for split in SPLITS}
        return tuple(s for s in SPLITS if (folder / f"{official[s]}_files.txt").is_file())

    def read(self, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
        """Read a split, which needs only its own files; see :meth:`Layout.read`."""
        categories, shape_names = CATEGORIES, folder / "shape_names.txt"
        if shape_names.is_file():
            categories = tuple(line.strip() for line in read_lines(shape_names) if line.strip())
        official = "test" if split == "test" else "train"
        files = _list_files(folder / f"{official}_files.txt")
        clouds = cached(
            f"modelnet40-{official}",
            folder,
            [*files, *(file for file in map(_names_of, files) if file.exists())],
            {"order": [file.name for file in files], "categories": len(categories)},
            lambda: Clouds.cat([_read(file, len(categories)) for file in files]),
        )
        if split in ("train", "val"):
            hashes = [hashlib.sha256(name.encode()).digest() for name in clouds.names]
            held_out = clouds.hold_out(VAL_FRACTION, hashes)
            clouds = clouds[held_out if split == "val" else ~held_out]
        if not len(clouds):
            raise InputError(f"{folder}: the {split} split is empty")
        return clouds, Taxonomy(categories)


def _list_files(listing: Path) -> list[Path]:
    """List the HDF5 files of an official split, in the order of its list."""
    # The official lists have paths on the authors' machine, of which only the names are used.
    lines = [line.strip() for line in read_lines(listing)]
    files = [listing.with_name(split_path(line)[-1]) for line in lines if line]
    if not files:
        raise InputError(f"{listing}: lists no file, so the split is empty")
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: missing, but {listing.name} lists it")
    return files


def _names_of(file: Path) -> Path:
    """Map ``ply_data_train0.h5`` to ``ply_data_train_0_id2file.json``, which names its shapes."""
    stem = file.stem.rstrip("0123456789")
    return file.with_name(f"{stem}_{file.stem[len(stem) :]}_id2file.json")


def read_arrays(file: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read ``data`` and ``label`` of an HDF5 file."""
    try:
        with h5py.File(file, "r") as archive:
            return np.asarray(archive["data"]), np.asarray(archive["label"])
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise InputError(f"{file}: truncated, or no HDF5 file with 'data' and 'label'") from error


def check_arrays(
    file: Path, data: NDArray[Any], label: NDArray[Any], num_categories: int
) -> NDArray[np.int64]:
    """Refuse arrays that are no (M, N, 3) clouds and their labels; return the labels, (M,)."""
    if data.ndim != 3 or data.shape[2] != 3 or not data.shape[1] or data.dtype.kind != "f":
        raise InputError(f"{file}: data is {data.dtype} {data.shape}, expected floats (M, N, 3)")
    if label.dtype.kind not in "iu" or label.size != len(data):
        raise InputError(
            f"{file}: label is {label.dtype} {label.shape}, expected {len(data)} integers"
        )
    label = label.reshape(-1).astype(np.int64)
    for i in np.flatnonzero((label < 0) | (label >= num_categories))[:1]:
        raise InputError(
            f"{file}: cloud {i} has label {label[i]}, out of range: labels run from 0 to "
            f"{num_categories - 1}"
        )
    for i in np.flatnonzero(~(np.abs(data) < MAX_COORDINATE).all(axis=(1, 2)))[:1]:
        raise InputError(
            f"{file}: cloud {i} has a coordinate that is not finite, or beyond {MAX_COORDINATE:g}"
        )
    return label


def _read(file: Path, num_categories: int) -> Clouds:
    data, label = read_arrays(file)
    label = check_arrays(file, data, label, num_categories)
    names = [f"{file.stem}/{i}" for i in range(len(data))]
    if (listing := _names_of(file)).exists():
        names = read_json(listing)
        if not isinstance(names, list) or len(names) != len(data):
            raise InputError(f"{listing}: expected a list of {len(data)} names, of {file.name}")
        paths = [Path("/".join(split_path(str(name)))) for name in names]
        names = [path.with_suffix("").as_posix() for path in paths]
    pos = unit_sphere(torch.from_numpy(data.astype(np.float64)))  # (M, N, 3)
    return Clouds.from_dense(pos.float(), torch.from_numpy(label), names=names)
