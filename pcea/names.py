"""File names: how the results of a shape are named, and how any name is printed on one line."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePath

# Invisible characters that belong to the text: they join the parts of emoji and make flags.
_JOINERS = {"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}
# Unicode categories of invisible characters: control, format, surrogates (which Python makes of
# bytes that it cannot decode), line and paragraph separators.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_PACKED = ".gz"


def printable(text: str) -> str:
    r"""Escape invisible characters, a line break as ``\n``, so that a text fits on one line."""
    return "".join(
        char if _is_visible(char) else char.encode("unicode_escape").decode() for char in text
    )


def stem_of(path: PurePath) -> str:
    """Give a file's name without ending, valid on any system: ``box`` of ``scans/box.ply.gz``."""
    name = path.name.rpartition("\\")[2]  # an archive made on Windows may leave backslashes
    if name.lower().endswith(_PACKED):
        name = name[: -len(_PACKED)]
    stem = "".join(char if _is_visible(char) else "_" for char in PurePath(name).stem)
    # Windows drops dots and spaces at the end, and a name of dots alone is another folder.
    return stem.rstrip(" .") or "shape"


def same_name(name: str) -> str:
    """Normalize a file name: names that some file system takes for the same give equal results."""
    return unicodedata.normalize("NFC", name.casefold())


def numbered(names: Iterable[str], form: str = "{} ({})") -> list[str]:
    """Number repeated names by a form, so that no two name one file on any file system."""
    names = list(names)
    wanted, taken = {same_name(name) for name in names}, set[str]()
    numbers: defaultdict[str, int] = defaultdict(lambda: 1)
    found = []
    for name in names:
        called, key = name, same_name(name)
        while same_name(called) in taken or (called != name and same_name(called) in wanted):
            numbers[key] += 1
            called = form.format(name, numbers[key])
        taken.add(same_name(called))
        found.append(called)
    return found


def _is_visible(char: str) -> bool:
    return unicodedata.category(char) not in _INVISIBLE or char in _JOINERS
