"""Where the pieces of a figure go, pixel by pixel, so that no picture is resampled."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from pcea.lettering import width as letters_of

FONT, SMALL_FONT = 9.0, 6.0  # points
# A letter's mean width and a line's height, as shares of the font's size.
LETTER, LINE = 0.56, 1.25


@dataclass(frozen=True)
class Layout:
    """A grid of panels with its titles, a colour bar at the right and a legend below.

    All lengths are pixels.

    Args:
        panel_width: of every panel.
        panel_heights: of each row's panels.
        columns: how many panels there are from left to right.
        dpi: pixels an inch.
        title: lines of the figure's title.
        column_title: lines of the longest column title.
        panel_title: for each row, lines of its longest panel title.
        row_title: whether rows have titles, to their left.
        bar: how wide the colour bar is, with its numbers; 0 without one.
        legend: how high the legend is; 0 without one.
    """

    panel_width: int
    panel_heights: tuple[int, ...]
    columns: int
    dpi: int
    title: int
    column_title: int
    panel_title: tuple[int, ...]
    row_title: int
    bar: int
    legend: int

    @property
    def font(self) -> float:
        """The size of all titles but the figure's, in points: small panels get small ones."""
        return font_for(self.panel_width, self.dpi)

    @property
    def margin(self) -> int:
        """The room around everything."""
        return round(0.07 * self.dpi)

    @property
    def gap(self) -> int:
        """The room between panels."""
        return round(0.05 * self.dpi)

    @property
    def left(self) -> int:
        """Where the panels begin."""
        return self.margin + self.lines(self.row_title)

    @property
    def right(self) -> int:
        """Where the panels end."""
        return self.left + self.columns * (self.panel_width + self.gap) - self.gap

    @property
    def top(self) -> int:
        """Where the first row begins, with its panels' titles."""
        return self.margin + self.lines(self.title, FONT + 2) + self.lines(self.column_title)

    @property
    def width(self) -> int:
        """The figure's."""
        return self.right + self.bar + self.margin

    @property
    def height(self) -> int:
        """The figure's."""
        return self.row_top(len(self.panel_heights)) - self.gap + self.legend + self.margin

    def lines(self, num: int, font: float | None = None) -> int:
        """Give the height of lines of text and of the room after them."""
        size = self.font if font is None else font
        return math.ceil((num + 0.3) * LINE * size * self.dpi / 72) if num else 0

    def row_top(self, row: int) -> int:
        """Say where a row begins, with its panels' titles."""
        titles = sum(self.lines(num) for num in self.panel_title[:row])
        return self.top + titles + sum(self.panel_heights[:row]) + row * self.gap

    def panel_at(self, row: int, column: int) -> tuple[int, int]:
        """Say where the left and the top of a panel's picture are."""
        left = self.left + column * (self.panel_width + self.gap)
        return left, self.row_top(row) + self.lines(self.panel_title[row])

    def box(
        self, left: float, top: float, width: float, height: float
    ) -> tuple[float, float, float, float]:
        """Turn pixels from the top left into matplotlib's shares from the bottom left."""
        bottom = self.height - top - height
        return (
            left / self.width,
            bottom / self.height,
            width / self.width,
            height / self.height,
        )


def font_for(width: int, dpi: int) -> float:
    """Give the size of the titles over panels of some width in pixels, in points."""
    return min(FONT, max(SMALL_FONT, 5 + 2.2 * width / dpi))


def wrap(text: str, width: float, font: float, dpi: int, most: int = 3) -> str:
    """Break a text into lines that fit.

    Args:
        text: what to write.
        width: the room in pixels.
        font: the size of the letters in points.
        dpi: pixels an inch.
        most: the most lines; what is over ends in "…".

    Returns:
        The text, with line breaks.
    """
    wide = letters_of(text) / len(text) if text else 1.0
    letters = max(int(width / (LETTER * wide * font * dpi / 72)), 4)
    lines = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, letters, max_lines=most, placeholder="…") or [""]
    ]
    return "\n".join(lines[:most])


def count_lines(texts: Sequence[str]) -> int:
    """Count the lines of the longest text; an empty one has none."""
    return max((text.count("\n") + 1 for text in texts if text), default=0)
