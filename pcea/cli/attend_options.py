"""What ``pcea attend`` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True)
class AttendOptions:
    """The options, each with its help."""

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
    """Files: the up axis; auto: it is guessed."""
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

    keep_strays: bool = False
    """Whether to keep isolated points, which are left out else."""
    device: Annotated[str | None, arg(metavar="DEVICE")] = None
    """Where to compute; None: the GPU if there is one."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write a summary as JSON, too."""
