"""Taking files out of an archive that a stranger made."""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from pcea.errors import InputError

MAX_BYTES = 16 << 30
MAX_FILES = 500_000
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,  # a zip file that wants a password
)


def unpack(archive: Path, into: Path) -> None:
    """Unpack a zip, a tar (also compressed) or a folder into an empty folder: plain files only.

    Links, paths that lead out, and more than 16 GiB or 500,000 files are refused; hidden files are
    left behind. The filters of zipfile and tarfile would rename such paths without a word.
    """
    written = number = 0
    try:
        for name, plain, opened in _members(archive):
            path = PurePosixPath(name.replace("\\", "/"))
            if any(p == "__MACOSX" or (p.startswith(".") and p != "..") for p in path.parts):
                continue
            if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
                raise InputError(f"{archive}: holds {name!r}, a path that leads out of the archive")
            if not plain:
                raise InputError(f"{archive}: {name!r} is a link or a device, not a plain file")
            number += 1
            if number > MAX_FILES:
                raise InputError(f"{archive}: holds more than {MAX_FILES} files")
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened() as source, target.open("xb") as file:
                # Counted as it is written: the sizes that an archive states may be lies.
                while chunk := source.read(1 << 20):
                    written += len(chunk)
                    if written > MAX_BYTES:
                        raise InputError(f"{archive}: unpacks to more than {MAX_BYTES >> 30} GiB")
                    file.write(chunk)
    except FileExistsError as error:
        raise InputError(f"{archive}: holds {name!r} twice") from error
    except _DAMAGED as error:
        raise InputError(f"{archive}: damaged, or not to be read without a password") from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked into {into} ({error})") from error


def _members(archive: Path) -> Iterator[tuple[str, bool, Callable[[], IO[bytes]]]]:
    """Of all but folders: the name, whether it is a plain file, and its opener."""
    if archive.is_dir():
        for path in sorted(archive.rglob("*")):
            name = f"{archive.resolve().name}/{path.relative_to(archive).as_posix()}"
            if path.is_symlink() or not path.is_dir():
                plain = path.is_file() and not path.is_symlink()
                yield name, plain, partial(Path.open, path, "rb")  # type: ignore[misc]
    elif not archive.is_file():
        raise InputError(f"{archive}: no such file or folder")
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                if not entry.is_dir():
                    plain = not stat.S_ISLNK(entry.external_attr >> 16)
                    yield _name(entry), plain, partial(zipped.open, entry)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed:
            for member in packed:
                if not member.isdir():
                    opener = partial(packed.extractfile, member)
                    yield member.name, member.isfile(), opener  # type: ignore[misc]
    else:
        raise InputError(f"{archive}: truncated, or neither a zip, a tar nor a folder")


def _name(entry: zipfile.ZipInfo) -> str:
    """A member's name; many programs write UTF-8 without the flag that says so."""
    if not entry.flag_bits & 0x800:
        with suppress(UnicodeError):
            return entry.filename.encode("cp437").decode("utf-8")
    return entry.filename
