"""ModelNet40 from the official HDF5 layout (``modelnet40_ply_hdf5_2048``)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np
import torch

from pcea.datasets.cache import cached
from pcea.datasets.clouds import Clouds
from pcea.datasets.rows import MAX_COORDINATE
from pcea.datasets.taxonomy import Taxonomy
from pcea.datasets.text import read_json, read_lines, split_path
from pcea.errors import InputError
from pcea.geometry.normalize import unit_sphere

FOLDER = "modelnet40_ply_hdf5_2048"
SPLITS = ("train", "val", "trainval", "test")
VAL_FRACTION = 0.1
CATEGORIES = tuple(
    "airplane bathtub bed bench bookshelf bottle bowl car chair cone cup curtain desk door dresser "
    "flower_pot glass_box guitar keyboard lamp laptop mantel monitor night_stand person piano "
    "plant radio range_hood sink sofa stairs stool table tent toilet tv_stand vase wardrobe "
    "xbox".split()
)


def modelnet40(folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
    """Read a split.

    Clouds are centred on their centroid and scaled to the unit sphere. ModelNet40 has no official
    validation split: ``val`` is a fixed tenth of each category of the official training split,
    ``train`` the rest and ``trainval`` the whole. The tenth is those shapes whose ids have the
    smallest SHA-256, so neither the order of the files nor the machine matters.

    Args:
        folder: holds ``train_files.txt`` and / or ``test_files.txt`` and the files they name;
            only the files of the split asked for are needed.
        split: train, val, trainval or test.

    Returns:
        The clouds, on the CPU, and the category names.

    Raises:
        InputError: a file is missing, damaged, or holds values out of range.
    """
    taxonomy = Taxonomy(_categories(folder))
    official = "test" if split == "test" else "train"
    files = list_files(folder, official)
    sidecars = [sidecar for file in files if (sidecar := _sidecar(file)).exists()]
    clouds = cached(
        f"modelnet40-{official}",
        folder,
        [*files, *sidecars],
        {"order": [file.name for file in files], "categories": len(taxonomy.categories)},
        lambda: Clouds.cat([_read(file, len(taxonomy.categories)) for file in files]),
    )
    if split in ("train", "val"):
        held_out = validation_part(clouds)
        clouds = clouds.select((held_out if split == "val" else ~held_out).nonzero()[:, 0])
    if not len(clouds):
        raise InputError(f"{folder}: the {split} split is empty")
    return clouds, taxonomy


def list_files(folder: Path, official: str) -> list[Path]:
    """The HDF5 files of the official training or test split, in their listed order."""
    listing = folder / f"{official}_files.txt"
    try:
        lines = [line.strip() for line in read_lines(listing)]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{listing}: missing or unreadable; it lists the files of the {official} split"
        ) from error
    # The official lists hold paths of the authors' machine: only the names count.
    files = [folder / split_path(line)[-1] for line in lines if line]
    if not files:
        raise InputError(f"{listing}: lists no file, so the {official} split is empty")
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: missing, but {listing.name} lists it")
    return files


def validation_part(clouds: Clouds) -> torch.Tensor:
    """Which clouds of the official training split are held out for validation.

    Returns:
        (M,) bool: of each category a tenth, rounded, and at least one where there are two.
    """
    rank = [hashlib.sha256(name.encode()).digest() for name in clouds.names]
    held_out = torch.zeros(len(clouds), dtype=torch.bool)
    members: dict[int, list[int]] = {}
    for i, category in enumerate(clouds.category.tolist()):
        members.setdefault(category, []).append(i)
    for ids in members.values():
        num = max(round(VAL_FRACTION * len(ids)), 1 if len(ids) > 1 else 0)
        held_out[sorted(ids, key=lambda i: rank[i])[:num]] = True
    return held_out


def _categories(folder: Path) -> tuple[str, ...]:
    file = folder / "shape_names.txt"
    if not file.is_file():
        return CATEGORIES
    try:
        return tuple(line.strip() for line in read_lines(file) if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read as a list of names") from error


def _sidecar(file: Path) -> Path:
    """``ply_data_train0.h5`` → ``ply_data_train_0_id2file.json``."""
    stem = file.stem.rstrip("0123456789")
    return file.with_name(f"{stem}_{file.stem[len(stem) :]}_id2file.json")


def _read(file: Path, num_categories: int) -> Clouds:
    try:
        with h5py.File(file, "r") as archive:
            data, label = np.asarray(archive["data"]), np.asarray(archive["label"])
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise InputError(
            f"{file}: truncated, or not the HDF5 file with 'data' and 'label' that it should be"
        ) from error
    if data.ndim != 3 or data.shape[2] != 3 or not data.shape[1] or data.dtype.kind != "f":
        raise InputError(f"{file}: data is {data.dtype} {data.shape}, expected floats (M, N, 3)")
    if label.dtype.kind not in "iu" or label.size != len(data):
        raise InputError(
            f"{file}: label is {label.dtype} {label.shape}, expected {len(data)} integers"
        )
    label = label.reshape(-1).astype(np.int64)
    wrong = np.flatnonzero((label < 0) | (label >= num_categories))
    if wrong.size:
        raise InputError(
            f"{file}: cloud {wrong[0]} has label {label[wrong[0]]}, out of range: "
            f"labels run from 0 to {num_categories - 1}"
        )
    wrong = np.flatnonzero(~(np.abs(data) < MAX_COORDINATE).all(axis=(1, 2)))
    if wrong.size:
        raise InputError(
            f"{file}: cloud {wrong[0]} has a coordinate that is not finite, "
            f"or beyond {MAX_COORDINATE:g}"
        )
    pos = unit_sphere(torch.from_numpy(data.astype(np.float64))).float()  # (M, N, 3)
    return Clouds.from_dense(pos, torch.from_numpy(label), names=_names(file, len(data)))


def _names(file: Path, num: int) -> list[str]:
    sidecar = _sidecar(file)
    if not sidecar.exists():
        return [f"{file.stem}/{i}" for i in range(num)]
    try:
        names = read_json(sidecar)
    except (OSError, ValueError) as error:
        raise InputError(f"{sidecar}: not readable as JSON") from error
    if not isinstance(names, list) or len(names) != num:
        raise InputError(f"{sidecar}: expected a list of {num} names, one a cloud of {file.name}")
    return [Path("/".join(split_path(str(name)))).with_suffix("").as_posix() for name in names]
