"""A folder with one folder of shapes per class, as a data set."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch

from pcea.datasets.cache import cached
from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import Layout
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, checked
from pcea.formats import Cloud, can_read, read
from pcea.geometry import unit_sphere

NUM_POINTS = 2048
VALIDATION_SHARE = 0.2
# Files that may lie beside shapes: materials, textures, buffers, notes.
_COMPANIONS = (".mtl", ".png", ".jpg", ".jpeg", ".bin", ".md")


class FolderOfClasses(Layout):
    """One folder per class, with files of any format that :func:`pcea.read` reads.

    Folders ``train``, ``val`` and ``test`` above the classes are the splits. Without them, or
    without ``val`` beside ``train``, about a fifth of each class is held out as ``val``: at least
    one file, if there are two. A hash of each file's name decides, so that files stay in their
    split when others are added.
    """

    content = "one folder of shapes per class"

    def recognizes(self, folder: Path) -> bool:
        """Tell whether at least two folders hold files with the ending of a shape."""
        for top in _split_folders(folder) or [folder]:
            if sum(any(map(can_read, _files(each))) for each in _below(top)) > 1:
                return True
        return False

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Name the splits that are there, and ``val`` if files can be held out for it."""
        tops = {each.name: each for each in _split_folders(folder)} or {"train": folder}
        classes = _below(tops["train"]) if "train" in tops else []
        if any(sum(map(can_read, _files(each))) > 1 for each in classes):  # one can be held out
            tops.setdefault("val", folder)
        return tuple(tops)

    @checked(num_points=1)
    def read(
        self, folder: Path, split: str, num_points: int = NUM_POINTS
    ) -> tuple[Clouds, Taxonomy]:
        """Read a split; see :meth:`Layout.read`.

        ``num_points`` are drawn from each mesh, evenly by area, and kept of each cloud at most.
        """
        members = _members(folder)
        names = sorted({name for classes in members.values() for name in classes})
        for name in names:
            if split == "train" and not members[split].get(name):
                raise InputError(f"{folder}: class {name!r} has no shape to train on")
        files = {
            file: label for label, name in enumerate(names) for file in members[split].get(name, [])
        }

        def read_cloud(file: Path) -> Clouds:
            shape = read(file)
            if not isinstance(shape, Cloud) or len(shape) > num_points:
                shape = shape.sample(num_points)
            ptr, category = torch.tensor([0, len(shape)]), torch.tensor([files[file]])
            place = (file.relative_to(folder).as_posix(),)
            return Clouds(unit_sphere(shape.pos), ptr, category, shape.normal, names=place)

        clouds = cached(
            f"{folder.resolve().name}-{split}",
            folder,
            files,
            {"num_points": num_points, "classes": names},
            lambda: Clouds.cat([read_cloud(file) for file in files]),
        )
        return clouds, Taxonomy(tuple(names))


def _members(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """List the files as {split: {class: files}}."""
    tops = _split_folders(folder)
    if tops and (strays := [each for each in _below(folder) if each not in tops]):
        raise InputError(
            f"{folder}: {strays[0].name!r} lies beside the split {tops[0].name!r}; "
            "classes lie in splits"
        )
    members = {top.name: _classes(top) for top in tops} or {"train": _classes(folder)}
    if "train" in members and "val" not in members:
        every = members["train"]
        members["val"] = {name: _held_out(files) for name, files in every.items()}
        for name, held_out in members["val"].items():
            every[name] = [file for file in every[name] if file not in held_out]
    return members


def _split_folders(folder: Path) -> list[Path]:
    return [place for split in ("train", "val", "test") if (place := folder / split).is_dir()]


def _classes(folder: Path) -> dict[str, list[Path]]:
    """List the files as {class: files}; each must be readable as a shape."""
    found = {each.name: sorted(_files(each)) for each in _below(folder)}
    if not found:
        raise InputError(
            f"{folder}: it holds no folders; a data set has one folder of shapes per class"
        )
    for name, files in found.items():
        found[name] = list(filter(can_read, files))
        for file in files:
            if not can_read(file) and file.suffix.lower() not in _COMPANIONS:
                raise InputError(
                    f"{file}: a file of this kind cannot be read; move it out of the data set, or "
                    "convert it"
                )
        if not found[name]:
            raise InputError(f"{folder / name}: nothing in this folder can be read as a shape")
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files in a folder and below, except hidden ones such as macOS's ``._chair.obj``."""
    for path in folder.rglob("*"):
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts):
            yield path


def _below(folder: Path) -> list[Path]:
    """List the folders in a folder, except hidden ones."""
    return sorted(e for e in folder.glob("*") if e.is_dir() and not e.name.startswith("."))


def _held_out(files: list[Path]) -> list[Path]:
    """Choose the validation files of one class, by a hash of their names."""
    hashes = {
        file: hashlib.sha256(f"{file.parent.name}/{file.name}".encode()).digest() for file in files
    }
    count = sum(int.from_bytes(h[:8], "big") < VALIDATION_SHARE * 2**64 for h in hashes.values())
    return sorted(files, key=hashes.__getitem__)[: min(max(count, 1), len(files) - 1)]
