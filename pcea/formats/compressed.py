"""Files compressed by gzip, unpacked where nobody has to know."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcea.errors import InputError

ENDING = ".gz"

_MOST = 4 << 30
_MOST_FOLD = 1000  # a bomb: gzip reaches at most 1032, and only on bytes that are all the same
_ALWAYS = 1 << 20
_CHUNK = 1 << 20


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give a file as its readers want it.

    Args:
        path: a file; one that ends in ``.gz`` is unpacked beside nothing, in a folder of its own
            that is gone after the block.

    Yields:
        The file itself, or what is in it, under its name without ``.gz``.

    Raises:
        InputError: the file is not compressed by gzip, is damaged, or grows beyond 4 GiB or a
            thousandfold.
    """
    if path.suffix.lower() != ENDING:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="pcea-") as folder:
        plain = Path(folder, path.stem)
        _unpack(path, plain)
        yield plain


def _unpack(path: Path, plain: Path) -> None:
    most = min(_MOST, max(_ALWAYS, _MOST_FOLD * path.stat().st_size))
    done = 0
    try:
        with gzip.open(path) as packed, plain.open("xb") as file:
            while chunk := packed.read(_CHUNK):
                done += len(chunk)
                if done > most:
                    raise InputError(
                        f"{path}: it unpacks to more than {most >> 20} MiB, which no shape of its"
                        " size does: unpack it yourself if you trust it"
                    )
                file.write(chunk)
    except gzip.BadGzipFile as error:
        raise InputError(
            f"{path}: it is not compressed by gzip, or damaged: is it renamed?"
        ) from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path}: it is truncated or damaged, and cannot be unpacked") from error
    if not done:
        raise InputError(f"{path}: it is empty")
