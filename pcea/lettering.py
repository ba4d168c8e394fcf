"""Text in pictures, in whatever script a file's or a category's name is written."""

import unicodedata
import warnings
from functools import cache

from anyascii import anyascii
from matplotlib import font_manager, ft2font, rcParams
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter

# Fonts of mathematical signs, and one that draws a box with the number of any letter.
_NO_TEXT = ("STIX", "cm", "Last Resort", "DejaVu Math")
# These join or vary the letters around them; none of the fonts that know them draws anything.
_JOINERS = "\u200b\u200c\u200d\u2060\ufe0e\ufe0f\ufeff"


def readable(text: str) -> str:
    """Spell the letters that no installed font draws: 椅子 as YiZi, or by number as U+E000."""
    if text.isascii() and text.isprintable():
        return text
    known = frozenset().union(*map(_letters, _fonts_for(text)))
    return "".join(_spelled(letter, known) for letter in text)


def families_for(text: str) -> list[str]:
    """Name the fonts that together draw a text, the usual one first, for matplotlib."""
    others = () if text.isascii() else _fonts_for(text)[1:]
    return [*rcParams["font.family"], *(font_manager.get_font(path).family_name for path in others)]


def letter(figure: Figure) -> None:
    """Let all text of a figure, and the fixed labels of its axes, be drawn without a warning."""
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
    """Say how many common letters are as wide as a text; East Asian letters are wider."""
    return sum(1.8 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in text)


def _spelled(letter: str, known: frozenset[int]) -> str:
    if letter in _JOINERS:
        return ""
    if letter == "\n" or (ord(letter) in known and letter.isprintable()):
        return letter
    if unicodedata.category(letter) == "Cc":
        return " " if letter.isspace() else ""
    return anyascii(letter) or f"U+{ord(letter):04X}"


@cache
def _fonts_for(text: str) -> tuple[str, ...]:
    """The usual font's file, and those of as many others as the text needs."""
    chosen = [str(font_manager.findfont(font_manager.FontProperties()))]
    missing = set(map(ord, text)) - set(map(ord, _JOINERS + "\n")) - _letters(chosen[0])
    while missing:
        best = max(_installed(), key=lambda path: len(missing & _letters(path)), default="")
        if not missing & _letters(best):
            break
        chosen.append(best)
        missing -= _letters(best)
    return tuple(chosen)


@cache
def _installed() -> tuple[str, ...]:
    """Files of upright fonts; of those that know as much, one of usual weight is first."""
    fonts = [
        font
        for font in font_manager.fontManager.ttflist
        if font.style == "normal" and not font.name.startswith(_NO_TEXT)
    ]
    fonts.sort(key=lambda font: (font.weight not in (400, "normal", "regular"), font.name))
    return tuple(font.fname for font in fonts)


@cache
def _letters(path: str) -> frozenset[int]:
    """The numbers of the letters that a font draws; none where it cannot be used (emoji)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return frozenset(ft2font.FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
