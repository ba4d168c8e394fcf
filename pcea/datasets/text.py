"""Text files of data sets, whichever machine wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_lines(file: Path) -> list[str]:
    """Read the lines of a UTF-8 text, with or without a byte order mark, of any line ends.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is no UTF-8.
    """
    return file.read_text(encoding="utf-8-sig").split("\n")  # CR and CRLF were made LF


def read_json(file: Path) -> Any:
    """Read JSON in UTF-8, with or without a byte order mark.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no UTF-8, or no JSON.
    """
    return json.loads(file.read_text(encoding="utf-8-sig"))


def split_path(path: str) -> list[str]:
    """Cut a path that Windows or another system wrote at its slashes and backslashes."""
    return path.replace("\\", "/").split("/")
