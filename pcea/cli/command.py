"""The registry of commands, and the options that several commands share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from pcea.cli.files import Batch, spare_inputs
from pcea.cli.parsing import check_file
from pcea.cli.weights import origin
from pcea.defaults import UP, Background, Renderer, UpAxis
from pcea.registry import Registry

if TYPE_CHECKING:
    from pcea.models import PointModel


# Dataclasses by name. The fields are the options; ``run()`` does the work and returns the exit
# status, or None for 0.
COMMANDS: Registry[type[Any]] = Registry("command", "pcea.commands")
register_command = COMMANDS.register
# Commands whose names begin so form a group: ``data-list`` is called as ``pcea data list``.
GROUPS = ("bench-", "data-")

DataRoot = Annotated[
    Path | None,
    arg(metavar="DIR", help="The folder of data sets; None: $PCEA_DATA, else ./data."),
]
Device = Annotated[
    str | None, arg(metavar="DEVICE", help="cpu or cuda; None: the GPU if there is one.")
]


@dataclass(frozen=True, kw_only=True)
class ShapeFiles:
    """The options of a command that reads shapes."""

    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")] = ()
    """Meshes or clouds: files, folders or globs."""
    up: Literal["auto", UpAxis] = UP
    """The up axis; auto: it is guessed."""
    keep_strays: bool = False
    """Whether to keep isolated points, which are left out otherwise."""
    device: Device = None


@dataclass(frozen=True, kw_only=True)
class OnFiles(ShapeFiles):
    """The options of a command that runs a model on each shape."""

    weights: Annotated[str | None, arg(metavar="WEIGHTS")] = None
    """The model: a run folder, a .safetensors file or a name; None: the default one."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Also write a summary to this JSON file."""

    def batch(self, out: Path | None = None, written: Sequence[str] = ()) -> Batch:
        """Find the files, and refuse what can be refused before the work begins."""
        check_file(json=self.json)
        batch = Batch(self.files, out, written)
        spare_inputs([*batch.files, self.weights], json=self.json)
        return batch

    def write_summary(self, model: "PointModel", batch: Batch, **how: object) -> None:
        """Write the results of all files to the JSON file, if one is named and there are any."""
        from pcea.formats import write_json

        if batch.results and self.json is not None:
            summary = {
                **origin(model, self.weights),
                **how,
                "keep_strays": self.keep_strays,
                "files": batch.results,
                "left_out": batch.left_out,
            }
            write_json(self.json, summary)


@dataclass(frozen=True, kw_only=True)
class Drawn(OnFiles):
    """The options of a command that also draws shapes."""

    out: Annotated[Path, arg(metavar="DIR")]
    """The folder to write to."""
    background: Background = "white"
    """Background of the pictures."""
    renderer: Renderer = "auto"
    """What draws meshes; auto: the faster one."""
