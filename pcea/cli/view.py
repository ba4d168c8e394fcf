"""``pcea view``: shapes, and what models predict of them, in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from pcea.cli.command import ShapeFiles, register_command
from pcea.cli.files import Batch, spare_inputs
from pcea.cli.output import busy, say
from pcea.cli.parsing import check_file
from pcea.cli.weights import open_model
from pcea.defaults import VIEW_VOTES
from pcea.errors import checked
from pcea.names import numbered, printable

if TYPE_CHECKING:
    from pcea.models import PointModel
    from pcea.viewer.document import Content


@register_command("view")
@checked(votes=1, port=(0, 65535), max_upload=1)
@dataclass(frozen=True, kw_only=True)
class View(ShapeFiles):
    """View meshes and clouds in a browser, with their parts, attention and importance.

    The page is served to this machine alone, and more files can be dropped on it. With --html the
    page is written to one file instead, which opens from disk.
    """

    weights: Annotated[tuple[str, ...], arg(metavar="WEIGHTS …")] = ()
    """The models to switch between; none: the default of each task."""
    votes: int = VIEW_VOTES
    """How many samplings of a shape are averaged."""
    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 lets other machines open the page."""
    port: int = 8080
    """The port; 0: any free one."""
    max_upload: int = 64
    """Largest size of an uploaded file, in MiB."""
    html: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write the page to this file instead of serving it."""

    def run(self) -> int | None:
        """Serve the page until Ctrl-C, or write it."""
        from pcea.models import Classifier, PointModel, Segmenter

        check_file(html=self.html)
        batch = Batch(self.files) if self.files or self.html else None
        if batch is not None:
            spare_inputs([*batch.files, *self.weights], html=self.html)
        if batch is not None and not batch.files:
            return batch.status
        kinds: list[tuple[type[PointModel], str | None]] = [(Segmenter, None), (Classifier, None)]
        if self.weights:
            kinds = [(PointModel, each) for each in self.weights]
        models = [open_model(*each, self.device, self.keep_strays) for each in kinds]
        if self.html is None or batch is None:
            self._serve([] if batch is None else batch.files, models)
            return None
        return self._write(self.html.expanduser(), batch, models)

    def _write(self, html: Path, batch: Batch, models: list[PointModel]) -> int:
        """Write the page with the files that can be used."""
        from pcea.viewer.document import NothingToShow, write_page

        names = numbered([printable(file.name) for file in batch.files])
        each = zip(batch.files, names, strict=True)
        contents = (self._content(batch, file, name, models) for file, name in each)
        try:
            with busy("encoding"):
                write_page(html, filter(None, contents))
        except NothingToShow:  # the reason for each file has been printed
            return batch.status
        say(f"the page is {html}, {html.stat().st_size / 2**20:.1f} MiB")
        return batch.status

    def _content(
        self, batch: Batch, file: Path, name: str, models: list[PointModel]
    ) -> Content | None:
        """Describe a file to the page; None if it cannot be used."""
        from pcea.viewer.collection import Collection
        from pcea.viewer.document import of_studies

        content, shape = None, Collection([file], models, self.up, self.votes)
        with batch.trying(file):
            studies = [shape.study(shape.names[0], model) for model in range(len(models))]
            content = of_studies(studies) | {"name": name}
            batch.tell(file, (note for study in studies for note in study.notes))
        return content

    def _serve(self, files: list[Path], models: list[PointModel]) -> None:
        """Serve the page, which reads a file when it is chosen and says what is wrong with it."""
        from pcea.viewer.collection import Collection
        from pcea.viewer.server import LOOPBACK, serving

        collection, host = Collection(files, models, self.up, self.votes), self.host
        with serving(collection, host, self.port, self.max_upload * 2**20) as address:
            say(f"the viewer is at {address} (Ctrl-C ends it)")
            if host not in LOOPBACK:
                say(f"other machines can reach {host}: they can view these shapes and upload files")
            Event().wait()
