"""``pcea attend``: the attention of a model on files, or over a data set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from pcea.cli.command import DataRoot, Drawn, register_command
from pcea.cli.files import check_out, spare_inputs
from pcea.cli.output import busy, percent, say, say_table
from pcea.cli.parsing import check_file, given_options
from pcea.cli.weights import open_model, origin
from pcea.defaults import EXPLAIN_VOTES
from pcea.errors import InputError, checked
from pcea.names import printable

if TYPE_CHECKING:
    from pcea.models import PointModel

FOR_FILES = "--up --layer --slot --slots --votes --turntable".split()
FOR_DATA_SETS = "--split --data-root --category --repeats --batch-size --seed".split()
# Slots of a data set in the table on stdout; the files have all of them.
MOST_SLOTS = 12
# The columns of the tables, by their names in slots.json.
OF_HEADS = "layer head entropy nmi shuffled_mean slabs_mean above_chance".split()
OF_SLOTS = "name part auc nmi slabs_mean lift agreement agreement_elsewhere entropy".split()


@register_command("attend")
@checked(slots=1, votes=1, repeats=1, batch_size=1)
@dataclass(frozen=True, kw_only=True)
class Attend(Drawn):
    """Draw a model's attention on meshes and clouds, or measure its slots over a data set.

    Writes for each file a folder NAME with gallery.png (the most telling slots of a layer),
    layers.png (some slots of every layer), importance.png (what decides the prediction),
    attention.ply and attention.glb (the shape colored by one slot) and attention.npz (all values).
    Writes for a data set slots.csv and slots.json (figures of every slot), and pictures of them.
    """

    map_kind: Literal["slots", "points"] | None = None
    """Which map to show of an attention that has both, such as catt; None: its default."""
    layer: Annotated[int | None, arg(metavar="L")] = None
    """Files: the layer of the gallery, counted from 0; None: the last."""
    slot: Annotated[int | None, arg(metavar="S")] = None
    """Files: the slot that colors attention.ply, counted from 0; None: the most telling."""
    slots: Annotated[int, arg(metavar="K")] = 8
    """Files: how many slots the gallery has."""
    votes: Annotated[int, arg(metavar="V")] = EXPLAIN_VOTES
    """Files: how many samplings of a shape are averaged."""
    turntable: bool = False
    """Files: whether to write turntable.gif, an animation of the shape, as well."""

    dataset: Annotated[str | None, arg(metavar="NAME")] = None
    """The data set to measure the slots on, instead of files."""
    split: str = "val"
    """Data set: train, val, trainval or test."""
    data_root: DataRoot = None
    category: Annotated[str | None, arg(metavar="NAME")] = None
    """Data set: the category to draw; None: the one with the most shapes."""
    repeats: Annotated[int, arg(metavar="R")] = 50
    """Data set: how many times labels are shuffled to measure what chance gives."""
    batch_size: int = 32
    """Data set: clouds per batch."""
    seed: int = 0
    """Data set: seed of the sampled points and of the shuffling."""

    def run(self) -> int | None:
        """Explain the files, or measure the slots on the data set."""
        from pcea.pictures import choose_renderer

        choose_renderer(self.renderer)
        if self.dataset is not None and self.files:
            raise InputError("files or --dataset: attend to one of them at a time")
        for option in given_options(self, Attend(out=self.out)):
            if self.dataset is None and option in FOR_DATA_SETS:
                raise InputError(f"{option} is for data sets: give --dataset, too, or leave it out")
            if self.dataset is not None and option in FOR_FILES:
                raise InputError(f"{option} is for files: leave it out with --dataset")
        if self.dataset is None:
            return self._explain_files()
        self._measure_slots(self.dataset)
        return None

    def _open_model(self) -> "PointModel":
        from pcea.models import PointModel

        model = open_model(PointModel, self.weights, self.device, self.keep_strays)
        if self.map_kind is not None:
            model.show_maps(self.map_kind)
        return model

    def _explain_files(self) -> int:
        """Explain each file, write the results, and return the exit status."""
        from pcea.explanation import explain
        from pcea.formats import Mesh, read
        from pcea.pictures.explained import save_explanation, saved_names

        batch = self.batch(self.out, [f"/{name}" for name in saved_names()])
        model = self._open_model()
        layer = len(model.encoder.layers) - 1 if self.layer is None else self.layer
        how: dict[str, Any] = {"up": self.up, "votes": self.votes, "layer": layer}
        how |= {"slots": self.slots, "slot": self.slot}
        for file, target in batch:
            with batch.trying(file):
                found = explain(model, read(file), **how)
                save_explanation(
                    *(found, target),
                    title=f"{printable(file.name)}: {found.answer}",
                    background=self.background,
                    renderer=self.renderer,
                    turntable=self.turntable,
                )
                sure = found.up_confidence
                known = "given" if sure is None else f"guessed, {percent(sure)} sure"
                say(f"{file}: {found.answer}, up {found.up} ({known}), in {target}")
                batch.add(
                    *(file, found),
                    category=found.category,
                    probability=found.best()[0][1],
                    unsure=found.unsure,
                    doubts=found.doubts,
                    strangeness=found.strangeness,
                    vertices=len(found.on_shape),
                    faces=len(found.shape.faces) if isinstance(found.shape, Mesh) else None,
                    shown=[each.name for each in found.gallery],
                    folder=str(target),
                )
        self.write_summary(model, batch, layer=layer, votes=self.votes)
        return batch.status

    def _measure_slots(self, name: str) -> None:
        """Measure the slots on a data set and write the results."""
        from pcea.datasets import load_dataset
        from pcea.evaluation import measure_slots
        from pcea.formats import write_json
        from pcea.pictures import Style
        from pcea.pictures.explained import DPI
        from pcea.pictures.slots import save_slots

        check_file(json=self.json)
        spare_inputs([self.weights], json=self.json)
        check_out(self.out)
        data = load_dataset(name, self.split, self.data_root)
        if self.category is not None:
            data.taxonomy.category_id(self.category)
        model = self._open_model()
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
        _say_figures(OF_HEADS, found.layers)
        _say_figures(OF_SLOTS, found.telling()[:MOST_SLOTS])
        style = Style(background=self.background, renderer=self.renderer, dpi=DPI)
        pictures = save_slots(found, model, data, self.out, self.category, style)
        say(f"{', '.join(['slots.csv', 'slots.json', *pictures])} are in {self.out}")
        if self.json is not None:
            write_json(self.json, summary)


def _say_figures(names: Sequence[str], owners: Iterable[object]) -> None:
    """Print a table with one row per owner, with a dash for an unknown figure."""

    def cell(value: Any) -> str:
        if value is None:
            return "–"
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    rows = [[cell(getattr(each, name)) for name in names] for each in owners]
    say_table([name.replace("_", " ") for name in names], rows, numbers=7)
