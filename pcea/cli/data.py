"""``pcea data``: which data sets are there, and how more of them come in."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from pcea.cli.command import register_command
from pcea.cli.output import say, say_table

if TYPE_CHECKING:
    from pcea.datasets import Report

Root = Annotated[Path | None, arg(metavar="DIR")]
Name = Annotated[Positional[str], arg(metavar="NAME")]


@register_command("data-list")
@dataclass(frozen=True)
class ListData:
    """List the data sets that are known or found."""

    data_root: Root = None
    """The folder of data sets; None: $PCEA_DATA, else ./data."""

    def run(self) -> None:
        """List them."""
        from pcea.datasets import list_datasets

        say_table(
            ("data set", "splits", "folder"),
            [
                (
                    each.name,
                    ", ".join(each.splits) or "not there",
                    str(each.folder or ("needs no files" if each.splits else "")),
                )
                for each in list_datasets(self.data_root)
            ],
            numbers=0,
        )


@register_command("data-fetch")
@dataclass(frozen=True)
class FetchData:
    """Download a published data set, check it and put it in its place."""

    name: Name
    """One that was published, such as modelnet40 or shapenetpart."""
    data_root: Root = None
    """The folder of data sets; None: $PCEA_DATA, else ./data."""

    def run(self) -> None:
        """Fetch it."""
        from pcea.datasets import fetch

        say_report(fetch(self.name, self.data_root, progress=sys.stderr.isatty()))


@register_command("data-import")
@dataclass(frozen=True)
class ImportData:
    """Unpack an archive, check all of it and put it in its place."""

    name: Name
    """One that is registered, such as modelnet40, or a new name for a folder of your own."""
    archive: Annotated[Positional[Path], arg(metavar="ARCHIVE")]
    """A zip, a tar or a folder."""
    data_root: Root = None
    """The folder of data sets; None: $PCEA_DATA, else ./data."""

    def run(self) -> None:
        """Import it."""
        from pcea.datasets import import_archive

        say_report(import_archive(self.name, self.archive, self.data_root))


@register_command("data-check")
@dataclass(frozen=True)
class CheckData:
    """Read a whole data set and count what is there."""

    name: Name
    """One of `pcea data list`, or the path of its folder."""
    data_root: Root = None
    """The folder of data sets; None: $PCEA_DATA, else ./data."""

    def run(self) -> None:
        """Check it."""
        from pcea.datasets import check

        say_report(check(self.name, self.data_root))


def say_report(report: Report) -> None:
    """Print what a check found."""
    fewest, most = report.points
    points = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    parts = f", {report.parts} parts" if report.parts else ""
    say(f"{report.name} in {report.folder}: {points} points a cloud{parts}")
    splits = list(report.counts)
    names = dict.fromkeys(name for split in splits for name in report.counts[split])
    rows = [(name, *(str(report.counts[s].get(name, 0)) for s in splits)) for name in names]
    total = ("all", *(str(report.totals[split]) for split in splits))
    say_table(("category", *splits), [*rows, total], numbers=len(splits))
    if report.complete:
        say("complete: every official count is met")
    for note in report.notes:
        say(f"note: {note}")
