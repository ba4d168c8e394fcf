"""Put pictures, titles, a color bar and a legend into one matplotlib figure, pixel by pixel."""

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
from pcea.lettering import letter
from pcea.lettering import width as letters_of
from pcea.pictures.scene import BACKGROUNDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase

    from pcea.pictures.figures import Style

# A panel: its picture (H, W, 3 or 4) uint8, its title, and the position of its mark in pixels.
Drawn = tuple[Array, str, tuple[float, float] | None]

INK = {"white": "#1c2126", "dark": "#e8eaed", "transparent": "#1c2126"}
MARK = "#d62728"
FONT, SMALL_FONT = 9.0, 6.0  # points
# The mean width of a letter and the height of a line, as multiples of the font size.
LETTER, LINE = 0.56, 1.25
MOST_LINES = 3


class PictureFigure(Figure):
    """A matplotlib figure that a notebook shows even where pyplot was never imported."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure, with fonts that have all letters of its text."""
        letter(self)
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=self.dpi, facecolor=self.get_facecolor())
        return file.getvalue()


def compose(
    rows: Sequence[Sequence[Drawn | None]],
    row_titles: Sequence[str],
    column_titles: Sequence[str],
    title: str,
    style: Style,
    scale: tuple[float, ...] | None,
) -> Figure:
    """Put pictures into a grid with titles, without resampling them.

    All pictures are equally wide, and those of a row equally high; None leaves a place empty.
    ``scale`` holds the values at both ends of the color bar. It is empty if each panel has a scale
    of its own, and None if there is no bar. The first axes of the figure cover it, and their
    coordinates are pixels from the top left.
    """
    dpi, ink, background = style.dpi, INK[style.background], BACKGROUNDS[style.background]
    sizes = [[cell[0].shape for cell in row if cell] for row in rows]
    heights = [size[0][0] if size else 1 for size in sizes]
    width, columns = next(size[0][1] for size in sizes if size), max(len(row) for row in rows)
    font = min(FONT, max(SMALL_FONT, 5 + 2.2 * width / dpi))  # small panels get small titles
    margin, gap = round(0.07 * dpi), round(0.05 * dpi)

    def fit(text: str, room: int, size: float = font) -> str:
        return _wrap(text, room / (LETTER * size * dpi / 72))

    def room_for(texts: Iterable[str], size: float = font) -> int:
        """Compute the height of the text with the most lines, and of the space below it."""
        lines = max((text.count("\n") + 1 for text in texts if text), default=0)
        return math.ceil((lines + 0.3) * LINE * size * dpi / 72) if lines else 0

    heading = fit(title, columns * width, FONT + 2)
    of_columns = [fit(each, width) for each in column_titles]
    of_rows = [fit(each, height) for each, height in zip(row_titles, heights, strict=False)]
    of_panels = [[fit(cell[1], width) if cell else "" for cell in row] for row in rows]
    left = margin + room_for(of_rows)
    starts = [left + column * (width + gap) for column in range(columns)]
    right, first = starts[-1] + width, margin + room_for([heading], FONT + 2) + room_for(of_columns)
    tops, bottom = [], first - gap  # the tops of the rows of pictures, and the end of the last row
    for texts, height in zip(of_panels, heights, strict=True):
        tops.append(bottom + gap + room_for(texts))
        bottom = tops[-1] + height
    bar = 0 if scale is None else round((0.88 if style.label else 0.68) * dpi)
    legend, legend_columns = _legend_size(style, columns * width)
    total = right + bar + margin, bottom + legend + margin
    # matplotlib rounds pixels down, and 4.14 · 100 is 413.99…, so a little is added.
    figure = PictureFigure(figsize=((total[0] + 1e-9) / dpi, (total[1] + 1e-9) / dpi), dpi=dpi)
    figure.set_facecolor("none" if background is None else _hex(background))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, total[0]), ylim=(total[1], 0), autoscale_on=False)
    axes.axis("off")

    def write(x: float, y: float, text: str, **options: Any) -> None:
        usual = {"ha": "center", "va": "baseline", "fontsize": font, "linespacing": LINE}
        axes.text(x, y, text, color=ink, parse_math=False, **(usual | options))

    if heading:
        write((left + right) / 2, margin, heading, fontsize=FONT + 2, va="top")
    for x, text in zip(starts, of_columns, strict=False):
        write(x + width / 2, first - 0.42 * room_for(["one"]), text)
    upward = {"rotation": 90, "ha": "left", "va": "center", "multialignment": "center"}
    for text, top, height in zip(of_rows, tops, heights, strict=False):
        write(margin, top + height / 2, text, **upward)
    for row, texts, top in zip(rows, of_panels, tops, strict=True):
        for x, cell, text in zip(starts, row, texts, strict=False):
            if cell is None:
                continue
            picture, _, mark = cell
            # matplotlib before 3.11 rounds the ends of pictures up, so a little is subtracted.
            end, below = x + width - 1e-6, top + len(picture) - 1e-6
            axes.imshow(picture, interpolation="none", aspect="auto", extent=(x, end, below, top))
            if mark:
                size = 0.45 * font
                axes.plot(
                    x + mark[0], top + mark[1], "o", color=MARK, mec="white", ms=size, mew=0.4
                )
            if text:
                write(x + width / 2, top - 0.35 * room_for(["one"]), text)
    if scale is not None:
        high = min(bottom - tops[0], round(3.2 * dpi))
        inner = 0.92 * high  # leaves room for the numbers at both ends of the bar
        x, below = right + 0.12 * dpi, (tops[0] + bottom + inner) / 2
        place = x / total[0], 1 - below / total[1], 0.1 * dpi / total[0], inner / total[1]
        ticks = max(2, min(6, int(high / dpi / 0.3)))
        _add_bar(figure.add_axes(place), style, scale, ticks, min(FONT - 1, font))
    if style.legend:
        _add_legend(axes, ((left + right) / 2, bottom), style, legend_columns)
    return figure


def _add_bar(axes: Axes, style: Style, scale: tuple[float, ...], ticks: int, size: float) -> None:
    low, high = scale or (0.0, 1.0)
    mapped = ScalarMappable(Normalize(low, high), style.colormap)
    locator, ink = MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]), INK[style.background]
    bar = axes.figure.colorbar(mapped, cax=axes, ticks=locator)
    bar.outline.set_visible(False)
    if not scale:
        bar.set_ticks([0, 1], labels=["least", "most"])
    axes.tick_params(labelsize=size, colors=ink, length=2, width=0.6, pad=2)
    axes.yaxis.get_offset_text().set(color=ink, fontsize=size)
    bar.set_label(style.label, color=ink, fontsize=size, parse_math=False)


def _legend_size(style: Style, room: int) -> tuple[int, int]:
    """Compute the height of the legend in pixels, and the number of its columns."""
    if not style.legend:
        return 0, 1
    letters, size = max(map(letters_of, style.legend)), (FONT - 1) * style.dpi / 72
    columns = max(min(int(room / ((letters * LETTER + 3.2) * size)), len(style.legend)), 1)
    return round((math.ceil(len(style.legend) / columns) * 1.45 + 0.8) * size), columns


def _add_legend(axes: Axes, top: tuple[float, float], style: Style, columns: int) -> None:
    legend = axes.legend(
        handles=[Patch(facecolor=_hex(rgb), label=name) for name, rgb in style.legend.items()],
        loc="upper center",
        bbox_to_anchor=top,
        bbox_transform=axes.transData,
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
        text.set_parse_math(False)


def _hex(color: Sequence[int]) -> str:
    return f"#{bytes(map(int, color)).hex()}"


def _wrap(text: str, room: float) -> str:
    """Break a text into lines of ``room`` average letters; a text that is too long ends in "…"."""
    wide = letters_of(text) / len(text) if text else 1.0
    width = max(int(room / wide), 4)
    lines = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, width, max_lines=MOST_LINES, placeholder="…") or [""]
    ]
    return "\n".join(lines[:MOST_LINES])
