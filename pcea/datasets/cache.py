"""A cache of parsed splits: safetensors files, named by a hash of the files that were read."""

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

# Part of every key: raise it when the same files are to be read in a new way.
VERSION = 2


def cached(
    label: str,
    folder: Path,
    files: Iterable[Path],
    params: Mapping[str, object],
    build: Callable[[], Clouds],
) -> Clouds:
    """Load clouds from the cache, or build them and store them in it.

    The cache is the folder's ``.cache``, unless ``$PCEA_CACHE`` names another folder; it is
    ``~/.cache/pcea`` where the data are read-only. An unreadable file in it is built again. If the
    cache cannot be written, the clouds are not stored.

    Args:
        label: start of the file name, ``"modelnet40-train"``.
        folder: the folder of the data set, which holds the files.
        files: the files that `build` reads; one that cannot be read is an InputError.
        params: everything else that the result depends on, as JSON values.
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
    # The mode bits are checked too, because root may write into read-only folders.
    if not (os.access(folder, os.W_OK) and folder.stat().st_mode & 0o222):
        place = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "pcea"
    place = Path(os.environ.get("PCEA_CACHE") or place).expanduser()
    path = place / f"{label}-{key.hexdigest()[:24]}.safetensors"
    faults = (OSError, SafetensorError, InputError, KeyError, TypeError, ValueError)
    with suppress(*faults), safe_open(path, framework="pt") as found:
        tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118
        return Clouds(**tensors, names=tuple(json.loads(found.metadata()["names"])))
    clouds = build()
    tensors = {name: tensor.contiguous() for name, tensor in tensors_of(clouds).items()}
    # Without a stored file, the next load only takes longer.
    with suppress(InputError), replacing(path) as target:
        target.write(save(tensors, metadata={"names": json.dumps(clouds.names)}))
    return clouds
