"""Text in pictures, in whatever script a file's or a category's name is written."""

from __future__ import annotations

import unicodedata
import warnings
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Fonts of mathematical signs, and one that draws the outline of its own ignorance.
_NO_TEXT = ("STIX", "cm", "Last Resort", "DejaVu Math")
# What joins or varies the signs around it and is drawn by none of the fonts that know them.
_JOINERS = frozenset("\u200b\u200c\u200d\u2060\ufe0e\ufe0f\ufeff")


def readable(text: str) -> str:
    """Write what no installed font can draw in letters that one can.

    Args:
        text: any text, such as a file's name.

    Returns:
        The same text where fonts are there for it; else without the signs that no font knows: they
        are transliterated (椅子 becomes YiZi), and where that is not known either, named by their
        number (U+E000).
    """
    if text.isascii() and text.isprintable():
        return text
    known = frozenset().union(*(_letters(path) for path in _paths(text)))
    return "".join(_spelled(letter, known) for letter in text)


def families_for(text: str) -> list[str]:
    """Name the fonts that together draw a text, the usual one first.

    Args:
        text: any text.

    Returns:
        Names for matplotlib's ``fontfamily``.
    """
    from matplotlib import font_manager, rcParams

    usual = list(rcParams["font.family"])
    if text.isascii():
        return usual
    return usual + [font_manager.get_font(path).family_name for path in _paths(text)[1:]]


def letter(figure: Figure) -> None:
    """Make all text of a figure such that it is drawn as text, without a warning.

    Args:
        figure: any matplotlib figure; its texts and the fixed labels of its axes are changed.
    """
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, FixedFormatter) and not "".join(formatter.seq).isascii():
                names = [readable(each) for each in formatter.seq]
                axis.set_ticks(axis.get_ticklocs(), names, fontfamily=families_for("".join(names)))
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if not text.get_text().isascii():
            text.set_text(readable(text.get_text()))
            text.set_fontfamily(families_for(text.get_text()))


def width(text: str) -> float:
    """Say how many common letters are as wide as a text; signs of East Asia are wider."""
    return sum(1.8 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in text)


def _spelled(letter: str, known: frozenset[int]) -> str:
    if letter in _JOINERS:
        return ""
    if letter == "\n" or (ord(letter) in known and letter.isprintable()):
        return letter
    if unicodedata.category(letter) == "Cc":
        return " " if letter.isspace() else ""
    from anyascii import anyascii

    return anyascii(letter) or f"U+{ord(letter):04X}"


def _paths(text: str) -> list[str]:
    """The usual font, and as many others as the text's letters need."""
    return list(_fonts_for(frozenset(map(ord, text)) - frozenset(map(ord, _JOINERS))))


@cache
def _fonts_for(letters: frozenset[int]) -> tuple[str, ...]:
    from matplotlib import font_manager

    chosen = [str(font_manager.findfont(font_manager.FontProperties()))]
    missing = letters - _letters(chosen[0]) - {ord("\n")}
    while missing:
        knows = {path: len(missing & _letters(path)) for path in _installed()}
        best = max(knows, key=lambda path: knows[path], default="")
        if not best or not knows[best]:
            break
        chosen.append(best)
        missing -= _letters(best)
    return tuple(chosen)


@cache
def _installed() -> tuple[str, ...]:
    from matplotlib import font_manager

    fonts = [
        font
        for font in font_manager.fontManager.ttflist
        if font.style == "normal" and not font.name.startswith(_NO_TEXT)
    ]
    # Of fonts that know as much, one of usual weight.
    fonts.sort(key=lambda font: (abs(_weight(font.weight) - 400), font.name))
    return tuple(font.fname for font in fonts)


def _weight(weight: object) -> float:
    return float(weight) if isinstance(weight, int | float) else 400.0


@cache
def _letters(path: str) -> frozenset[int]:
    """What a font draws; nothing, if it cannot be used (pictures of emoji, say)."""
    from matplotlib import ft2font

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return frozenset(ft2font.FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
