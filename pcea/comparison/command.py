"""``pcea compare``: train a recipe with several attentions and seeds, and compare them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tyro.conf import Suppress, arg

from pcea.cli.command import register_command
from pcea.cli.files import check_out
from pcea.cli.output import SOME_LEFT_OUT, say, say_table
from pcea.cli.train import Train
from pcea.errors import InputError
from pcea.recipes import RECIPES


@register_command("compare")
@dataclass(frozen=True, kw_only=True)
class Compare(Train):
    """Train a recipe with several attentions and seeds, and compare them."""

    prog: ClassVar[str] = "pcea compare"

    attentions: Annotated[tuple[str, ...], arg(name="attention", metavar="'NAME(OPTIONS)' …")] = ()
    """The attentions, such as external 'external(slots=16)' 'self(residual=add)'; the others are
    compared with the first one."""
    seeds: Annotated[tuple[int, ...], arg(metavar="INT …")] = (0, 1, 2)
    """The seeds of each attention."""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """The folder of the comparison. What it has already is not trained again."""

    split: str = "val"
    """What the runs are measured on: train, val, trainval or test."""
    corrupt: Annotated[tuple[str, ...], arg(metavar="NAME[:SEVERITY] …")] = ("modelnet-c:3",)
    """Corruptions, or sets of them, that the clouds are also measured under."""
    shape: Annotated[str | None, arg(metavar="FILE")] = None
    """The mesh or cloud that the maps are drawn on; None: the first cloud of the split."""

    faithfulness: Annotated[int, arg(metavar="CLOUDS")] = 0
    """On how many clouds it is measured whether maps are true, by the runs of the first seed."""
    kept: Annotated[Path | None, arg(metavar="FILE")] = None
    """A .json.gz file of measured runs: its runs are not trained again, and those of this
    comparison are added."""

    # What the options above say.
    attention: Annotated[str | None, Suppress] = None
    attention_options: Annotated[Mapping[str, Any], Suppress] = field(default_factory=dict)
    seed: Annotated[int, Suppress] = 0
    resume: Annotated[Path | None, Suppress] = None

    def run(self) -> int | None:
        """Compare."""
        if not self.name:
            raise InputError(f"no recipe given: {self.prog} RECIPE, one of {', '.join(RECIPES)}")
        if not self.attentions:
            from pcea.attention import list_attentions

            known = ", ".join(list_attentions())
            raise InputError(f"no attention given: --attention NAME …, such as {known}")
        if self.out is None:
            raise InputError("no folder given: --out DIR")
        check_out(self.out)
        if self.kept is not None and not self.kept.name.endswith(".json.gz"):
            raise InputError(f"--kept {self.kept} must end in .json.gz")
        from pcea.comparison.compare import compare

        found = compare(
            *(self.recipe, self.attentions, self.out, self.seeds, self.data_root),
            split=self.split,
            corrupt=self.corrupt,
            kept=self.kept,
            faithfulness=self.faithfulness,
            shape=self.shape,
        )
        titles, rows = found.table()
        say(f"{found.about}\n")
        say_table(titles, rows, numbers=len(titles) - 1)
        say("\n".join(["", *found.findings(), "", found.measured_on]))
        say(f"\ndone: {self.out} holds table.md, figures.csv, comparison.json and index.html")
        return SOME_LEFT_OUT if found.failed else None
