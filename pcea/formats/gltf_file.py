"""The content of a glTF file: its JSON, its buffers, and the typed numbers in them."""

import base64
import json
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array

Bytes = bytes | memoryview

INSTANCING, VISIBILITY = "EXT_mesh_gpu_instancing", "KHR_node_visibility"
_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_JSON, _BIN = 0x4E4F534A, 0x004E4942
# Prefixes of the names of extensions that are read, or that do not change a shape.
_KNOWN = (
    *("KHR_mesh_quantization", INSTANCING, VISIBILITY, "EXT_instance_features", "EXT_lights_"),
    *("EXT_mesh_features", "EXT_structural_metadata", "EXT_texture_", "KHR_animation_pointer"),
    *("KHR_lights_", "KHR_materials_", "KHR_texture_", "KHR_xmp", "MSFT_lod", "MSFT_packing_"),
    "MSFT_texture_dds",
)
_MOST_ZEROS = 20_000_000  # a small file can ask for any number of zeros


class GltfFile:
    """An open ``.glb`` or ``.gltf`` file."""

    # Values in the JSON are used without checking their types. If a file breaks the format, Python
    # or NumPy raises an error, which :func:`pcea.read` turns into an InputError.

    def __init__(self, path: Path) -> None:
        self.folder = path.parent.resolve()
        self.tree, self.chunk = _open(path)
        if unknown := _unread(self.tree.get("extensionsRequired", [])):
            raise InputError(f"it requires {unknown}")
        self.fetched: dict[int, bytes] = {}

    def at(self, kind: str, index: Any) -> Any:
        """Look up an entry of one of the lists in the JSON."""
        entries = self.tree.get(kind, [])
        if type(index) is not int or not 0 <= index < len(entries):
            raise damaged(f"it refers to {index!r:.20} of its {len(entries)} {kind}")
        return entries[index]

    def buffer(self, view: dict[str, Any]) -> Bytes:
        """Return the bytes of the buffer that a bufferView refers to."""
        index = view["buffer"]
        buffer = self.at("buffers", index)
        fallback = any(each.get("fallback") for each in buffer.get("extensions", {}).values())
        if "uri" in buffer:
            if index not in self.fetched:
                self.fetched[index] = _fetch(buffer["uri"], self.folder)
            data: Bytes = self.fetched[index]
        elif index == 0 and self.chunk is not None and not fallback:
            data = self.chunk
        else:
            raise InputError(f"buffer {index} has no data{only_in(view.get('extensions', {}))}")
        if len(data) < (size := buffer["byteLength"]):
            raise damaged(f"it is truncated: buffer {index} needs {size} bytes, has {len(data)}")
        return data[:size]

    def stored(self, entry: dict[str, Any], component: int, count: int, width: int) -> Array:
        """Read (count, width) numbers of a bufferView without a copy; NumPy checks its bounds."""
        view, dtype = self.at("bufferViews", entry["bufferView"]), np.dtype(_COMPONENTS[component])
        size, start, whole = view["byteLength"], view.get("byteOffset", 0), self.buffer(view)
        if size < 1 or start < 0 or start + size > len(whole):
            raise damaged(f"it is truncated: a bufferView needs bytes {start} to {start + size}")
        stride = view.get("byteStride") or width * dtype.itemsize
        if stride < width * dtype.itemsize:
            raise damaged("the elements of a bufferView overlap")
        data, start = np.frombuffer(whole, np.uint8, size, start), entry.get("byteOffset", 0)
        return np.ndarray((count, width), dtype, data, start, (stride, dtype.itemsize))

    def numbers(
        self, index: Any, *kinds: str, fractions: bool = False, whole: bool = False
    ) -> Array:
        """Read an accessor as (count, width) float64, normalized if it says so; int64 if whole."""
        accessor = self.at("accessors", index)
        kind, count, component = accessor["type"], accessor["count"], accessor["componentType"]
        if kind not in kinds or count < 1:
            raise damaged(f"accessor {index} is {count!r:.20} {kind!r:.20}, not {kinds[0]}")
        sparse, width = accessor.get("sparse"), _WIDTHS[kind]
        if "bufferView" in accessor:
            values = self.stored(accessor, component, count, width)
        elif sparse is None or count > _MOST_ZEROS:
            primitives = (each for mesh in self.tree["meshes"] for each in mesh["primitives"])
            names = [name for each in primitives for name in each.get("extensions", {})]
            raise InputError(f"accessor {index} has no data{only_in(names)}")
        else:
            values = np.zeros((count, width), _COMPONENTS[component])
        if sparse is not None:
            where, num, values = sparse["indices"], sparse["count"], values.copy()
            places = self.stored(where, where["componentType"], num, 1)[:, 0]
            if places.dtype.kind != "u" or places.max(initial=0) >= count:
                raise damaged(f"accessor {index} replaces elements that it does not have")
            values[places] = self.stored(sparse["values"], component, num, width)
        if whole:
            if values.dtype.kind != "u":
                raise damaged(f"accessor {index} holds no whole numbers from 0")
            return values.astype(np.int64)
        if values.dtype.kind != "f" and (fractions or accessor.get("normalized") is True):
            return np.maximum(values / np.iinfo(values.dtype).max, -1.0)
        return values.astype(np.float64)


def _open(path: Path) -> tuple[dict[str, Any], Bytes | None]:
    """Read the JSON, and the binary chunk of a GLB; the content tells GLB from glTF."""
    text, chunk = path.read_bytes(), None
    if text[:4] == b"glTF":
        text, chunk = _chunks(text)
    elif path.suffix.lower() == ".glb" and text[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        raise InputError("it does not start with 'glTF', as a GLB file does")
    try:
        # json.loads recognizes a byte order mark and UTF-16. Some programs write 3.0 for an index.
        tree = json.loads(text, parse_float=_whole_or_real)
    except (ValueError, RecursionError) as error:
        raise damaged(f"it is no JSON, as a glTF file is ({error})") from error
    version, least = tree["asset"]["version"], tree["asset"].get("minVersion", "2.0")
    if not re.match(r"2\.\d", version) or least != "2.0":
        raise InputError(f"it is glTF {version[:20]}: save it as glTF 2.0")
    return tree, chunk


def _whole_or_real(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _chunks(data: bytes) -> tuple[bytes, Bytes | None]:
    if len(data) < 20:
        raise damaged(f"it is truncated: a GLB has at least 20 bytes, not {len(data)}")
    version, announced = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise InputError(f"it is a GLB of version {version}: save it as glTF 2.0")
    whole, start, found = memoryview(data), 12, dict[int, memoryview]()
    while start + 8 <= announced <= len(data):
        size, kind = struct.unpack_from("<II", data, start)
        found.setdefault(kind, whole[start + 8 : start + 8 + size])
        start += 8 + size
    if start > announced or announced > len(data) or next(iter(found), None) != _JSON:
        what = f"it announces {announced} bytes, has {len(data)}"
        raise damaged(f"it is truncated or damaged: {what}")
    return bytes(found[_JSON]).rstrip(b"\0 "), found.get(_BIN)


def _fetch(address: str, folder: Path) -> bytes:
    """Read the bytes of an address: a data: address, or a file in the folder of the glTF file."""
    # The address may come from a stranger, so no file outside the folder is opened.
    if address[:5].lower() == "data:":
        header, _, payload = address[5:].partition(",")
        data = unquote_to_bytes(payload)
        return base64.b64decode(data + b"==") if header.lower().endswith(";base64") else data
    wrong, decoded = f"the address {address[:100]!r} of a buffer", unquote(address)
    scheme = re.match(r"([A-Za-z][\w+.-]*):", decoded)  # one letter is a Windows drive
    if scheme and len(scheme[1]) > 1:
        raise InputError(f"{wrong} has the scheme {scheme[1]}: only data: addresses are read")
    decoded = decoded.replace("\\", "/")  # as separators on Windows
    if scheme or decoded.startswith("/"):
        raise InputError(f"{wrong} is absolute: put the buffer into the file's folder")
    try:
        file = (folder / decoded).resolve()
        if not file.is_relative_to(folder):
            raise InputError(f"{wrong} leaves the file's folder: put the buffer into the folder")
        # Reading from anything but a regular file, such as a pipe, might never end.
        if file.is_file():
            return file.read_bytes()
    except (OSError, RuntimeError):  # links in a circle, a name that is too long
        pass
    raise InputError(f"{wrong} is no file that can be read: put it into the folder")


def only_in(names: Iterable[str]) -> str:
    """Complete a message: which of these extensions cannot be read, or to export the file again."""
    unread = _unread(names)
    return f" but in {unread}" if unread else ": export it again"


def damaged(what: str) -> InputError:
    """Make the InputError for a file that breaks the rules of glTF."""
    return InputError(f"{what}: export it again")


def _unread(names: Iterable[str]) -> str:
    unknown = ", ".join(dict.fromkeys(name for name in names if not name.startswith(_KNOWN)))
    what = "compression" if "compression" in unknown else "that extension"
    return f"{unknown[:200]}, which cannot be read: save it without {what}" if unknown else ""
