"""``pcea segment``: split shapes into parts."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg

from pcea.cli.command import Drawn, register_command
from pcea.cli.output import percent, say, say_table
from pcea.cli.weights import open_model
from pcea.defaults import SEGMENT_VOTES
from pcea.errors import InputError, checked

ENDINGS = (".npz", ".ply", ".glb", ".png")


@register_command("segment")
@checked(votes=1, smooth=0)
@dataclass(frozen=True, kw_only=True)
class Segment(Drawn):
    """Split meshes and clouds into parts.

    Writes for each file NAME.ply and NAME.glb, the shape colored by part; NAME.png, a picture of
    the shape and its parts; and NAME.npz, the labels of its points, or of its vertices and faces.
    """

    category: Annotated[str | None, arg(metavar="NAME")] = None
    """The category of the shapes; None: the model predicts it."""
    votes: int = SEGMENT_VOTES
    """How many samplings of a shape are averaged."""
    smooth: Annotated[int, arg(metavar="ROUNDS")] = 0
    """Rounds in which each face of a mesh takes the part of most of its neighbors."""

    def run(self) -> int:
        """Segment the files."""
        from pcea.formats import read
        from pcea.models import Segmenter
        from pcea.pictures import Style, choose_renderer, save
        from pcea.pictures.parts import part_figure, save_parts

        choose_renderer(self.renderer)
        batch = self.batch(self.out, ENDINGS)
        model = open_model(Segmenter, self.weights, self.device, self.keep_strays)
        if self.category is not None:
            model.info.taxonomy.category_id(self.category)
        style = Style(background=self.background, renderer=self.renderer)
        rows, complaints = list[tuple[str, ...]](), list[str]()
        for file, target in batch:
            with batch.trying(file):
                found = model.segment(read(file), self.category, self.votes, self.up, self.smooth)
                save_parts(found, target)
                try:
                    save(part_figure(found, style), f"{target}.png")
                except InputError as error:  # the labels are useful without a picture, too
                    complaints.append(f"{target}.png was not drawn: {error}")
                sure = found.category_probability
                batch.add(
                    *(file, found),
                    category=found.category,
                    category_probability=sure,
                    unsure=found.unsure,
                    doubts=found.doubts,
                    strangeness=found.strangeness,
                    points=len(found.part),
                    faces=None if found.face_part is None else len(found.face_part),
                    parts=found.shares,
                    **{each[1:]: f"{target}{each}" for each in ENDINGS},
                )
                how = "given" if sure is None else percent(sure)
                how += " (unsure)" if found.unsure else ""
                up = found.up + ("" if found.up_confidence is None else " (guessed)")
                head = str(file), found.category, how, up
                for part, share in found.shares.items():
                    rows.append((*head, part, percent(share)))
                    head = "", "", "", ""
        if rows:
            say_table(("file", "category", "sure", "up", "part", "share"), rows)
            for complaint in complaints:
                say(complaint)
            say(
                f"labels (.npz), colored shapes (.ply, .glb) and pictures (.png) are in {self.out};"
                " shares are those of a mesh's surface, or of a cloud's points"
            )
        self.write_summary(model, batch, votes=self.votes, smooth=self.smooth)
        return batch.status
