"""Parsed splits kept as safetensors, keyed by the bytes they came from."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pcea.datasets.clouds import Clouds, tensors_of
from pcea.errors import InputError
from pcea.formats.write import replacing

# Part of every key: raise it when the same bytes come to be read differently.
VERSION = 2


def cached(
    label: str,
    folder: Path,
    files: Iterable[Path],
    params: Mapping[str, object],
    build: Callable[[], Clouds],
) -> Clouds:
    """Take clouds from the cache, or build them and leave them there.

    The cache is the folder's ``.cache``, unless ``$PCEA_CACHE`` names another place or the folder
    is read-only. A file of it that cannot be read is built anew; a place that cannot be written is
    skipped.

    Args:
        label: start of the file name, ``"modelnet40-train"``.
        folder: the data set's own, in which the files lie.
        files: what `build` reads; InputError where one cannot be read.
        params: what else its result depends on; JSON can write it.
        build: reads and checks the files.
    """
    key = hashlib.sha256(json.dumps([VERSION, params], sort_keys=True).encode())
    for file in sorted(files):
        key.update(file.relative_to(folder).as_posix().encode() + b"\0")
        try:
            key.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    place = folder / ".cache"
    # The mode bits count as well: root may write where the owner said that nobody should.
    if not (os.access(folder, os.W_OK) and folder.stat().st_mode & 0o222):
        place = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "pcea"
    place = Path(os.environ.get("PCEA_CACHE") or place).expanduser()
    path = place / f"{label}-{key.hexdigest()[:24]}.safetensors"
    damages = (OSError, SafetensorError, InputError, KeyError, TypeError, ValueError)
    with suppress(*damages), safe_open(path, framework="pt") as found:
        tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118
        return Clouds(**tensors, names=tuple(json.loads(found.metadata()["names"])))
    clouds = build()
    tensors = {name: tensor.contiguous() for name, tensor in tensors_of(clouds).items()}
    # A cache that cannot be written costs time, nothing else.
    with suppress(InputError), replacing(path) as target:
        target.write(save(tensors, metadata={"names": json.dumps(clouds.names)}))
    return clouds
