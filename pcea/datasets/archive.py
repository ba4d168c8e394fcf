"""From an archive on disk, or on the network, to a checked data set."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pcea.datasets.check import Report, check, check_folder
from pcea.datasets.layout import DATASETS, Archive, Layout
from pcea.datasets.loading import data_root, find, layouts_of
from pcea.datasets.unpack import unpack
from pcea.errors import InputError, nearest


def import_archive(name: str, archive: str | Path, root: str | Path | None = None) -> Report:
    """Unpack an archive or folder, check all of it, and only then put it in its place under root.

    A new name is taken for a folder in ShapeNetPart's layout or with one folder of shapes a class.
    """
    layouts, base, archive = layouts_of(name), data_root(root), Path(archive).expanduser()
    if not layouts[0].content:
        raise InputError(f"{name} needs no files: there is nothing to import")
    with _workspace(base) as work:
        content = work / "content"
        content.mkdir()
        unpack(archive, content)
        folders = [content, *(path for path in content.rglob("*") if path.is_dir())]
        folders.sort(key=lambda path: (len(path.parts), path))  # the outermost one counts
        fits = ((each, path) for each in layouts for path in folders if each.recognizes(path))
        try:
            layout, found = next(fits, (None, content))
            if layout is None:
                wanted = " or ".join(each.content for each in layouts)
                raise InputError(f"{archive}: no {wanted} in it")
            report = check_folder(layout, found)
        except InputError as error:
            raise InputError(str(error).replace(str(content), str(archive))) from error
        notes, target = _provenance(layout, archive), base / layout.folders[0]
        if not target.exists():
            found.rename(target)
        elif _same(found, target):
            notes = (*notes, "it was there already, with the same content")
        else:
            raise InputError(
                f"{target}: is there already, with other content than {archive}; move it away first"
            )
    return replace(report, folder=target, notes=(*report.notes, *notes))


def fetch(name: str, root: str | Path | None = None, progress: Any = False) -> Report:
    """Download a published data set from the first mirror that gives it, and import it.

    A download is kept only if its hash is the published one or its content passes the check.
    """
    source = layouts_of(name)[0].source
    if source is None:
        known = [each for each, layout in DATASETS.entries().items() if layout.source]
        raise InputError(f"no known address for {name!r}{nearest(name, known)}")
    base = data_root(root)
    try:
        find(name, base)
    except InputError:
        pass
    else:
        return check(name, base)
    failures = []
    with _workspace(base) as work:
        for archive in source.archives:
            try:
                return import_archive(name, _download(archive, work, progress), base)
            except (OSError, ValueError) as error:  # of the network, the hash or the content
                cause = str(error).partition("\n")[0] or type(error).__name__
                failures.append(f"{archive.url} ({cause[:120]})")
    raise InputError(
        f"no mirror gave {name}: {'; '.join(failures)}; with the archive on disk, "
        f"use `pcea data import {name} ARCHIVE`"
    )


def _download(archive: Archive, into: Path, progress: Any) -> Path:
    import pooch

    pooch.get_logger().setLevel("ERROR")
    file = pooch.retrieve(
        archive.url,
        known_hash=archive.md5 and f"md5:{archive.md5}",
        fname=archive.url.rsplit("/", 1)[-1],
        # Into an empty folder: pooch would trust a file that is there when no hash is known.
        path=tempfile.mkdtemp(dir=into),
        downloader=pooch.HTTPDownloader(progressbar=progress, timeout=30),
    )
    return Path(file)


@contextmanager
def _workspace(base: Path) -> Iterator[Path]:
    """A folder beside the data sets, so that the last step can be a rename."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".import-", dir=base))
    except OSError as error:
        raise InputError(f"{base}: cannot be written ({error.strerror})") from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files, caches aside."""
    first, second = (
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        for folder in (one, other)
    )
    second = {name for name in second if ".cache" not in name.parts}  # none comes out of archives
    return first == second and all(filecmp.cmp(one / n, other / n, shallow=False) for n in first)


def _provenance(layout: Layout, archive: Path) -> tuple[str, ...]:
    """Whether a published hash vouches for the archive."""
    known = [each.md5 for each in layout.source.archives if each.md5] if layout.source else []
    if not known or not archive.is_file():
        return ()
    import pooch

    digest = pooch.file_hash(str(archive), alg="md5")
    if digest in known:
        return (f"md5 {digest} is a published one",)
    return (f"md5 {digest} is none that was published; the content was checked",)
