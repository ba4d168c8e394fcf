"""Import a data set from an archive or folder, or download it, and check it."""

import filecmp
import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from pcea.datasets.check import Report, check, check_folder
from pcea.datasets.layout import DATASETS, Layout
from pcea.datasets.loading import data_root, layouts_of, list_datasets
from pcea.errors import InputError, nearest

MAX_BYTES = 16 << 30
MAX_FILES = 500_000
# A zip file with a password raises a RuntimeError.
_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, RuntimeError),
)


def import_archive(name: str, archive: str | Path, root: str | Path | None = None) -> Report:
    """Unpack an archive or folder and check it; if it is valid, put it into its place under root.

    A name that is not registered stands for a folder in ShapeNetPart's layout, or for one with one
    folder of shapes per class.
    """
    layouts, base, archive = layouts_of(name), data_root(root), Path(archive).expanduser()
    _refuse_without_files(layouts[0])
    with _workspace(base) as work:
        content = Path(work) / "content"
        content.mkdir()
        unpack(archive, content)
        folders = [content, *(path for path in content.rglob("*") if path.is_dir())]
        folders.sort(key=lambda path: (len(path.parts), path))  # the outermost folder is taken
        fitting = ((each, path) for each in layouts for path in folders if each.recognizes(path))
        try:
            layout, found = next(fitting, (None, content))
            if layout is None:
                wanted = " or ".join(each.content for each in layouts)
                raise InputError(f"{archive}: no {wanted} in it")
            report = check_folder(layout, found)
        except InputError as error:
            raise InputError(str(error).replace(str(content), str(archive))) from error
        target, notes = base / layout.folders[0], list(report.notes)
        known = [each.md5 for each in layout.source.archives if each.md5] if layout.source else []
        if known and archive.is_file():
            import pooch

            digest = pooch.file_hash(str(archive), alg="md5")
            unknown = "none that was published; the content was checked"
            notes.append(f"md5 {digest} is {'a published one' if digest in known else unknown}")
        if not target.exists():
            found.rename(target)
        elif _same(found, target):
            notes.append("it was there already, with the same content")
        else:
            raise InputError(
                f"{target}: is there already, with other content than {archive}; move it away first"
            )
    return replace(report, folder=target, notes=tuple(notes))


def fetch(name: str, root: str | Path | None = None, progress: Any = False) -> Report:
    """Download a published data set from the first mirror that works, and import it.

    A download is kept only if its hash is the published one or its content passes the check.
    """
    layout, base = layouts_of(name)[0], data_root(root)
    _refuse_without_files(layout)
    source = layout.source
    if source is None:
        known = [each for each, layout in DATASETS.entries().items() if layout.source]
        raise InputError(
            f"no known address for {name!r}{nearest(name, known)}; with its archive or folder "
            f"on disk, use `pcea data import {name} ARCHIVE`"
        )
    if any(each.name == name and each.folder for each in list_datasets(base)):
        return check(name, base)
    import pooch

    pooch.get_logger().setLevel("ERROR")
    failures = []
    with _workspace(base) as work:
        for archive in source.archives:
            try:
                file = pooch.retrieve(
                    archive.url,
                    known_hash=archive.md5 and f"md5:{archive.md5}",
                    fname=archive.url.rsplit("/", 1)[-1],
                    # In an empty folder: without a hash, pooch would trust an existing file.
                    path=tempfile.mkdtemp(dir=work),
                    downloader=pooch.HTTPDownloader(progressbar=progress, timeout=30),
                )
                return import_archive(name, file, base)
            except (OSError, ValueError) as error:  # the network fails, or hash or content is wrong
                cause = str(error).partition("\n")[0] or type(error).__name__
                failures.append(f"{archive.url} ({cause[:120]})")
    raise InputError(
        f"no mirror gave {name}: {'; '.join(failures)}; with the archive on disk, "
        f"use `pcea data import {name} ARCHIVE`"
    )


def _refuse_without_files(layout: Layout) -> None:
    if not layout.content:
        raise InputError(f"{layout.name} needs no files: there is nothing to import")
    if layout.made_of:
        raise InputError(f"{layout.name} is made of {', '.join(layout.made_of)}: import these")


def _workspace(base: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a temporary folder beside the data sets, so that the last step can be a rename."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".import-", dir=base, ignore_cleanup_errors=True)
    except OSError as error:
        raise InputError(f"{base}: cannot be written ({error.strerror})") from error


def _same(one: Path, other: Path) -> bool:
    """Tell whether two folders hold the same files, apart from caches."""
    first, second = (
        {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
        for folder in (one, other)
    )
    second = {name: path for name, path in second.items() if ".cache" not in name.parts}
    return first.keys() == second.keys() and all(
        filecmp.cmp(first[name], second[name], shallow=False) for name in first
    )


def unpack(archive: Path, into: Path) -> None:
    """Unpack a zip, a tar (also compressed) or a folder into an empty folder: plain files only.

    Links, paths that lead out of the archive, and more than 16 GiB or 500,000 files are refused;
    hidden files are skipped. The filters of zipfile and tarfile would silently rename such paths.
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
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            with opened() as source, (into / path).open("xb") as file:
                # Counted here, because the sizes stated in an archive may be wrong.
                while chunk := source.read(1 << 20):
                    written += file.write(chunk)
                    if written > MAX_BYTES:
                        raise InputError(f"{archive}: unpacks to more than {MAX_BYTES >> 30} GiB")
    except FileExistsError as error:
        raise InputError(f"{archive}: holds {name!r} twice") from error
    except _DAMAGED as error:
        raise InputError(f"{archive}: damaged, or protected by a password") from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked into {into} ({error})") from error


def _members(archive: Path) -> Iterator[tuple[str, bool, Callable[[], Any]]]:
    """Yield of each entry but folders: its name, whether it is a plain file, and how to open it."""
    if archive.is_dir():
        for path in sorted(archive.rglob("*")):
            if path.is_symlink() or not path.is_dir():
                plain = path.is_file() and not path.is_symlink()
                yield path.relative_to(archive).as_posix(), plain, partial(path.open, "rb")
    elif not archive.is_file():
        raise InputError(f"{archive}: no such file or folder")
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                name = entry.filename
                if not entry.flag_bits & 0x800:  # many programs write UTF-8 but do not set its flag
                    with suppress(UnicodeError):
                        name = name.encode("cp437").decode("utf-8")
                if not entry.is_dir():
                    plain = not stat.S_ISLNK(entry.external_attr >> 16)
                    yield name, plain, partial(zipped.open, entry)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed:
            for member in packed:
                if not member.isdir():
                    yield member.name, member.isfile(), partial(packed.extractfile, member)
    else:
        raise InputError(f"{archive}: truncated, or neither a zip, a tar nor a folder")
