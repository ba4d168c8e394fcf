"""A local web server for the page: it refuses pages of other sites, and limits uploads."""

import errno
import json
import re
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pcea.errors import InputError, nearest
from pcea.viewer.collection import Collection
from pcea.viewer.document import Content, block, of_shape, of_study, of_values, page
from pcea.viewer.panels import Parts

# An upload ends after this many seconds without a byte, or where it needs longer than these seconds
# and its size at this many bytes per second.
PATIENCE, SLOWEST = 10, 1 << 18
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@contextmanager
def serving(
    collection: Collection, host: str = "127.0.0.1", port: int = 0, max_upload: int = 64 << 20
) -> Iterator[str]:
    """Serve the viewer at the yielded address; ``port`` 0: any free one, ``max_upload``: bytes."""
    server = Server(collection, host, port, max_upload)
    Thread(target=server.serve_forever, args=(0.1,), name="pcea-viewer", daemon=True).start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        server.working.acquire(timeout=30)  # a forward pass that runs comes to its end


class Server(ThreadingTCPServer):
    """Serves the page and its requests; models work on one request at a time."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, collection: Collection, host: str, port: int, max_upload: int) -> None:
        self.collection, self.host, self.max_upload = collection, host, max_upload
        self.working, self.receiving = Lock(), Lock()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self.address_family = found[0]
            super().__init__((str(found[4][0]), port), _Requests)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                reason = f"port {port} is in use: give --port another, or 0 for any that is free"
            else:
                reason = f"--host {host} --port {port} cannot be used: {error.strerror}"
            raise InputError(reason) from error

    @property
    def url(self) -> str:
        """The address of the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that went away."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def answer(self, query: dict[str, str], upload: bytes | None) -> Content:
        """Add an upload, or describe what the query names; an error is one line for the page."""
        try:
            with self.working:
                if upload is None:
                    return self.describe(query)
                name = self.collection.add(query.get("name", ""), upload)
                return {"name": name, "names": self.collection.names}
        except InputError as error:
            return {"error": str(error)}
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return {"error": "a fault of pcea: see the terminal that it was started in"}

    def describe(self, query: dict[str, str]) -> Content:
        """Describe a study, by ``shape`` and ``model``, or the values of a ``panel``'s ``choice``.

        With ``head``, ``start`` and ``end``, these are columns of a head at every vertex or point.
        """
        model = _number(query, "model", len(self.collection.models))
        study = self.collection.study(query.get("shape", ""), model)
        if "panel" not in query:
            return of_shape(study.drawn, study.up, [of_study(study, live=True)])
        name, panels = query["panel"], study.panels
        if name not in panels:
            raise InputError(f"no panel is called {name!r}{nearest(name, panels)}")
        values = study.values(name, _number(query, "choice", len(panels[name][1])))
        if "head" not in query or isinstance(values, Parts):
            return of_values(study, values)
        head, num = _number(query, "head", len(values.with_mean)), len(values.names)
        columns = range(_number(query, "start", num), _number(query, "end", num + 1))
        if not columns:
            raise InputError(f"start {columns.start} must be below end {columns.stop}")
        return {"block": block(study, values, head, columns)}


class _Requests(BaseHTTPRequestHandler):
    """Answers ``/`` with the page, which sends POST requests: those always have an ``Origin``."""

    server: Server
    timeout = 60  # seconds without a byte

    def parse_request(self) -> bool:
        """Refuse requests of other sites."""
        if not super().parse_request():
            return False
        url, headers = self.server.url, self.headers
        welcome = same_site(headers.get("Origin"), headers.get("Host"), self.server.host)
        if not welcome:
            self.send_error(403, explain=f"The viewer answers only its own page: {url}")
        return welcome

    def do_GET(self) -> None:
        """Send the page."""
        if urlsplit(self.path).path != "/":
            self.send_error(404)
        else:
            names, titles = self.server.collection.names, self.server.collection.titles
            live = {"names": names, "titles": titles, "most": self.server.max_upload}
            self._send("".join(page([], live=live)), "text/html")

    def do_POST(self) -> None:
        """Answer a request of the page; an error is one line that the page shows."""
        url, size = urlsplit(self.path), self.headers.get("Content-Length", "0")
        query, adds = dict(parse_qsl(url.query)), url.path == "/add"
        if not adds and url.path != "/describe":
            self.send_error(404)
        elif "Transfer-Encoding" in self.headers:
            self.send_error(411)
        elif not size.isdecimal():
            self.send_error(400, "Content-Length is not a number of bytes")
        elif len(size) > 15 or int(size) > adds * self.server.max_upload:
            self.send_error(413)
        elif adds and not self.server.receiving.acquire(blocking=False):
            # One at a time, so that max_upload limits the memory of all uploads together.
            self.send_error(503, "another file is being uploaded, try again in a moment")
        else:
            try:
                upload = self._receive(int(size)) if adds else None
            except TimeoutError:
                self.send_error(408, "the upload is too slow, try again with a faster connection")
                return
            if adds and upload is None:
                return
            answer = self.server.answer(query, upload)
            self._send(json.dumps(answer, allow_nan=False), "application/json")

    def _receive(self, size: int) -> bytes | None:
        """Receive an upload; None where the browser gives up, TimeoutError where it is too slow."""
        content, until = bytearray(), time.monotonic() + PATIENCE + size / SLOWEST
        try:
            while len(content) < size:
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.connection.settimeout(min(PATIENCE, left))
                if not (piece := self.rfile.read1(min(1 << 20, size - len(content)))):
                    return None
                content += piece
            return bytes(content)
        finally:
            self.server.receiving.release()

    def _send(self, text: str, kind: str) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Do not log requests."""


def same_site(origin: str | None, wanted: str | None, host: str) -> bool:
    """Whether a request comes from this server's own page, or from a program without ``Origin``.

    At the loopback address, host names of other machines are refused as well, because another site
    may have pointed its name to this address (DNS rebinding).
    """
    if host in LOOPBACK and re.sub(r":\d+$", "", wanted or "").strip("[]") not in LOOPBACK:
        return False
    return origin is None or origin.partition("://")[2] == wanted


def _number(query: dict[str, str], name: str, end: int) -> int:
    """Read a number of the query, which must be from 0 to ``end`` - 1."""
    text = query.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < end):
        raise InputError(f"{name} is {text!r}; there are {end}, counted from 0: reload the page")
    return int(text)
