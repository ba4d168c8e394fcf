"""Printing to the terminal, and the exit statuses."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rich import progress
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from pcea.names import printable

if TYPE_CHECKING:
    from pcea.datasets import PointCloudDataset

T = TypeVar("T")

# Exit statuses. WRONG_INPUT: the call is wrong, or no file could be used. SOME_LEFT_OUT: some files
# could not be used. NO_READER: the reader of stdout went away.
DONE, WRONG_INPUT, SOME_LEFT_OUT, INTERRUPTED, NO_READER = 0, 2, 3, 130, 141

# Columns of a table that is not printed to a terminal, so that no line is folded at 80.
PIPE_WIDTH = 250


def say(text: str) -> None:
    """Print lines, in which control characters, such as those in file names, are spelled out."""
    print("\n".join(map(printable, text.split("\n"))))


def complain(text: str) -> None:
    """Print an error on stderr, in one line."""
    print(f"pcea: {printable(text)}", file=sys.stderr)


def note(text: str) -> None:
    """Print a note on stderr, in one line."""
    print(printable(text), file=sys.stderr)


def say_table(headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 1) -> None:
    """Print a table whose last ``numbers`` columns are aligned to the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, header in enumerate(headers):
        right = i >= len(headers) - numbers
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for row in rows:
        # No markup: a file may be called [b].off.
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    # rich itself would end the process if the reader of stdout went away.
    with console.capture() as drawn:
        console.print(table)
    print(drawn.get(), end="")


def say_figures(figures: dict[str, Any], data: "PointCloudDataset") -> None:
    """Print the figures of a result, and those of each category."""
    from pcea.evaluation.metrics import format_figure

    overall = {name: value for name, value in figures.items() if isinstance(value, float)}
    rows = [(name.replace("_", " "), format_figure(name, value)) for name, value in overall.items()]
    say_table(("figure", "value"), rows)
    figure, key = ("accuracy", "per_class") if "per_class" in figures else ("mIoU", "per_category")
    counts = data.clouds.category.bincount(minlength=len(data.taxonomy.categories)).tolist()
    clouds = dict(zip(data.taxonomy.categories, counts, strict=True))
    each = [(name, str(clouds[name]), percent(value)) for name, value in figures[key].items()]
    say_table(("category", "clouds", figure), each, numbers=2)


def track(items: Iterable[T], total: int | None = None) -> Iterable[T]:
    """Iterate over items, with a progress bar on stderr if that is a terminal.

    ``total`` is their number, where they do not tell it themselves.
    """
    console = Console(stderr=True)
    # With `disable`, rich before 14.3 prints an empty line at the end.
    if not console.is_terminal:
        return items
    return progress.track(items, "", total=total, console=console, transient=True)


def busy(what: str) -> Status:
    """Show a spinner with a text on stderr, if that is a terminal."""
    return Console(stderr=True).status(Text(what))


def percent(share: float) -> str:
    """Format a fraction as a percentage."""
    return f"{100 * share:.1f} %"
