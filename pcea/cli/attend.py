"""``pcea attend``: what the attention of a model does on a file, or over a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from pcea.cli.output import check_json
from pcea.cli.weights import at_least_one
from pcea.errors import InputError


@dataclass(frozen=True)
class Attend:
    """Show what a model's attention does: on meshes and clouds, or over a data set.

    For each file, the folder NAME holds gallery.png (the most telling slots of a layer),
    layers.png (some of every layer), importance.png (what decides the answer), attention.ply and
    attention.glb (the shape coloured by one slot) and attention.npz (all values). For a data set,
    there are slots.csv and slots.json (figures of every slot), and pictures of them.
    """

    out: Annotated[Path, arg(metavar="DIR")]
    """The folder to write to."""
    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")] = ()
    """Meshes or clouds: files, folders or globs."""
    weights: Annotated[str | None, arg(metavar="WEIGHTS")] = None
    """The model: a run folder, a .safetensors file or a name; None: the part segmenter."""

    layer: Annotated[int | None, arg(metavar="L")] = None
    """Files: the layer of the gallery, counted from 0; None: the last."""
    slot: Annotated[int | None, arg(metavar="S")] = None
    """Files: the slot that colours attention.ply, counted from 0; None: the most telling."""
    slots: Annotated[int, arg(metavar="K")] = 8
    """Files: how many slots the gallery shows."""
    votes: Annotated[int, arg(metavar="V")] = 4
    """Files: how many samplings of a shape are looked at."""
    up: Literal["auto", "x", "-x", "y", "-y", "z", "-z"] = "auto"
    """Files: the up axis; auto: the model guesses it."""
    background: Literal["white", "dark"] = "white"
    """What is behind the shapes."""
    renderer: Literal["auto", "egl", "raycast", "software"] = "auto"
    """Who draws; auto: the first that works."""
    turntable: bool = False
    """Files: whether to write turntable.gif, too."""

    dataset: Annotated[str | None, arg(metavar="NAME")] = None
    """Data set to measure the slots on, in place of files."""
    split: str = "val"
    """Data set: train, val, trainval or test."""
    data_root: Annotated[Path | None, arg(metavar="DIR")] = None
    """Data set: the folder of data sets; None: $PCEA_DATA, else ./data."""
    category: Annotated[str | None, arg(metavar="NAME")] = None
    """Data set: whose shapes to draw; None: the category that has the most."""
    repeats: Annotated[int, arg(metavar="R")] = 50
    """Data set: how many times labels are exchanged to know what chance gives."""
    batch_size: int = 32
    """Data set: clouds at a time."""
    seed: int = 0
    """Data set: of the points and of chance."""

    device: Annotated[str | None, arg(metavar="DEVICE")] = None
    """Where to compute; None: the GPU if there is one."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write a summary as JSON, too."""

    def run(self) -> None:
        """Look at the files or the data set."""
        at_least_one(
            slots=self.slots, votes=self.votes, repeats=self.repeats, batch_size=self.batch_size
        )
        check_json(self.json)
        if self.dataset is not None and self.files:
            raise InputError("files or --dataset: look at one of them at a time")
        if self.dataset is not None:
            from pcea.cli.attend_dataset import attend_dataset

            attend_dataset(self)
        else:
            from pcea.cli.attend_files import attend_files

            attend_files(self)
