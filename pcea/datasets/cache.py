"""Parsed splits kept as safetensors, keyed by the bytes they came from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pcea.datasets.clouds import Clouds
from pcea.errors import InputError
from pcea.formats.write import replacing

# Part of every key: raise it when the same bytes come to be read differently.
VERSION = 2


def cached(
    label: str,
    folder: Path,
    files: Iterable[Path],
    params: dict[str, object],
    build: Callable[[], Clouds],
) -> Clouds:
    """Take clouds from the cache, or build them and leave them there.

    A cache file that cannot be read is built anew; a place that cannot be written is skipped.

    Args:
        label: start of the file name, ``"modelnet40-train"``.
        folder: the data set's folder; the cache is its ``.cache``, unless ``$PCEA_CACHE`` names
            another place or the folder is read-only.
        files: what `build` reads.
        params: what else its result depends on; JSON can write it.
        build: reads and checks the files.

    Raises:
        InputError: from `build`, or one of `files` cannot be read.
    """
    path = _place(folder) / f"{label}-{_key(folder, files, params)}.safetensors"
    clouds = _load(path)
    if clouds is None:
        clouds = build()
        _save(clouds, path)
    return clouds


def _key(folder: Path, files: Iterable[Path], params: dict[str, object]) -> str:
    total = hashlib.sha256(json.dumps([VERSION, params], sort_keys=True).encode())
    for file in sorted(files):
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        try:
            total.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    return total.hexdigest()[:24]


def _place(folder: Path) -> Path:
    chosen = os.environ.get("PCEA_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    # The mode bits count as well: root may write where the owner said that nobody should.
    if os.access(folder, os.W_OK) and folder.stat().st_mode & 0o222:
        return folder / ".cache"
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "pcea"


def _load(path: Path) -> Clouds | None:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Clouds(**tensors, names=tuple(json.loads(file.metadata()["names"])))
    except (OSError, SafetensorError, InputError, KeyError, TypeError, ValueError):
        return None


def _save(clouds: Clouds, path: Path) -> None:
    fields = ("pos", "ptr", "category", "normal", "part")
    tensors = {name: getattr(clouds, name) for name in fields}
    tensors = {name: t.contiguous() for name, t in tensors.items() if t is not None}
    # A cache that cannot be written costs time, nothing else.
    with suppress(InputError), replacing(path) as file:
        file.write(save(tensors, metadata={"names": json.dumps(clouds.names)}))
