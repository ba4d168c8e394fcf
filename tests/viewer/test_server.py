"""The server keeps to this machine, to its own page, and to its bounds."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from pcea.errors import InputError
from pcea.models import PointModel
from pcea.viewer.collection import Collection
from pcea.viewer.panels import Panel
from pcea.viewer.server import Server, same_site, serving
from pcea.viewer.study import Study

MOST = 1000
ROWS = b"0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 1 1\n"


@pytest.fixture(scope="module")
def address(segmenter: PointModel, shape_files: list[Path]) -> Iterator[str]:
    with serving(Collection(shape_files, [segmenter]), max_upload=MOST) as address:
        yield address


class Client:
    """Asks a server, as the page does or as somebody else would."""

    def __init__(self, address: str) -> None:
        self.at = urlsplit(address).netloc

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        connection = HTTPConnection(self.at, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, what: str, body: bytes = b"", **query: object) -> dict[str, Any]:
        status, content = self.send("POST", f"/{what}?{urlencode(query)}", body)
        assert status == 200
        return json.loads(content)


@pytest.fixture
def client(address: str) -> Client:
    return Client(address)


def test_it_listens_to_this_machine_alone(client: Client) -> None:
    # Who listens at all addresses can be reached at any of the loopback network's.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", int(client.at.rpartition(":")[2])), timeout=5)


def test_a_port_in_use(client: Client) -> None:
    with pytest.raises(InputError, match="is in use: give --port another"):
        Server(Collection([], []), "127.0.0.1", int(client.at.rpartition(":")[2]), MOST)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(InputError, match="cannot be used") as error:
        Server(Collection([], []), host, 0, MOST)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("headers", "welcome"),
    [
        ({}, True),
        ({"Origin": "own"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Host": "rebound.example"}, False),
    ],
)
def test_pages_of_other_sites_are_refused(
    client: Client, headers: dict[str, str], welcome: bool
) -> None:
    sent = {name: f"http://{client.at}" if is_ == "own" else is_ for name, is_ in headers.items()}
    for method, path in (("GET", "/"), ("POST", "/describe?shape=ball.ply&panel=parts")):
        status, content = client.send(method, path, **sent)
        assert status == (200 if welcome else 403)
        assert welcome or b"ball" not in content
        assert welcome or f"its own page: http://{client.at}" in content.decode()


@pytest.mark.parametrize(
    ("origin", "asked", "host", "same"),
    [
        (None, "127.0.0.1:80", "127.0.0.1", True),
        ("http://127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", True),
        ("http://localhost:80", "localhost:80", "127.0.0.1", True),
        ("http://[::1]:80", "[::1]:80", "::1", True),
        ("http://localhost:80", "127.0.0.1:80", "127.0.0.1", False),
        ("http://rebound.example:80", "rebound.example:80", "127.0.0.1", False),
        (None, "rebound.example:80", "127.0.0.1", False),
        (None, None, "127.0.0.1", False),
        ("http://box.lan:80", "box.lan:80", "0.0.0.0", True),
        ("null", "127.0.0.1:80", "127.0.0.1", False),
    ],
)
def test_same_site(origin: str | None, asked: str | None, host: str, same: bool) -> None:
    assert same_site(origin, asked, host) is same


def test_what_the_page_asks_for(client: Client, segmenter: PointModel) -> None:
    shape = client.ask("describe", shape="ball.ply", model=0)
    assert (shape["name"], shape["count"], shape["face"]) == ("ball.ply", 200, None)
    (study,) = shape["studies"]
    assert [mode["name"] for mode in study["modes"]] == ["parts", "attention", "importance"]
    chosen = {"shape": "ball.ply", "model": 0, "panel": "attention", "choice": 1}
    values = client.ask("describe", **chosen)
    assert (values["title"], values["blocks"]) == ("layer 1", {})
    assert set(client.ask("describe", **chosen, head=0, start=2, end=4)) == {"block"}
    assert "legend" in client.ask("describe", **chosen | {"panel": "parts", "choice": 0})


@pytest.mark.parametrize(
    "wild",
    [
        {"shape": "no.ply"},
        {"model": 1},
        {"model": "-1"},
        {"panel": "__class__"},
        {"choice": "9" * 5000},
        {"choice": "٣"},
        {"head": 1, "start": 0, "end": 1},
        {"head": 0, "start": 6, "end": 6},
        {"head": 0, "start": 0, "end": 7},
        {"head": 0, "start": 5, "end": 3},
        {"head": 0, "start": 0, "end": 0},
        {"head": 0},
    ],
)
def test_what_is_not_there_is_one_line(client: Client, wild: dict[str, object]) -> None:
    chosen = {"shape": "ball.ply", "model": 0, "panel": "attention", "choice": 0} | wild
    (error,) = client.ask("describe", **chosen).values()
    assert isinstance(error, str) and "\n" not in error and "fault" not in error


def test_paths_and_bodies_that_nobody_asked_for(client: Client) -> None:
    assert client.send("GET", "/etc/passwd")[0] == 404
    assert client.send("POST", "/answer")[0] == 404
    assert client.send("POST", "/describe", b"x")[0] == 413
    assert client.send("POST", "/add", **{"Content-Length": "-1"})[0] == 400
    assert client.send("POST", "/add", b"0\r\n\r\n", **{"Transfer-Encoding": "chunked"})[0] == 411
    assert client.send("PUT", "/")[0] == 501


def test_uploads(client: Client) -> None:
    added = client.ask("add", ROWS, name="../../mine.xyz")
    assert added["name"] == "mine.xyz" and added["names"][-1] == "mine.xyz"
    assert client.ask("describe", shape="mine.xyz", model=0)["count"] == 5
    assert "broken.ply: " in client.ask("add", b"ply\nnonsense", name="broken.ply")["error"]
    assert "mine.xyz" in client.send("GET", "/")[1].decode()


def test_uploads_are_bounded(client: Client) -> None:
    most = {"Content-Length": str(MOST + 1)}
    assert client.send("POST", "/add?name=large.xyz", b"x", **most)[0] == 413
    assert client.ask("add", ROWS * (MOST // len(ROWS)), name="just.xyz")["name"] == "just.xyz"


def test_an_unknown_panel_is_named(client: Client) -> None:
    error = client.ask("describe", shape="ball.ply", model=0, panel="partz", choice=0)["error"]
    assert error == "no panel is called 'partz' (did you mean 'parts'?)"


def test_an_upload_that_stalls_stops_no_other_without_a_word(client: Client) -> None:
    host, port = client.at.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as stalled:
        head = f"POST /add?name=a.xyz HTTP/1.1\r\nHost: {client.at}\r\nContent-Length: 9\r\n\r\n"
        stalled.sendall(head.encode())
        deadline = time.monotonic() + 5
        while (found := client.send("POST", "/add?name=b.xyz"))[0] == 200:
            assert time.monotonic() < deadline
        assert found[0] == 503 and b"another file is being uploaded" in found[1]
    while client.send("POST", "/add?name=b.xyz", ROWS)[0] == 503:  # until it is noticed
        assert time.monotonic() < deadline


@pytest.mark.parametrize("pause", [0.05, 60])
def test_an_upload_that_is_too_slow_is_refused_and_makes_room(
    client: Client, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    """It trickles in, byte by byte, or stops."""
    monkeypatch.setattr("pcea.viewer.server.PATIENCE", 0.5)
    monkeypatch.setattr("pcea.viewer.server.SLOWEST", MOST * 10)
    host, port = client.at.split(":")
    with socket.create_connection((host, int(port)), timeout=pause) as slow:
        head = (
            f"POST /add?name=a.xyz HTTP/1.1\r\nHost: {client.at}\r\nContent-Length: {MOST}\r\n\r\n"
        )
        slow.sendall(head.encode())
        answer, deadline = b"", time.monotonic() + 30
        while not answer:
            assert time.monotonic() < deadline
            slow.sendall(b"0")
            with suppress(TimeoutError):
                answer = slow.recv(1000)
    assert b" 408 the upload is too slow" in answer
    assert client.ask("add", ROWS, name="b.xyz")["name"].startswith("b.xyz")


def test_a_fault_of_ours_ends_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Panel, study: Study) -> tuple[str, ...]:
        raise RuntimeError("broken")

    chosen = {"shape": "cube.ply", "model": 0}
    monkeypatch.setattr("pcea.viewer.panels.parts.PartsPanel.choices", broken)
    assert client.ask("describe", **chosen)["error"].startswith("a fault of pcea")
    monkeypatch.undo()
    assert "RuntimeError: broken" in capsys.readouterr().err
    assert client.ask("describe", **chosen)["name"] == "cube.ply"


def test_a_browser_that_goes_away_is_no_news(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    host, port = client.at.split(":")
    for sent in (b"", b"GET / HTTP/1.1\r\n", b"POST /add?name=a HTTP/1.1\r\nContent-Length: 9\r\n"):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(sent)
    assert client.send("GET", "/")[0] == 200
    assert capsys.readouterr() == ("", "")
