"""``pcea data``: list, fetch, import and check data sets."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from pcea.cli.command import DataRoot, register_command
from pcea.cli.output import say, say_table

if TYPE_CHECKING:
    from pcea.datasets import Report


@register_command("data-list")
@dataclass(frozen=True)
class ListData:
    """List the data sets that pcea knows or finds in the data root."""

    data_root: DataRoot = None

    def run(self) -> None:
        """List them."""
        from pcea.datasets import list_datasets

        rows = [
            (
                each.name,
                ", ".join(each.splits) or "not there",
                str(each.folder or ("needs no files" if each.splits else "")),
            )
            for each in list_datasets(self.data_root)
        ]
        say_table(("data set", "splits", "folder"), rows, numbers=0)


@dataclass(frozen=True, kw_only=True)
class OneData:
    """The options of a command on one data set."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """Its name, as in `pcea data list`."""
    data_root: DataRoot = None


@register_command("data-fetch")
@dataclass(frozen=True, kw_only=True)
class FetchData(OneData):
    """Download a published data set, such as modelnet40, check it and put it into the data root."""

    def run(self) -> None:
        """Fetch it."""
        from pcea.datasets import fetch

        _say_report(fetch(self.name, self.data_root, progress=sys.stderr.isatty()))


@register_command("data-import")
@dataclass(frozen=True, kw_only=True)
class ImportData(OneData):
    """Unpack an archive, check it and put it into the data root, under any name."""

    archive: Annotated[Positional[Path], arg(metavar="ARCHIVE")]
    """A zip, a tar or a folder."""

    def run(self) -> None:
        """Import it."""
        from pcea.datasets import import_archive

        _say_report(import_archive(self.name, self.archive, self.data_root))


@register_command("data-check")
@dataclass(frozen=True, kw_only=True)
class CheckData(OneData):
    """Read a whole data set, given by name or folder, and count its clouds."""

    def run(self) -> None:
        """Check it."""
        from pcea.datasets import check

        _say_report(check(self.name, self.data_root))


def _say_report(report: "Report") -> None:
    """Print the counts and notes of a check."""
    fewest, most = report.points
    points = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    parts = f", {report.parts} parts" if report.parts else ""
    say(f"{report.name} in {report.folder}: {points} points per cloud{parts}")
    splits = list(report.counts)
    names = dict.fromkeys(name for split in splits for name in report.counts[split])
    rows = [(name, *(str(report.counts[s].get(name, 0)) for s in splits)) for name in names]
    total = ("all", *(str(report.totals[split]) for split in splits))
    say_table(("category", *splits), [*rows, total], numbers=len(splits))
    if report.complete:
        say("complete: every official count is met")
    for note in report.notes:
        say(f"note: {note}")
