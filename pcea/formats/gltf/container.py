"""A glTF file is opened: the chunks of a GLB, the JSON, and the bytes of the buffers."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.gltf.addresses import fetch
from pcea.formats.gltf.extensions import MESHOPT, advise, check_required
from pcea.formats.gltf.tree import Entry, refer
from pcea.formats.raw import Array

Bytes = bytes | memoryview

_JSON, _BIN = 0x4E4F534A, 0x004E4942


class Document:
    """An open glTF file.

    Args:
        root: its JSON.
        chunk: the binary chunk of a GLB; None where there is none.
    """

    def __init__(self, root: Entry, chunk: Bytes | None) -> None:
        self.root = root
        self._chunk = chunk
        self._buffers: dict[str, Bytes] = {}
        self.zeros = 0  # how many elements came from no data at all, see accessors.py
        self.lines: set[str] = set()  # the primitives that are lines
        self.placeless: set[str] = set()  # the primitives without positions

    def view(self, owner: Entry) -> tuple[Entry, Array]:
        """Look up the bufferView that an accessor, or a part of one, refers to.

        Returns:
            The bufferView, and its (byteLength,) uint8.

        Raises:
            InputError: the bytes are missing, or are only there compressed.
        """
        view = refer(self.root, owner, "bufferView", "bufferViews")
        buffer = refer(self.root, view, "buffer", "buffers")
        compressed = [name for name in MESHOPT if name in view.child("extensions")]
        if compressed and not self._has_data(buffer):
            raise view.error(f"its bytes are only there in {advise(compressed)}")
        data = self._load(buffer)
        start, size = view.whole("byteOffset", 0), view.whole("byteLength")
        if start + size > len(data):
            raise view.error(
                f"it needs bytes {start} to {start + size} of {buffer.name}, which has {len(data)}"
            )
        if not size:
            raise view.error("its byteLength is 0, where at least 1 is needed")
        return view, np.frombuffer(data, np.uint8)[start : start + size]

    def _has_data(self, buffer: Entry) -> bool:
        extensions = buffer.child("extensions")
        if any(extensions.child(name).values.get("fallback") for name in MESHOPT):
            return False  # it only says where the bytes would be, were they not compressed
        return "uri" in buffer or (buffer.name == "buffer 0" and self._chunk is not None)

    def _load(self, buffer: Entry) -> Bytes:
        if buffer.name in self._buffers:
            return self._buffers[buffer.name]
        size = buffer.whole("byteLength")
        address = buffer.text("uri")
        data: Bytes
        if address:
            data = fetch(buffer, address, size)
        elif buffer.name == "buffer 0" and self._chunk is not None:
            data = self._chunk
            if len(data) < size:
                raise buffer.error(
                    f"it is truncated: it needs {size} bytes, the binary chunk has {len(data)}"
                )
        else:
            raise buffer.error("it has no data: neither an address nor a binary chunk")
        self._buffers[buffer.name] = data[:size]
        return self._buffers[buffer.name]


def open_document(path: Path) -> Document:
    """Open a ``.glb`` or ``.gltf`` file; its content decides which of the two it is.

    Raises:
        InputError: it is neither, is truncated, is not of version 2, or needs an extension that
            is not known.
    """
    data = path.read_bytes()
    chunk: Bytes | None = None
    if data[:4] == b"glTF":
        text, chunk = _split(data, path)
    elif path.suffix.lower() == ".glb" and data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        raise InputError(f"{path}: it does not start with 'glTF', as a GLB file does")
    else:
        text = data
    try:
        tree = json.loads(text)  # it knows a byte order mark, and UTF-16 by its bytes
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: it is no JSON, as a glTF file is ({error})") from error
    root = Entry(tree, "", path)
    _check_version(root)
    check_required(root)
    return Document(root, chunk)


def _split(data: bytes, path: Path) -> tuple[bytes, Bytes | None]:
    """Split a GLB into its JSON and its binary chunk."""
    if len(data) < 20:
        raise InputError(f"{path}: it is truncated: a GLB has at least 20 bytes, not {len(data)}")
    version, announced = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise InputError(f"{path}: it is a GLB of version {version}: save it as glTF 2.0")
    if len(data) < announced:
        raise InputError(
            f"{path}: it is truncated: it announces {announced} bytes, has {len(data)}"
        )
    chunks: list[tuple[int, memoryview]] = []
    whole, start = memoryview(data), 12
    while start + 8 <= announced:
        size, kind = struct.unpack_from("<II", data, start)
        start += 8
        if start + size > announced:
            raise InputError(f"{path}: it is truncated: chunk {len(chunks)} needs {size} bytes")
        chunks.append((kind, whole[start : start + size]))
        start += size
    if not chunks or chunks[0][0] != _JSON:
        raise InputError(f"{path}: it is damaged: its first chunk is not JSON")
    binary = next((content for kind, content in chunks if kind == _BIN), None)
    return bytes(chunks[0][1]).rstrip(b"\0 "), binary


def _check_version(root: Entry) -> None:
    asset = root.child("asset")
    version = asset.text("version")
    if not version:
        raise root.error("it has no asset.version, as a glTF file has")
    if not re.match(r"2\.\d", version):
        raise root.error(f"it is glTF {version[:20]}: save it as glTF 2.0")
    least = asset.text("minVersion", "2.0")
    if least != "2.0":
        raise root.error(f"it needs a reader of glTF {least[:20]}: save it as glTF 2.0")
