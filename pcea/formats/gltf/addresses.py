"""Where a buffer's bytes are: in its address itself, or in a file in the glTF file's folder."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from pcea.formats.gltf.tree import Entry

# A drive of Windows looks like a scheme of one letter, and is refused with the schemes.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def fetch(buffer: Entry, address: str, size: int) -> bytes:
    """Get the bytes of an address.

    A file that a stranger made decides what is opened, so nothing outside its own folder is.

    Args:
        buffer: what has the address, for messages.
        address: ``data:…``, or a relative path whose special characters are percent-encoded.
        size: how many bytes are needed.

    Returns:
        At least ``size`` bytes of a ``data:`` address, exactly ``size`` of a file.

    Raises:
        InputError: the address has another scheme, is absolute, or leads out of the folder, by
            ``..`` or by a link; there is no such file; it holds fewer bytes.
    """
    if address[:5].lower() == "data:":
        data = _decode(buffer, address[5:])
    else:
        file = _locate(buffer, address)
        if file.stat().st_size < size:
            raise buffer.error(
                f"it is truncated: it needs {size} bytes, {file.name} has {file.stat().st_size}"
            )
        with file.open("rb") as stream:
            data = stream.read(size)
    if len(data) < size:
        raise buffer.error(f"it is truncated: it needs {size} bytes, its address has {len(data)}")
    return data


def _decode(buffer: Entry, address: str) -> bytes:
    header, comma, payload = address.partition(",")
    if not comma:
        raise buffer.error("its data: address has no comma before the data")
    if not header.lower().endswith(";base64"):
        return unquote_to_bytes(payload)
    payload = "".join((unquote(payload) if "%" in payload else payload).split())
    try:
        return base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise buffer.error(f"its data: address is no base64 ({error})") from error


def _locate(buffer: Entry, address: str) -> Path:
    """Find a file in the folder of the glTF file, or refuse the address."""
    shown = f"its address {address[:100]!r}"
    decoded = unquote(address)
    scheme = _SCHEME.match(address) or _SCHEME.match(decoded)
    if scheme and len(scheme[1]) > 1:
        raise buffer.error(f"{shown} has the scheme {scheme[1]}: only data: addresses are read")
    # On Windows, a backslash separates folders, and some exporters write it.
    decoded = decoded.replace("\\", "/")
    if scheme or decoded.startswith("/"):
        raise buffer.error(f"{shown} is absolute: put the buffer into the file's folder")
    if not decoded or not decoded.isprintable():
        raise buffer.error(f"{shown} names no file")
    folder = buffer.path.parent.resolve()
    try:
        file = (folder / decoded).resolve()
    except (OSError, RuntimeError) as error:  # links that go round in a circle
        raise buffer.error(f"{shown} cannot be followed ({error})") from error
    if not file.is_relative_to(folder):
        raise buffer.error(f"{shown} leaves the file's folder: put the buffer into the folder")
    try:
        # Anything but a regular file, such as a pipe, could keep the reader waiting for ever.
        known = file.is_file()
    except OSError:  # such as a name that is too long
        known = False
    if not known:
        raise buffer.error(f"it refers to a file that cannot be read: {decoded[:100]!r}")
    return file
