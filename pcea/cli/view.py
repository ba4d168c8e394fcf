"""``pcea view``: shapes and what models see on them, in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from pcea.cli.output import busy, say
from pcea.cli.weights import at_least_one, open_model
from pcea.errors import InputError

if TYPE_CHECKING:
    from pcea.models import PointModel


@dataclass(frozen=True)
class View:
    """Look at meshes and clouds in a browser: parts, attention, importance.

    The page is served to this machine alone, and more files can be dropped on it. With --html it
    is written instead, as one file that opens from disk.
    """

    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")] = ()
    """Meshes or clouds: files, folders or globs."""
    weights: Annotated[tuple[str, ...], arg(metavar="WEIGHTS …")] = ()
    """The models to switch between: as of segment; none: the best that ships for each task."""
    up: Literal["auto", "x", "-x", "y", "-y", "z", "-z"] = "auto"
    """The up axis; auto: the first model guesses it."""
    votes: int = 1
    """How many samplings of a shape are looked at."""
    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 lets others see the page."""
    port: int = 8080
    """The port; 0: any that is free."""
    max_upload: int = 64
    """How many MiB an uploaded file may have."""
    html: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write the page to this file instead of serving it."""
    device: Annotated[str | None, arg(metavar="DEVICE")] = None
    """Where to compute; None: the GPU if there is one."""

    def run(self) -> None:
        """Serve the page until Ctrl-C, or write it."""
        from pcea.formats import expand

        at_least_one(votes=self.votes, max_upload=self.max_upload)
        if not 0 <= self.port <= 65535:
            raise InputError(f"--port is {self.port}; it must be 0 to 65535")
        if self.html is not None and self.html.is_dir():
            raise InputError(f"--html {self.html}: it is a folder; name a file")
        files = expand(self.files) if self.files or self.html else []
        if self.weights:
            models = [open_model(each, self.device) for each in self.weights]
        else:
            tasks = ("segmentation", "classification")
            models = [open_model(None, self.device, task) for task in tasks]
        if self.html is None:
            self._serve(files, models)
            return
        from pcea.viewer.collection import Collection
        from pcea.viewer.html import export_html

        collection = Collection(files, models, self.up, self.votes)
        every = range(len(models))
        with busy("looking"):
            studies = [[collection.study(name, i) for i in every] for name in collection.names]
            export_html(self.html, studies)
        say(f"the page is {self.html}, {self.html.stat().st_size / 2**20:.1f} MiB")

    def _serve(self, files: list[Path], models: list[PointModel]) -> None:
        from pcea.viewer.serve import serving
        from pcea.viewer.server import LOOPBACK

        size = self.max_upload * 2**20
        host = self.host
        with serving(files, models, host, self.port, self.up, self.votes, size) as address:
            say(f"the viewer is at {address} (Ctrl-C ends it)")
            if host not in LOOPBACK:
                say(f"{host} can be reached by others: they see these shapes and can upload files")
            Event().wait()
