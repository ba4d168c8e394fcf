"""``pcea attend``: what the attention of a model does on a file, or over a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from pcea.cli.command import OnFiles, register_command
from pcea.cli.output import busy, check_json, percent, say, say_table
from pcea.cli.weights import at_least_one, open_model, origin
from pcea.defaults import EXPLAIN_VOTES
from pcea.errors import InputError
from pcea.names import printable

if TYPE_CHECKING:
    from pcea.evaluation import SlotStatistics

# How many slots of a data set the table on stdout has; the files have all.
MOST_SLOTS = 12


@register_command("attend")
@dataclass(frozen=True, kw_only=True)
class Attend(OnFiles):
    """Show what a model's attention does: on meshes and clouds, or over a data set.

    For each file, the folder NAME holds gallery.png (the most telling slots of a layer),
    layers.png (some of every layer), importance.png (what decides the answer), attention.ply and
    attention.glb (the shape colored by one slot) and attention.npz (all values). For a data set,
    there are slots.csv and slots.json (figures of every slot), and pictures of them.
    """

    out: Annotated[Path, arg(metavar="DIR")]
    """The folder to write to."""

    layer: Annotated[int | None, arg(metavar="L")] = None
    """Files: the layer of the gallery, counted from 0; None: the last."""
    slot: Annotated[int | None, arg(metavar="S")] = None
    """Files: the slot that colors attention.ply, counted from 0; None: the most telling."""
    slots: Annotated[int, arg(metavar="K")] = 8
    """Files: how many slots the gallery has."""
    votes: Annotated[int, arg(metavar="V")] = EXPLAIN_VOTES
    """Files: how many samplings of a shape are averaged."""
    background: Literal["white", "dark"] = "white"
    """What is behind the shapes."""
    renderer: Literal["auto", "raycast", "software"] = "auto"
    """Who finds the triangles of meshes; auto: the faster one."""
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

    def run(self) -> int | None:
        """Explain the files, or measure the slots on the data set."""
        at_least_one(
            slots=self.slots, votes=self.votes, repeats=self.repeats, batch_size=self.batch_size
        )
        if self.dataset is None:
            return self._explain_files()
        if self.files:
            raise InputError("files or --dataset: attend to one of them at a time")
        check_json(self.json)
        self._measure_slots(self.dataset)
        return None

    def _explain_files(self) -> int:
        """Explain each file and write what was found; give the exit status."""
        from pcea.explanation import explain
        from pcea.formats import Mesh, read
        from pcea.pictures import choose_renderer
        from pcea.pictures.explained import save_explanation, saved_names

        choose_renderer(self.renderer)
        batch = self.batch(self.out, [f"/{name}" for name in saved_names()])
        model = open_model(self.weights, self.device, keep_strays=self.keep_strays)
        layer = len(model.encoder.layers) - 1 if self.layer is None else self.layer
        results = []
        for file, target in batch:
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
                    renderer=self.renderer,
                    turntable=self.turntable,
                )
                sure = found.up_confidence
                how = "given" if sure is None else f"guessed, {percent(sure)} sure"
                say(f"{file}: {answer}, up {found.up} ({how}), in {target}")
                results.append(
                    {
                        "file": str(file),
                        "category": name,
                        "probability": probability,
                        "up": found.up,
                        "up_confidence": sure,
                        "vertices": len(found.on_shape),
                        "faces": len(shape.faces) if isinstance(shape, Mesh) else None,
                        "shown": [each.name for each in found.gallery],
                        "folder": str(target),
                        "notes": batch.tell(file, found.notes),
                    }
                )
        self.write_summary(model, batch, results, layer=layer, votes=self.votes)
        return batch.status

    def _measure_slots(self, name: str) -> None:
        """Measure the slots on a data set and write what was found."""
        from pcea.datasets import load_dataset
        from pcea.evaluation import measure_slots
        from pcea.formats import write_json
        from pcea.pictures import Style, choose_renderer
        from pcea.pictures.explained.base import DPI
        from pcea.pictures.slots import save_slots

        choose_renderer(self.renderer)
        data = load_dataset(name, self.split, self.data_root)
        if self.category is not None:
            data.taxonomy.category_id(self.category)
        model = open_model(self.weights, self.device, keep_strays=self.keep_strays)
        with busy(f"{model.info.name} encodes {len(data)} clouds"):
            found = measure_slots(
                *(model, data.clouds.to(model.device), data.taxonomy),
                batch_size=self.batch_size,
                repeats=self.repeats,
                seed=self.seed,
            )
        summary = {
            **origin(model, self.weights),
            "dataset": data.name,
            "split": data.split,
            "keep_strays": self.keep_strays,
            **found.summary(),
        }
        write_json(self.out / "slots.json", summary)
        found.save_table(self.out / "slots.csv")
        say(
            f"{model.info.name} on {data.name} {data.split}: {found.clouds} clouds, "
            f"the attention takes {found.points} points of each"
        )
        _say_layers(found)
        _say_slots(found)
        style = Style(background=self.background, renderer=self.renderer, dpi=DPI)
        pictures = save_slots(found, model, data, self.out, self.category, style)
        say(f"{', '.join(['slots.csv', 'slots.json', *pictures])} are in {self.out}")
        if self.json is not None:
            write_json(self.json, summary)


def _say_layers(found: SlotStatistics) -> None:
    """Print one row per head."""
    say_table(
        ("layer", "head", "entropy", "strongest slot: NMI", "shuffled", "slabs", "above chance"),
        [
            (
                str(each.layer),
                str(each.head),
                f"{each.entropy:.2f}",
                _number(each.nmi),
                _number(each.shuffled_mean),
                _number(each.slabs_mean),
                "–" if each.above_chance is None else f"{100 * each.above_chance:.0f} % of slots",
            )
            for each in found.layers
        ],
        numbers=7,
    )


def _say_slots(found: SlotStatistics) -> None:
    """Print the most telling slots."""
    say_table(
        ("slot", "best part", "AUC", "NMI", "slabs", "lift", "agreement", "elsewhere", "entropy"),
        [
            (
                each.name,
                each.part or "–",
                _number(each.auc),
                _number(each.nmi, 3),
                _number(each.slabs_mean, 3),
                _number(each.lift, 3),
                _number(each.agreement),
                _number(each.agreement_elsewhere),
                _number(each.entropy),
            )
            for each in found.telling()[:MOST_SLOTS]
        ],
        numbers=7,
    )


def _number(value: float | None, digits: int = 2) -> str:
    """Write a figure, or a dash where it is not known."""
    return "–" if value is None else f"{value:.{digits}f}"
