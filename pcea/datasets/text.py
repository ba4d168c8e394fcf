"""Read text files of data sets, from any operating system."""

import json
from pathlib import Path
from typing import Any

from pcea.errors import InputError


def read_lines(file: Path) -> list[str]:
    """Read the lines of a UTF-8 text with any line ends, with or without a byte order mark."""
    try:
        return file.read_text(encoding="utf-8-sig").split("\n")  # CR and CRLF have become LF
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: cannot be read as text in UTF-8") from error


def read_json(file: Path) -> Any:
    """Read JSON in UTF-8, with or without a byte order mark."""
    try:
        return json.loads("\n".join(read_lines(file)))
    except json.JSONDecodeError as error:
        raise InputError(f"{file}: not readable as JSON") from error


def split_path(path: str) -> list[str]:
    """Split a path at slashes and backslashes."""
    return path.replace("\\", "/").split("/")
