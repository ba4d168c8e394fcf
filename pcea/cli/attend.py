"""``pcea attend``: what the attention of a model does on a file, or over a data set."""

from __future__ import annotations

from dataclasses import dataclass

from pcea.cli.attend_options import AttendOptions
from pcea.cli.output import check_json
from pcea.cli.weights import at_least_one
from pcea.errors import InputError


@dataclass(frozen=True)
class Attend(AttendOptions):
    """Show what a model's attention does: on meshes and clouds, or over a data set.

    For each file, the folder NAME holds gallery.png (the most telling slots of a layer),
    layers.png (some of every layer), importance.png (what decides the answer), attention.ply and
    attention.glb (the shape coloured by one slot) and attention.npz (all values). For a data set,
    there are slots.csv and slots.json (figures of every slot), and pictures of them.
    """

    def run(self) -> int | None:
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
            return None
        from pcea.cli.attend_files import attend_files

        return attend_files(self)
