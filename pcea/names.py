"""Names of files: what a shape's results are called, and how any name is shown in one line."""

import unicodedata
from pathlib import PurePath

# Joiners hold an emoji's parts together, tags make flags of them: both are text that is not seen.
_JOINERS = {"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}
# Control characters, formats, halves of characters (what Python makes of bytes that are no text),
# ends of lines and paragraphs.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_PACKED = ".gz"


def printable(text: str) -> str:
    r"""Write line breaks, control and direction marks as Python would (``\n``), for one line."""
    return "".join(
        char if _is_shown(char) else char.encode("unicode_escape").decode() for char in text
    )


def stem_of(path: PurePath) -> str:
    """Name a file without its ending (``box`` for ``scans/box.ply.gz``), as any system allows."""
    name = path.name.rpartition("\\")[2]  # an archive made on Windows may leave backslashes
    if name.lower().endswith(_PACKED):
        name = name[: -len(_PACKED)]
    stem = "".join(char if _is_shown(char) else "_" for char in PurePath(name).stem)
    # Windows drops dots and spaces at the end, and a name of dots alone is another folder.
    return stem.rstrip(" .") or "shape"


def same_name(name: str) -> str:
    """Give what is equal for two names, without folders, that some file system takes for one."""
    return unicodedata.normalize("NFC", name.casefold())


def _is_shown(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN or char in _JOINERS
