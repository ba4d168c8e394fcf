"""Any folder with one folder of shapes per class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch

from pcea.datasets.cache import cached
from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import SPLITS, Layout
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, nearest
from pcea.formats import Cloud, can_read, read
from pcea.geometry import unit_sphere

NUM_POINTS = 2048
VALIDATION_SHARE = 0.2
# What lies beside shapes without being one: materials, textures, buffers, notes.
_COMPANIONS = (".mtl", ".png", ".jpg", ".jpeg", ".bin", ".md")
# Of the splits, those that may be folders above the classes.
_FOLDERS = ("train", "val", "test")

Members = dict[str, dict[str, list[Path]]]
"""{split: {class: files}}."""


class FolderOfClasses(Layout):
    """One folder per class, with files of any format that :func:`pcea.read` reads.

    Folders ``train``, ``val`` and ``test`` above the classes are the splits. Where there is none,
    or no ``val`` beside ``train``, about a fifth of each class is held out as ``val``. A hash of
    each file's name decides, so that files stay where they are when others are added; each split
    has at least one file of a class of two.
    """

    content = "one folder of shapes per class"

    def recognizes(self, folder: Path) -> bool:
        """Tell whether there are at least two folders of shapes, by their endings."""
        below = [folder / split for split in _FOLDERS if (folder / split).is_dir()]
        return any(
            sum(any(can_read(file) for file in _files(each)) for each in _below(top)) > 1
            for top in below or [folder]
        )

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Those that are there, or are made."""
        there = [split for split in _FOLDERS if (folder / split).is_dir()]
        if not there or "train" in there:
            there += ["train", "val", "trainval"]
        return tuple(split for split in SPLITS if split in there)

    def read(
        self, folder: Path, split: str, num_points: int = NUM_POINTS
    ) -> tuple[Clouds, Taxonomy]:
        """Read a split.

        Args:
            folder: the folder of classes, or of splits.
            split: one of :data:`SPLITS`.
            num_points: the points drawn from each mesh, evenly by area, and the
                most that are kept of each cloud. Default 2048.

        Raises:
            InputError: a file cannot be read, a class has none, or there is no such split.
        """
        if num_points < 1:
            raise InputError(f"{folder}: num_points is {num_points}; it must be at least 1")
        if split not in self.splits(folder):
            there = self.splits(folder)
            raise InputError(f"{folder}: there is no split {split!r}{nearest(split, there)}")
        members = _members(folder)
        names = sorted({name for classes in members.values() for name in classes})
        wanted = ("train", "val") if split == "trainval" else (split,)
        files = [
            (label, file)
            for label, name in enumerate(names)
            for part in wanted
            for file in members[part].get(name, [])
        ]
        for name in names:
            if "train" in wanted and not members["train"].get(name):
                raise InputError(f"{folder}: class {name!r} has no shape to train on")

        def build() -> Clouds:
            clouds = [_read_cloud(folder, file, label, num_points) for label, file in files]
            if any(cloud.normal is not None for cloud in clouds):
                clouds = [_with_normals(cloud) for cloud in clouds]
            return Clouds.cat(clouds)

        params: dict[str, object] = {"num_points": num_points, "classes": names}
        label = f"{folder.resolve().name}-{split}"
        return cached(label, folder, [f for _, f in files], params, build), Taxonomy(tuple(names))


def _members(folder: Path) -> Members:
    """Which files each split has of each class."""
    there = [split for split in _FOLDERS if (folder / split).is_dir()]
    if there:
        beside = sorted(each.name for each in _below(folder) if each.name not in _FOLDERS)
        if beside:
            raise InputError(
                f"{folder}: {beside[0]!r} lies beside the split {there[0]!r}; classes lie in splits"
            )
        members = {split: _classes(folder / split) for split in there}
    else:
        members = {"train": _classes(folder)}
    if "train" in members and "val" not in members:
        everything = members["train"]
        held_out = {name: _held_out(files) for name, files in everything.items()}
        members["val"] = held_out
        members["train"] = {
            name: [file for file in files if file not in held_out[name]]
            for name, files in everything.items()
        }
    return members


def _classes(folder: Path) -> dict[str, list[Path]]:
    found = {each.name: list(_shapes(each)) for each in _below(folder)}
    if not found:
        raise InputError(
            f"{folder}: no folder in it; a data set has one folder of shapes per class"
        )
    for name, files in found.items():
        if not files:
            raise InputError(f"{folder / name}: nothing in this folder can be read as a shape")
    return found


def _shapes(folder: Path) -> Iterator[Path]:
    for file in sorted(_files(folder)):
        if can_read(file):
            yield file
        elif file.suffix.lower() not in _COMPANIONS:
            raise InputError(
                f"{file}: a file of this kind cannot be read; move it out of the data set, or "
                "convert it"
            )


def _files(folder: Path) -> Iterator[Path]:
    """All files in a folder and below; hidden ones are left out, as ``._chair.obj`` of macOS."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path


def _below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(e for e in folder.iterdir() if e.is_dir() and not e.name.startswith("."))


def _held_out(files: list[Path]) -> list[Path]:
    """The files of one class that a hash of their names puts into validation."""
    if len(files) < 2:
        return []
    rank = {file: _fraction(f"{file.parent.name}/{file.name}") for file in files}
    ordered = sorted(files, key=lambda file: rank[file])
    count = sum(value < VALIDATION_SHARE for value in rank.values())
    return ordered[: min(max(count, 1), len(files) - 1)]


def _fraction(name: str) -> float:
    """A number in 0..1 that looks random, and is the same for a name at all times."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def _read_cloud(folder: Path, file: Path, label: int, num_points: int) -> Clouds:
    shape = read(file)
    if not isinstance(shape, Cloud) or len(shape) > num_points:
        shape = shape.sample(num_points)
    return Clouds.from_dense(
        unit_sphere(shape.pos)[None],
        torch.tensor([label]),
        None if shape.normal is None else shape.normal[None],
        names=[file.relative_to(folder).as_posix()],
    )


def _with_normals(clouds: Clouds) -> Clouds:
    """The same clouds, normals unknown where they have none."""
    if clouds.normal is not None:
        return clouds
    return Clouds(
        clouds.pos, clouds.ptr, clouds.category, torch.zeros_like(clouds.pos), names=clouds.names
    )
