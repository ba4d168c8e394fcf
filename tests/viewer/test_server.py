"""The server keeps to this machine, to its own page, and to its bounds."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import viser
from viser._messages import FileTransferPart, FileTransferStartUpload
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from pcea.errors import InputError
from pcea.viewer.server import Server, same_site

MOST = 1000


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server("127.0.0.1", 0, MOST)
    yield server
    server.stop()


def test_it_listens_to_this_machine_alone_and_says_nothing(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    # Who listens at all addresses can be reached at any of the loopback network's.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.get_port()), timeout=5)
    assert capsys.readouterr() == ("", "")


def test_a_port_in_use(server: Server) -> None:
    with pytest.raises(InputError, match="is in use: give --port another"):
        Server("127.0.0.1", server.get_port(), MOST)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(InputError, match="cannot be used") as error:
        Server(host, 0, MOST)
    assert "\n" not in str(error.value)


def test_nobody_gets_a_public_address(server: Server) -> None:
    assert server.request_share_url() is None


@pytest.mark.parametrize(
    ("origin", "welcome"), [(None, True), ("own", True), ("http://evil.example", False)]
)
def test_pages_of_other_sites_are_refused(
    server: Server, origin: str | None, welcome: bool
) -> None:
    address = f"127.0.0.1:{server.get_port()}"
    own = f"http://{address}" if origin == "own" else origin
    server.scene.add_frame("/secret")
    with connect(
        f"ws://{address}",
        origin=None if own is None else Origin(own),
        subprotocols=[Subprotocol(f"viser-v{viser.__version__}")],
        compression=None,
    ) as connection:
        if welcome:
            assert connection.recv(timeout=10)
        else:
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=10)


@pytest.mark.parametrize(
    ("origin", "asked", "host", "same"),
    [
        ("http://127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", True),
        ("http://localhost:80", "localhost:80", "127.0.0.1", True),
        ("http://localhost:80", "127.0.0.1:80", "127.0.0.1", False),
        ("http://rebound.example:80", "rebound.example:80", "127.0.0.1", False),
        ("http://box.lan:80", "box.lan:80", "0.0.0.0", True),
        ("null", "127.0.0.1:80", "127.0.0.1", False),
    ],
)
def test_same_site(origin: str, asked: str, host: str, same: bool) -> None:
    assert same_site(origin, asked, host) is same


class Uploads:
    """Uploads to a server's button, as a browser's messages."""

    def __init__(self, server: Server) -> None:
        self.server, self.refused = server, list[str]()
        server.on_refused = self.refused.append
        self.button = server.gui.add_upload_button("file")
        self.going_on = server.gui._current_file_upload_states

    def start(self, uuid: str, size: int) -> None:
        self.server._start_upload(
            0, FileTransferStartUpload(self.button._impl.uuid, uuid, "a.ply", "", 9, size)
        )

    def part(self, uuid: str, index: int, size: int) -> None:
        message = FileTransferPart(self.button._impl.uuid, uuid, index, b"x" * size)
        self.server._take_part(0, message)


def test_uploads_are_bounded(server: Server) -> None:
    uploads = Uploads(server)
    uploads.start("large", MOST + 1)
    uploads.start("negative", -1)
    assert not uploads.going_on
    assert uploads.refused[0].startswith("a.ply: it has 0.0 MiB; at most")
    assert len(uploads.refused) == 2
    uploads.start("one", 600)
    uploads.start("two", 600)  # both together are too large
    assert list(uploads.going_on) == ["one"]


def test_no_more_comes_than_was_announced(server: Server) -> None:
    uploads = Uploads(server)
    uploads.start("one", 600)
    uploads.part("one", 0, 500)
    assert uploads.going_on["one"]["transferred_bytes"] == 500
    uploads.part("one", 1, 500)
    assert not uploads.going_on
    uploads.part("one", 2, 10)
    uploads.part("unheard of", 0, 10)
    assert not uploads.going_on
