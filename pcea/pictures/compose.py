"""Pictures, titles, a colour bar and a legend become one matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pcea.formats.raw import Array
from pcea.lettering import families_for, readable
from pcea.lettering import width as letters_of
from pcea.pictures.layout import FONT, LETTER, LINE, Layout, count_lines, font_for, wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pcea.pictures.panels import Style

INK = {"white": "#1c2126", "dark": "#e8eaed", "transparent": "#1c2126"}


def compose(
    rows: Sequence[Sequence[tuple[Array, str] | None]],
    row_titles: Sequence[str],
    column_titles: Sequence[str],
    title: str,
    style: Style,
    scale: tuple[float, float] | None,
) -> Figure:
    """Put pictures into a grid.

    Args:
        rows: pictures (H, W, 3 or 4) uint8 and their titles, or None for an empty place; all have
            one width, and those of a row one height.
        row_titles: one a row, or none.
        column_titles: one a column, or none.
        title: what to write above all.
        style: how it looks.
        scale: the values at both ends of the colour bar; default: no bar.

    Returns:
        The figure.
    """
    from pcea.pictures.render import BACKGROUNDS
    from pcea.pictures.shown import ShownFigure

    sizes = [[entry[0].shape for entry in row if entry is not None] for row in rows]
    heights = tuple(own[0][0] if own else 1 for own in sizes)
    width = next(own[0][1] for own in sizes if own)
    columns = max(len(row) for row in rows)
    font = font_for(width, style.dpi)

    def fit(text: str, room: int, size: float = font) -> str:
        return wrap(readable(text), room, size, style.dpi)

    above = [[None if entry is None else fit(entry[1], width) for entry in row] for row in rows]
    over = [fit(each, width) for each in column_titles]
    beside = [fit(each, height) for each, height in zip(row_titles, heights, strict=False)]
    room = columns * width
    heading = fit(title, room, FONT + 2)
    wide = 0 if scale is None else round((0.68 + (0.2 if style.label else 0)) * style.dpi)
    layout = Layout(
        width,
        heights,
        columns,
        style.dpi,
        count_lines([heading]),
        count_lines(over),
        tuple(count_lines([text or "" for text in row]) for row in above),
        count_lines(beside),
        wide,
        _legend_height(style, room),
    )
    back = BACKGROUNDS[style.background]
    figure = ShownFigure(
        figsize=(_inches(layout.width, style.dpi), _inches(layout.height, style.dpi)),
        dpi=style.dpi,
        facecolor="none" if back is None else _hex(back),
    )
    ink: dict[str, Any] = {"color": INK[style.background], "parse_math": False}

    def write(left: float, bottom: float, text: str, **more: Any) -> None:
        x, y, _, _ = layout.box(left, bottom, 0, 0)
        look = {"linespacing": LINE, "fontsize": font, "fontfamily": families_for(text)}
        figure.text(x, y, text, **{**look, **ink, **more})

    middle = (layout.left + layout.right) / 2
    centered = {"ha": "center", "va": "top"}
    if heading:
        write(middle, layout.margin, heading, fontsize=FONT + 2, **centered)
    for column, text in enumerate(over):
        left, _ = layout.panel_at(0, column)
        base = layout.top - 0.42 * layout.lines(1)
        write(left + width / 2, base, text, ha="center", va="baseline")
    for row, entries in enumerate(rows):
        if beside:
            _, top = layout.panel_at(row, 0)
            turned = {"rotation": 90, "ha": "left", "va": "center", "multialignment": "center"}
            write(layout.margin, top + heights[row] / 2, beside[row], **turned)
        for column, entry in enumerate(entries):
            if entry is None:
                continue
            left, top = layout.panel_at(row, column)
            # A trace less than the pixels: matplotlib before 3.11 rounds up what is above them.
            axes = figure.add_axes(layout.box(left, top, width - 1e-6, heights[row] - 1e-6))
            axes.imshow(entry[0], interpolation="none", aspect="auto")
            axes.axis("off")
            if name := above[row][column]:
                base = top - 0.35 * layout.lines(1)
                write(left + width / 2, base, name, ha="center", va="baseline")
    if scale is not None:
        _add_bar(figure, layout, style, scale)
    if style.legend:
        _add_legend(figure, layout, style, room)
    return figure


def _add_bar(figure: Figure, layout: Layout, style: Style, scale: tuple[float, float]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.ticker import MaxNLocator

    ink = INK[style.background]
    top = layout.panel_at(0, 0)[1]
    bottom = layout.height - layout.margin - layout.legend
    high = min(bottom - top, round(3.2 * layout.dpi))
    inset = 0.04 * high
    box = layout.box(
        layout.right + 0.12 * layout.dpi,
        (top + bottom - high) / 2 + inset,
        0.1 * layout.dpi,
        high - 2 * inset,
    )
    axes = figure.add_axes(box)
    bar = figure.colorbar(ScalarMappable(Normalize(*scale), style.colormap), cax=axes)
    bar.outline.set_visible(False)
    if style.each_its_own:
        bar.set_ticks([0, 1], labels=["least", "most"])
    else:
        most = max(2, min(6, int(high / layout.dpi / 0.3)))
        bar.locator = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
        bar.update_ticks()
    size = min(FONT - 1, layout.font)
    bar.ax.tick_params(labelsize=size, colors=ink, length=2, width=0.6, pad=2)
    bar.ax.yaxis.get_offset_text().set(color=ink, fontsize=size)
    if style.label:
        bar.set_label(style.label, color=ink, fontsize=size, parse_math=False)


def _legend_columns(style: Style, room: int) -> int:
    longest = max(letters_of(readable(name)) for name in style.legend)
    entry = (longest * LETTER + 3.2) * (FONT - 1) * style.dpi / 72
    return max(min(int(room / entry), len(style.legend)), 1)


def _legend_height(style: Style, room: int) -> int:
    if not style.legend:
        return 0
    rows = math.ceil(len(style.legend) / _legend_columns(style, room))
    return round((rows * 1.45 + 0.8) * (FONT - 1) * style.dpi / 72)


def _add_legend(figure: Figure, layout: Layout, style: Style, room: int) -> None:
    from matplotlib.patches import Patch

    swatches = [
        Patch(facecolor=_hex(color), label=readable(name)) for name, color in style.legend.items()
    ]
    middle = (layout.left + layout.right) / 2
    top = layout.height - layout.margin - layout.legend
    x, y, _, _ = layout.box(middle, top, 0, 0)
    legend = figure.legend(
        handles=swatches,
        loc="upper center",
        bbox_to_anchor=(x, y),
        ncols=_legend_columns(style, room),
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
        text.set_fontfamily(families_for(text.get_text()))


def _hex(color: Sequence[int]) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in color)


def _inches(pixels: int, dpi: int) -> float:
    """The size of so many pixels; matplotlib cuts 4.14 · 100 = 413.99… pixels to 413."""
    inches = pixels / dpi
    return inches if inches * dpi >= pixels else math.nextafter(inches, math.inf)
