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
_Member = tuple[str, Callable[[], IO[bytes]]]


def unpack(archive: Path, into: Path) -> None:
    """Unpack a zip, a tar (also compressed) or a folder into an empty folder.

    Only plain files come out, and only below `into`; hidden files are left behind.

    Args:
        archive: the file or folder.
        into: an existing folder; where this raises, it holds what had come out so far.

    Raises:
        InputError: the archive is missing or damaged, holds a link or a path that leads out of
            it, or would take more than 16 GiB or 500,000 files.
    """
    written = 0
    try:
        for number, (name, opened) in enumerate(_members(archive)):
            if number >= MAX_FILES:
                raise InputError(f"{archive}: holds more than {MAX_FILES} files")
            path = into / _inside(archive, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with opened() as source, path.open("xb") as target:
                # Counted as it is written: the sizes that an archive states may be lies.
                while chunk := source.read(1 << 20):
                    written += len(chunk)
                    if written > MAX_BYTES:
                        raise InputError(f"{archive}: unpacks to more than {MAX_BYTES >> 30} GiB")
                    target.write(chunk)
    except FileExistsError as error:
        raise InputError(f"{archive}: holds {name!r} twice") from error
    except _DAMAGED as error:
        raise InputError(f"{archive}: damaged, or not to be read without a password") from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked into {into} ({error})") from error


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = _path(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
        raise InputError(f"{archive}: holds the path {name!r}, which leads out of the archive")
    return path


def _members(archive: Path) -> Iterator[_Member]:
    """Name and opener of each plain file."""
    if archive.is_dir():
        yield from _files(archive)
    elif not archive.is_file():
        raise InputError(f"{archive}: no such file or folder")
    elif zipfile.is_zipfile(archive):
        yield from _zipped(archive)
    elif tarfile.is_tarfile(archive):
        yield from _tarred(archive)
    else:
        raise InputError(f"{archive}: truncated, or neither a zip, a tar nor a folder")


def _files(folder: Path) -> Iterator[_Member]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise _no_link(folder, name)
        if path.is_file() and not _hidden(name):
            yield f"{folder.resolve().name}/{name}", partial(_open, path)


def _zipped(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            name = _zipped_name(info)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise _no_link(archive, name)
            if not info.is_dir() and not _hidden(name):
                yield name, partial(file.open, info)


def _zipped_name(info: zipfile.ZipInfo) -> str:
    """A member's name; many programs write UTF-8 without the flag that says so."""
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _tarred(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as file:
        for info in file:
            if not info.isfile() and not info.isdir():
                raise _no_link(archive, info.name)
            if info.isfile() and not _hidden(info.name):
                yield info.name, partial(_extract, file, info)


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _extract(file: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = file.extractfile(info)
    assert stream is not None, "only plain files are asked for"
    return stream


def _hidden(name: str) -> bool:
    """Whether a path holds caches or what macOS leaves in archives, not data."""
    parts = _path(name).parts
    return any(p == "__MACOSX" or (p.startswith(".") and p != "..") for p in parts)


def _path(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _no_link(archive: Path, name: str) -> InputError:
    return InputError(f"{archive}: {name!r} is a link or a device; only plain files are taken")
