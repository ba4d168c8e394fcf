"""What a command prints, and how it ends."""

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich import progress
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from pcea.names import printable

T = TypeVar("T")

# Exit statuses. Wrong: the call or its input is; of several files, none could be used. Some left
# out: the other files are done. No reader: nobody reads stdout any more.
DONE, WRONG_INPUT, SOME_LEFT_OUT, INTERRUPTED, NO_READER = 0, 2, 3, 130, 141

# As wide as a table wants to be: who reads a pipe does not want lines folded at 80.
PIPE_WIDTH = 250


def say(text: str) -> None:
    """Print lines as they are, whatever control characters a name in them holds."""
    print("\n".join(map(printable, text.split("\n"))))


def complain(text: str) -> None:
    """Print on stderr, in one line, what is wrong."""
    print(f"pcea: {printable(text)}", file=sys.stderr)


def note(text: str) -> None:
    """Print on stderr, in one line, what a person should know of what was done."""
    print(printable(text), file=sys.stderr)


def say_table(headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 1) -> None:
    """Print a table, of which the last columns, 1 by default, hold numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, header in enumerate(headers):
        right = i >= len(headers) - numbers
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for row in rows:
        # No markup: a file may be called [b].off.
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    # Printed here: rich would end the process where nobody reads any more.
    with console.capture() as drawn:
        console.print(table)
    print(drawn.get(), end="")


def track(items: Sequence[T]) -> Iterable[T]:
    """Go through items with a bar on stderr, where that is a terminal."""
    console = Console(stderr=True)
    # Not by its own `disable`: before rich 14.3, a bar that was never drawn ends in an empty line.
    if not console.is_terminal:
        return items
    return progress.track(items, "", console=console, transient=True)


def busy(what: str) -> Status:
    """Say what is going on for as long as it does, where stderr is a terminal."""
    return Console(stderr=True).status(Text(what))


def percent(share: float) -> str:
    """Write a fraction, 0 to 1, as a percentage."""
    return f"{100 * share:.1f} %"
