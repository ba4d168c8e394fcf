"""What commands are: how they join, and the options that several of them have."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from pcea.cli.files import Batch
from pcea.cli.parsing import check_json
from pcea.cli.weights import origin
from pcea.defaults import UP, Background, Renderer, UpAxis
from pcea.registry import Registry

if TYPE_CHECKING:
    from pcea.models import PointModel


# Dataclasses by name. Their fields are options, and ``run()`` does what these say and gives the
# exit status, or None where all is done.
COMMANDS: Registry[type[Any]] = Registry("command", "pcea.commands")
register_command = COMMANDS.register
# The names of commands that form a group: ``data-list`` is called as ``pcea data list``. Every
# other command is called by its name as it is.
GROUPS = ("bench-", "data-")

DataRoot = Annotated[
    Path | None,
    arg(metavar="DIR", help="The folder of data sets; None: $PCEA_DATA, else ./data."),
]
Device = Annotated[
    str | None, arg(metavar="DEVICE", help="Where to compute; None: the GPU if there is one.")
]


@dataclass(frozen=True, kw_only=True)
class ShapeFiles:
    """The options of a command that takes shapes."""

    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")] = ()
    """Meshes or clouds: files, folders or globs."""
    up: Literal["auto", UpAxis] = UP
    """The up axis; auto: it is guessed."""
    keep_strays: bool = False
    """Whether to keep isolated points, which are left out else."""
    device: Device = None


@dataclass(frozen=True, kw_only=True)
class OnFiles(ShapeFiles):
    """The options of a command that runs a model on shapes, one after the other."""

    weights: Annotated[str | None, arg(metavar="WEIGHTS")] = None
    """The model: a run folder, a .safetensors file or a name; None: the best that ships."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write a summary as JSON, too."""

    def batch(self, out: Path | None = None, written: Sequence[str] = ()) -> Batch:
        """Give the files; whatever can be refused before the work is done is refused."""
        check_json(self.json)
        return Batch(self.files, out, written)

    def write_summary(self, model: "PointModel", batch: Batch, **how: object) -> None:
        """Write what was found of all files as JSON, if that is wanted and there is any."""
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
    """The options of a command that draws shapes, too."""

    out: Annotated[Path, arg(metavar="DIR")]
    """The folder to write to."""
    background: Background = "white"
    """What is behind the shapes in pictures."""
    renderer: Renderer = "auto"
    """Who finds the triangles of meshes; auto: the faster one."""
