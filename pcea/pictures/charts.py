"""What charts of figures share: the colors of text and lines, and plain axes."""

from matplotlib.axes import Axes

INK, SOFT, GRID = "#1c2126", "#5b6570", "#e3e6ea"


def plain(axes: Axes, grid: str = "y") -> None:
    """Leave only the lower edge of the axes, and light lines along ``grid``: x, y or both."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, labelcolor=SOFT)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
