"""What a user names on the command line becomes a list of files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from pcea.errors import InputError
from pcea.formats.read import can_read, known_endings


def expand(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Find the files of paths, folders (but not their sub-folders) and globs, each once.

    They come in the order given, those of a folder or glob sorted by name; in a glob, ``**`` goes
    through sub-folders. An entry that finds nothing is an InputError.
    """
    found: dict[Path, None] = {}
    for entry in paths:
        if not os.fspath(entry).strip():
            raise InputError("a file's name is empty: name a file, a folder or a glob")
        try:
            found.update(dict.fromkeys(_expand_one(Path(os.path.expanduser(entry)))))
        except OSError as error:
            raise InputError(f"{entry}: it cannot be read: {error.strerror or error}") from error
    if not found:
        raise InputError("no files given: name a file, a folder or a glob")
    return list(found)


def _expand_one(entry: Path) -> list[Path]:
    if entry.is_dir():
        files = _readable(entry.iterdir())
        if not files:
            raise InputError(f"{entry}: nothing in this folder can be read ({known_endings()})")
        return files
    if entry.exists() or not glob.has_magic(str(entry)):
        if not entry.exists():
            raise InputError(f"{entry}: there is no such file or folder")
        return [entry]
    root, pattern = _split_glob(entry)
    matches = glob.iglob(pattern, root_dir=root, recursive=True)
    files = _readable(root / match for match in matches)
    if not files:
        raise InputError(f"{entry}: it matches no file that can be read ({known_endings()})")
    return files


def _split_glob(entry: Path) -> tuple[Path, str]:
    """Split off the folders that are there: a bracket in their names is no glob."""
    root = Path(entry.anchor)
    parts = list(entry.relative_to(entry.anchor).parts)
    while parts and (root / parts[0]).exists():
        root /= parts.pop(0)
    return root, str(Path(*parts))


def _readable(paths: Iterable[Path]) -> list[Path]:
    # Hidden files are left out: macOS puts "._chair.obj" beside "chair.obj".
    return sorted(
        path
        for path in paths
        if can_read(path) and not path.name.startswith(".") and path.is_file()
    )
