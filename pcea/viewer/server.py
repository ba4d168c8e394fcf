"""viser's server, kept at home: no tunnel, no pages of other sites, no upload without bounds."""

from __future__ import annotations

import errno
import io
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from urllib.parse import urlsplit

import viser
from viser import infra
from viser._messages import FileTransferPart, FileTransferStartUpload

from pcea.defaults import VIEW_VOTES
from pcea.errors import InputError
from pcea.models import PointModel
from pcea.viewer.collection import Collection
from pcea.viewer.page import Page

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_UPLOAD = 64 << 20


@contextmanager
def serving(
    files: Sequence[Path],
    models: Sequence[PointModel],
    host: str = "127.0.0.1",
    port: int = 8080,  # 0: any that is free
    up: str = "y",
    votes: int = VIEW_VOTES,
    max_upload: int = MAX_UPLOAD,  # bytes
) -> Iterator[str]:
    """Serve the viewer, at the address that is yielded, for as long as the block runs."""
    server = Server(host, port, max_upload)
    try:
        page = Page(server, Collection(files, models, up, votes))
        server.on_refused = page.say
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{server.get_port()}"
        finally:
            page.close()
    finally:
        server.stop()


class Server(viser.ViserServer):
    """A viser server that says nothing on stdout and gives nothing away."""

    def __init__(self, host: str, port: int, max_upload: int) -> None:
        _check_free(host, port)
        with redirect_stdout(io.StringIO()):  # its banner
            super().__init__(host=host, port=port, verbose=False)
        if port not in (0, self.get_port()):
            self.stop()
            raise _taken(port)
        self._host = host
        self._max_upload = max_upload
        self.on_refused: Callable[[str], None] = lambda text: None
        socket_server = self._websock_server
        socket_server.on_client_connect(self._refuse_other_sites)
        socket_server.unregister_handler(FileTransferStartUpload)
        socket_server.unregister_handler(FileTransferPart)
        socket_server.register_handler(FileTransferStartUpload, self._start_upload)
        socket_server.register_handler(FileTransferPart, self._take_part)

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Give no public address: a page may request one, and viser would open a tunnel."""
        return None

    def stop(self) -> None:
        """Stop without a word."""
        with redirect_stdout(io.StringIO()):
            super().stop()

    async def _refuse_other_sites(self, client: infra.WebsockClientConnection) -> None:
        # Any web site may open a socket to this machine, from the browser of whoever visits it.
        connection = self._websock_server._live_connections[client.client_id]
        request = connection.request
        origin = request.headers.get("Origin") if request else None
        wanted = request.headers.get("Host") if request else None
        if not same_site(origin, wanted, self._host):
            await connection.close(1008, "another site's page")

    def _start_upload(self, client_id: infra.ClientId, message: FileTransferStartUpload) -> None:
        going_on = self.gui._current_file_upload_states.values()
        taken = sum(each["total_bytes"] for each in going_on)
        if 0 <= message.size_bytes <= self._max_upload - taken:
            self.gui._handle_file_transfer_start(client_id, message)
        else:
            self.on_refused(
                f"{message.filename}: it has {message.size_bytes / 2**20:.1f} MiB; "
                f"at most {self._max_upload / 2**20:g} MiB can be uploaded"
            )

    def _take_part(self, client_id: infra.ClientId, message: FileTransferPart) -> None:
        going_on = self.gui._current_file_upload_states
        upload = going_on.get(message.transfer_uuid)
        if upload is None:
            return
        if upload["transferred_bytes"] + len(message.content) > upload["total_bytes"]:
            del going_on[message.transfer_uuid]  # more comes than was announced
        else:
            self.gui._handle_file_transfer_part(client_id, message)


def same_site(origin: str | None, wanted: str | None, host: str) -> bool:
    """Whether a socket was opened by this server's own page; what is no browser has no ``Origin``.

    At the loopback address, a name that is not of this machine is refused, too: another site may
    have had it pointed here.
    """
    if origin is None:
        return True
    page = urlsplit(origin)
    if page.netloc != wanted:
        return False
    return host not in LOOPBACK or page.hostname in LOOPBACK


def _check_free(host: str, port: int) -> None:
    # viser would try the next port, and at an address of another machine all there are.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, _, _, address = found[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise _taken(port) from error
        raise InputError(
            f"--host {host} --port {port} cannot be used: {getattr(error, 'strerror', error)}"
        ) from error


def _taken(port: int) -> InputError:
    return InputError(f"port {port} is in use: give --port another, or 0 for any that is free")
