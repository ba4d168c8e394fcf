"""Text files of data sets, whichever machine wrote them."""

import json
from pathlib import Path
from typing import Any

from pcea.errors import InputError


def read_lines(file: Path) -> list[str]:
    """Read the lines of a UTF-8 text, with or without a byte order mark, of any line ends."""
    try:
        return file.read_text(encoding="utf-8-sig").split("\n")  # CR and CRLF were made LF
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
    """Cut a path that Windows or another system wrote at its slashes and backslashes."""
    return path.replace("\\", "/").split("/")
