"""``pcea train``: train by a recipe, or resume a run."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from typing_extensions import Self
from tyro.conf import Positional, arg

from pcea.cli.command import DataRoot, register_command
from pcea.cli.output import say
from pcea.cli.parsing import given_options, parse
from pcea.errors import InputError
from pcea.recipes import RECIPES, TRANSFORM_OPTIONS, Recipe, get_recipe, set_transform

# What the help shows where no recipe is given.
BLANK: dict[str, Any] = {"dataset": "as in the recipe", "model": "as in the recipe"}


@register_command("train")
@dataclass(frozen=True, kw_only=True)
class Train(Recipe):
    """Train a model by a recipe, any of whose values an option replaces."""

    prog: ClassVar[str] = "pcea train"

    name: Annotated[Positional[str], arg(metavar="RECIPE", help_behavior_hint="")] = ""
    """Which recipe: its name, or its file, which ends in .yaml."""
    transforms: Annotated[tuple[str, ...], arg(metavar="'NAME(VALUES)' …")] = ()
    """Random changes to each training batch in turn, instead of the recipe's."""
    add_transforms: Annotated[tuple[str, ...], arg(metavar="'NAME(VALUES)' …")] = ()
    """Further transforms, after the others."""
    scale: Annotated[tuple[float, float] | None, arg(metavar="LOW HIGH")] = None
    """Bounds of the random stretch of each axis."""
    translate: Annotated[float | None, arg(metavar="FLOAT")] = None
    """Largest random move along each axis."""
    jitter: Annotated[float | None, arg(metavar="FLOAT")] = None
    """Standard deviation of noise on the coordinates."""
    rotate: Annotated[float | None, arg(metavar="FLOAT")] = None
    """Largest random turn about the upright axis, in degrees."""
    drop_points: Annotated[float | None, arg(metavar="FLOAT")] = None
    """Largest share of points that random input dropout takes."""
    out: Annotated[Path | None, arg(metavar="RUN")] = None
    """The run folder; None: runs/RECIPE-DATE-TIME."""
    data_root: DataRoot = None
    resume: Annotated[Path | None, arg(metavar="RUN")] = None
    """The folder of a run to resume, with its own recipe and data: give no recipe with it."""

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """Parse the options twice, the second time with the values of the recipe as defaults."""
        blank = cls(**BLANK)
        # The options may fit the recipe's epochs, which are not known yet.
        long = replace(blank, epochs=2**31 - 1)
        name = parse(cls, [w for w in words if w not in ("-h", "--help")], cls.prog, long).name
        if not name:
            return parse(cls, words, cls.prog, blank, description=_overview(cls.__doc__))
        recipe = get_recipe(name)
        parsed = parse(cls, words, cls.prog, cls(**vars(recipe)), description=_describe(recipe))
        return replace(parsed, name=recipe.name)

    @property
    def recipe(self) -> Recipe:
        """The recipe with the values of all options."""
        values = {each.name: getattr(self, each.name) for each in fields(Recipe)}
        for name in TRANSFORM_OPTIONS:
            if (value := getattr(self, name)) is not None:
                values["transforms"] = set_transform(values["transforms"], name, value)
        values["transforms"] = (*values["transforms"], *self.add_transforms)
        return Recipe(**values)

    def run(self) -> int | None:
        """Train."""
        if not self.name and self.resume is None:
            raise InputError(f"no recipe given: {self.prog} RECIPE, one of {', '.join(RECIPES)}")
        if self.resume is not None:
            blank = Train(**BLANK, resume=self.resume, data_root=self.data_root)
            for option in given_options(self, blank):
                what = repr(self.name) if option == "--name" else option
                raise InputError(f"--resume takes every value from the run: leave {what} out")
        from accelerate import PartialState

        from pcea.training import train

        if self.resume is not None:
            run = train(out=self.resume, data_root=self.data_root, resume=True)
        else:
            run = train(self.recipe, self.out, self.data_root)
        if PartialState().is_main_process:  # one of several that a launcher started
            say(f"done: {run.path} holds {run.best.name}, {run.metrics.name} and {run.report.name}")
        return None


def _describe(recipe: Recipe) -> str:
    return (
        f"{recipe.name}: {recipe.model} on {recipe.dataset}, {recipe.num_points} points, "
        f"{recipe.epochs} epochs"
    )


def _overview(does: str | None) -> str:
    recipes = "\n".join(f"    {_describe(recipe)}" for recipe in RECIPES.values())
    return f"{str(does).removesuffix('.')}:\n\n{recipes}"
