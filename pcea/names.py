"""Names of files: what a shape's results are called, and how any name is shown in one line."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

# Joiners hold an emoji's parts together, tags make flags of them: both are text that is not seen.
_JOINERS = {"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}
# Control characters, formats, halves of characters (what Python makes of bytes that are no text),
# ends of lines and paragraphs.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_PACKED = ".gz"


def printable(text: str) -> str:
    r"""Write text so that it stays in its line and changes nothing else on a terminal.

    Args:
        text: such as a file's name, which may hold line breaks, control characters, marks that turn
            the direction of writing, and bytes that are no text.

    Returns:
        The text with each of these as Python would write it, such as ``\n``; letters of all
        scripts and emoji stay.
    """
    return "".join(
        char if _is_shown(char) else char.encode("unicode_escape").decode() for char in text
    )


def stem_of(path: PurePath) -> str:
    """Say what a file is called without its ending, as a name that any system can give a file.

    Args:
        path: the file; its ending may be followed by ``.gz``.

    Returns:
        ``box`` of ``scans/box.ply.gz``. What cannot be shown has become ``_``. Of a name with
        backslashes, which an archive made on Windows may leave, it is the last part.
    """
    name = path.name.rpartition("\\")[2]
    if name.lower().endswith(_PACKED):
        name = name[: -len(_PACKED)]
    stem = "".join(char if _is_shown(char) else "_" for char in PurePath(name).stem)
    # Windows drops dots and spaces at the end, and a name of dots alone is another folder.
    return stem.rstrip(" .") or "shape"


def same_name(name: str) -> str:
    """Give what is equal for two names that some file system takes for one.

    Args:
        name: without a folder.
    """
    return unicodedata.normalize("NFC", name.casefold())


def _is_shown(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN or char in _JOINERS
