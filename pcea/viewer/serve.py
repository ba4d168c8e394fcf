"""The viewer as a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pcea.models import PointModel
from pcea.viewer.collection import MEBI, Collection
from pcea.viewer.page import Page
from pcea.viewer.server import Server

MAX_UPLOAD = 64 * MEBI


@contextmanager
def serving(
    files: Sequence[Path],
    models: Sequence[PointModel],
    host: str = "127.0.0.1",
    port: int = 8080,
    up: str = "y",
    votes: int = 1,
    max_upload: int = MAX_UPLOAD,
) -> Iterator[str]:
    """Serve the viewer for as long as the block runs.

    Args:
        files: the files to choose from; more can be uploaded.
        models: the models to look through, at least one.
        host: the address to listen at. Default: this machine alone.
        port: the port; 0: any that is free. Default 8080.
        up: the up axis of the shapes, or ``auto``. Default ``y``.
        votes: how many samplings of a shape are looked at. Default 1.
        max_upload: how many bytes an upload may have. Default 64 MiB.

    Yields:
        The address of the page.

    Raises:
        InputError: the address or the port cannot be had.
    """
    collection = Collection(files, models, up, votes)
    server = Server(host, port, max_upload)
    try:
        page = Page(server, collection)
        server.on_refused = page.say
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{server.get_port()}"
        finally:
            page.close()
    finally:
        server.stop()
