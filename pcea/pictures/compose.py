"""Pictures, titles, a color bar and a legend become one matplotlib figure, pixel by pixel."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from pcea.formats.raw import Array
from pcea.lettering import families_for, letter, readable
from pcea.lettering import width as letters_of
from pcea.pictures.render import BACKGROUNDS

if TYPE_CHECKING:
    from pcea.pictures.panels import Style

INK = {"white": "#1c2126", "dark": "#e8eaed", "transparent": "#1c2126"}
FONT, SMALL_FONT = 9.0, 6.0  # points
# A letter's mean width and a line's height, as shares of the font's size.
LETTER, LINE = 0.56, 1.25
MOST_LINES = 3


class PictureFigure(Figure):
    """A matplotlib figure that a notebook shows even where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        letter(self)
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=self.dpi, facecolor=self.get_facecolor())
        return file.getvalue()


def compose(
    rows: Sequence[Sequence[Array | None]],
    titles: Sequence[Sequence[str]],
    row_titles: Sequence[str],
    column_titles: Sequence[str],
    title: str,
    style: Style,
    scale: tuple[float, float] | None,
) -> Figure:
    """Put pictures, (H, W, 3 or 4) uint8 each, into a grid with titles; none of them is resampled.

    All have one width, and those of a row one height; None leaves a place empty. ``scale`` holds
    the values at both ends of the color bar.
    """
    dpi, ink = style.dpi, INK[style.background]
    sizes = [[picture.shape for picture in row if picture is not None] for row in rows]
    heights = [own[0][0] if own else 1 for own in sizes]
    width = next(own[0][1] for own in sizes if own)
    columns = max(len(row) for row in rows)
    font = min(FONT, max(SMALL_FONT, 5 + 2.2 * width / dpi))  # small panels get small titles
    margin, gap = round(0.07 * dpi), round(0.05 * dpi)

    def fit(text: str, room: int, size: float = font) -> str:
        return _wrap(readable(text), room / (LETTER * size * dpi / 72))

    def room_for(texts: Iterable[str], size: float = font) -> int:
        """How high the longest text is, with the room after it."""
        lines = max((text.count("\n") + 1 for text in texts if text), default=0)
        return math.ceil((lines + 0.3) * LINE * size * dpi / 72) if lines else 0

    heading = fit(title, columns * width, FONT + 2)
    over = [fit(each, width) for each in column_titles]
    beside = [fit(each, height) for each, height in zip(row_titles, heights, strict=False)]
    above = [[fit(each, width) for each in row] for row in titles]
    left = margin + room_for(beside)
    right = left + columns * (width + gap) - gap
    first = margin + room_for([heading], FONT + 2) + room_for(over)
    tops, bottom = [], first  # of the pictures of each row; where the last row ends
    for texts, height in zip(above, heights, strict=True):
        tops.append(bottom + room_for(texts))
        bottom = tops[-1] + height + gap
    bottom -= gap
    bar = 0 if scale is None else round((0.88 if style.label else 0.68) * dpi)
    legend, legend_columns = _legend_size(style, columns * width)
    whole = right + bar + margin, bottom + legend + margin
    back = BACKGROUNDS[style.background]
    figure = PictureFigure(
        figsize=(_inches(whole[0], dpi), _inches(whole[1], dpi)),
        dpi=dpi,
        facecolor="none" if back is None else _hex(back),
    )

    def box(x: float, y: float, w: float = 0, h: float = 0) -> tuple[float, float, float, float]:
        """Pixels from the top left as matplotlib's shares from the bottom left."""
        return x / whole[0], (whole[1] - y - h) / whole[1], w / whole[0], h / whole[1]

    def write(x: float, y: float, text: str, **more: Any) -> None:
        options = {"ha": "center", "va": "baseline", "fontsize": font, "linespacing": LINE} | more
        family = families_for(text)
        figure.text(*box(x, y)[:2], text, color=ink, parse_math=False, family=family, **options)

    if heading:
        write((left + right) / 2, margin, heading, fontsize=FONT + 2, va="top")
    starts = [left + column * (width + gap) for column in range(columns)]
    for x, text in zip(starts, over, strict=False):
        write(x + width / 2, first - 0.42 * room_for(["one"]), text)
    turned = {"rotation": 90, "ha": "left", "va": "center", "multialignment": "center"}
    for row, (top, height) in enumerate(zip(tops, heights, strict=True)):
        if beside:
            write(margin, top + height / 2, beside[row], **turned)
        for x, picture, text in zip(starts, rows[row], above[row], strict=False):
            if picture is None:
                continue
            # A trace less than the pixels: matplotlib before 3.11 rounds up what is above them.
            axes = figure.add_axes(box(x, top, width - 1e-6, height - 1e-6))
            axes.imshow(picture, interpolation="none", aspect="auto")
            axes.axis("off")
            if text:
                write(x + width / 2, top - 0.35 * room_for(["one"]), text)
    if scale is not None:
        high = min(bottom - tops[0], round(3.2 * dpi))
        inner = 0.92 * high  # the numbers at the ends are higher than the bar
        place = box(right + 0.12 * dpi, (tops[0] + bottom - inner) / 2, 0.1 * dpi, inner)
        _add_bar(figure, place, style, scale, max(2, min(6, int(high / dpi / 0.3))), font)
    if style.legend:
        place = box((left + right) / 2, bottom)
        _add_legend(figure, place[:2], style, legend_columns)
    return figure


def _add_bar(
    figure: Figure,
    place: tuple[float, float, float, float],
    style: Style,
    scale: tuple[float, float],
    numbers: int,
    font: float,
) -> None:
    ink, size = INK[style.background], min(FONT - 1, font)
    mapped = ScalarMappable(Normalize(*scale), style.colormap)
    bar = figure.colorbar(mapped, cax=figure.add_axes(place))
    bar.outline.set_visible(False)
    if style.each_its_own:
        bar.set_ticks([0, 1], labels=["least", "most"])
    else:
        bar.locator = MaxNLocator(numbers, steps=[1, 2, 2.5, 5, 10])
        bar.update_ticks()
    bar.ax.tick_params(labelsize=size, colors=ink, length=2, width=0.6, pad=2)
    bar.ax.yaxis.get_offset_text().set(color=ink, fontsize=size)
    if style.label:
        bar.set_label(style.label, color=ink, fontsize=size, parse_math=False)


def _legend_size(style: Style, room: int) -> tuple[int, int]:
    """How high the legend is, and how many columns it has."""
    if not style.legend:
        return 0, 1
    letters, dot = max(letters_of(readable(each)) for each in style.legend), style.dpi / 72
    columns = int(room / ((letters * LETTER + 3.2) * (FONT - 1) * dot))
    columns = max(min(columns, len(style.legend)), 1)
    rows = math.ceil(len(style.legend) / columns)
    return round((rows * 1.45 + 0.8) * (FONT - 1) * dot), columns


def _add_legend(figure: Figure, top: tuple[float, ...], style: Style, columns: int) -> None:
    legend = figure.legend(
        handles=[Patch(facecolor=_hex(rgb), label=readable(n)) for n, rgb in style.legend.items()],
        loc="upper center",
        bbox_to_anchor=top,
        ncols=columns,
        fontsize=FONT - 1,
        frameon=False,
        labelcolor=INK[style.background],
        handlelength=1.0,
        handleheight=1.0,
        handletextpad=0.5,
        columnspacing=1.2,
        labelspacing=0.45,
        borderaxespad=0,
    )
    for text in legend.get_texts():
        text.set(parse_math=False, fontfamily=families_for(text.get_text()))


def _wrap(text: str, room: float) -> str:
    """Break a text into lines of so many common letters; what is too much ends in "…"."""
    wide = letters_of(text) / len(text) if text else 1.0
    lines = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(
            paragraph, max(int(room / wide), 4), max_lines=MOST_LINES, placeholder="…"
        )
        or [""]
    ]
    return "\n".join(lines[:MOST_LINES])


def _hex(color: Sequence[int]) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in color)


def _inches(pixels: int, dpi: int) -> float:
    """The size of so many pixels; matplotlib cuts 4.14 · 100 = 413.99… pixels to 413."""
    inches = pixels / dpi
    return inches if inches * dpi >= pixels else math.nextafter(inches, math.inf)
