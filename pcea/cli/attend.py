"""``pcea attend``: what the attention of a model does on a file, or over a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from pcea.cli.batch import Batch
from pcea.cli.output import check_json, percent, say, track, write_json
from pcea.cli.targets import check_out, name_targets, refuse_inputs
from pcea.cli.weights import at_least_one, open_model, origin
from pcea.defaults import EXPLAIN_VOTES
from pcea.errors import InputError
from pcea.names import printable


@dataclass(frozen=True)
class Attend:
    """Show what a model's attention does: on meshes and clouds, or over a data set.

    For each file, the folder NAME holds gallery.png (the most telling slots of a layer),
    layers.png (some of every layer), importance.png (what decides the answer), attention.ply and
    attention.glb (the shape colored by one slot) and attention.npz (all values). For a data set,
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
    votes: Annotated[int, arg(metavar="V")] = EXPLAIN_VOTES
    """Files: how many samplings of a shape are averaged."""
    up: Literal["auto", "x", "-x", "y", "-y", "z", "-z"] = "auto"
    """Files: the up axis; auto: it is guessed."""
    background: Literal["white", "dark"] = "white"
    """What is behind the shapes."""
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

    def run(self) -> int | None:
        """Explain the files, or measure the slots on the data set."""
        at_least_one(
            slots=self.slots, votes=self.votes, repeats=self.repeats, batch_size=self.batch_size
        )
        check_json(self.json)
        if self.dataset is None:
            return self._explain_files()
        if self.files:
            raise InputError("files or --dataset: attend to one of them at a time")
        from pcea.cli.attend_dataset import attend_dataset

        attend_dataset(self)
        return None

    def _explain_files(self) -> int:
        """Explain each file and write what was found; give the exit status."""
        from pcea.explanation import explain
        from pcea.formats import Mesh, read
        from pcea.pictures.explained import SAVED, save_explanation

        check_out(self.out)
        batch = Batch(self.files)
        targets = name_targets(batch.files, self.out)
        refuse_inputs(batch.files, [target / name for target in targets for name in SAVED])
        model = open_model(self.weights, self.device, keep_strays=self.keep_strays)
        layer = len(model.encoder.layers) - 1 if self.layer is None else self.layer
        results = []
        for file, target in track(list(zip(batch.files, targets, strict=True))):
            with batch.trying(file):
                found = explain(
                    *(model, read(file)),
                    up=self.up,
                    votes=self.votes,
                    layer=layer,
                    slots=self.slots,
                    slot=self.slot,
                )
                (name, probability), shape = found.best()[0], found.shape
                answer = f"{name} ({percent(probability)})"
                save_explanation(
                    *(found, target),
                    title=f"{printable(file.name)}: {answer}",
                    background=self.background,
                    turntable=self.turntable,
                )
                sure = found.up_confidence
                how = "given" if sure is None else f"guessed, {percent(sure)} sure"
                say(f"{printable(str(file))}: {answer}, up {found.up} ({how}), in {target}")
                result: dict[str, Any] = {
                    "file": str(file),
                    "category": name,
                    "probability": probability,
                    "up": found.up,
                    "up_confidence": sure,
                    "vertices": len(found.on_shape),
                    "faces": len(shape.faces) if isinstance(shape, Mesh) else None,
                    "shown": [each.name for each in found.gallery],
                    "folder": str(target),
                    "notes": batch.tell(file, found),
                }
                results.append(result)
        if results and self.json is not None:
            described = {
                **origin(model, self.weights),
                "layer": layer,
                "votes": self.votes,
                "keep_strays": self.keep_strays,
                "files": results,
                "left_out": batch.left_out,
            }
            write_json(self.json, described)
        return batch.status
