"""Draw text in pictures in any script, since names of files and categories may have any."""

import unicodedata
import warnings
from functools import cache

from anyascii import anyascii
from matplotlib import font_manager, ft2font, rcParams
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter

# Fonts that are not used: for mathematical signs, or drawing a numbered box for any letter.
_NO_TEXT = ("STIX", "cm", "Last Resort", "DejaVu Math")
# Characters that only join or vary the letters around them and have no picture of their own.
_JOINERS = "\u200b\u200c\u200d\u2060\ufe0e\ufe0f\ufeff"


def readable(text: str) -> str:
    """Replace letters that no installed font draws: 椅子 by YiZi, or by a number such as U+E000."""
    if text.isascii() and text.isprintable():
        return text
    known = frozenset().union(*map(_letters, _fonts_for(text)))
    return "".join(_spelled(letter, known) for letter in text)


def families_for(text: str) -> list[str]:
    """Name the font families that together draw a text, the usual one first."""
    others = () if text.isascii() else _fonts_for(text)[1:]
    return [*rcParams["font.family"], *(font_manager.get_font(path).family_name for path in others)]


def letter(figure: Figure) -> None:
    """Set fonts that can draw all text of a figure, including the fixed labels of its axes."""
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
    """Estimate the width of a text, in Latin letters; an East Asian letter is as wide as 1.8."""
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
    """Choose font files for a text: the usual font, then as many others as the text needs."""
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
    """List the files of upright fonts, those of regular weight first."""
    fonts = [
        font
        for font in font_manager.fontManager.ttflist
        if font.style == "normal" and not font.name.startswith(_NO_TEXT)
    ]
    fonts.sort(key=lambda font: (font.weight not in (400, "normal", "regular"), font.name))
    return tuple(font.fname for font in fonts)


@cache
def _letters(path: str) -> frozenset[int]:
    """List the code points that a font draws; none if matplotlib cannot use it (emoji fonts)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return frozenset(ft2font.FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
