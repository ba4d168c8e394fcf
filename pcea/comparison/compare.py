"""Compare attentions: train each with several seeds, measure all alike, and write it down."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from pcea.comparison.faithful import measure_faithful
from pcea.comparison.grid import Entry, Grid, device_of
from pcea.comparison.kept import KeptRuns
from pcea.comparison.measures import (
    CLEAN,
    Measured,
    check_measurable,
    measure_costs,
    measure_run,
)
from pcea.comparison.page import write_comparison
from pcea.comparison.table import Comparison, Row
from pcea.datasets import load_dataset
from pcea.errors import InputError, checked
from pcea.formats import Cloud, ShapeLike, as_shape
from pcea.recipes import Recipe, get_recipe
from pcea.training.loop import fingerprint
from pcea.transforms.corruptions import CORRUPTIONS, read_conditions

# The splits that have clouds of the split that was trained on.
SEEN = {"train": ("train", "trainval"), "trainval": ("train", "val", "trainval")}


@checked(faithfulness=0)
def compare(
    recipe: Recipe | str | Path,
    attentions: Sequence[str],
    out: str | Path,
    seeds: Sequence[int] = (0, 1, 2),
    data_root: str | Path | None = None,
    *,
    split: str = "val",
    corrupt: Sequence[str] = ("modelnet-c:3",),
    shape: ShapeLike | None = None,
    kept: str | Path | None = None,
    faithfulness: int = 0,
) -> Comparison:
    """Train a recipe with several attentions and seeds, compare the results, and write them down.

    ``out`` gets the table (``table.md``), all figures (``figures.csv``, ``comparison.json``),
    pictures, and a page, ``index.html``. What it has already is not done again, so a comparison can
    be interrupted at any time, and extended by further attentions and seeds. Several processes may
    work in one folder. The weights of the last epoch are measured: no figure here chooses an epoch.

    Args:
        recipe: what is trained: a recipe, its name or its file. Its attention and seed are ignored.
        attentions: names of :func:`pcea.list_attentions`, with options if wanted, such as
            ``external(slots=64, tied=true)``. A value of the recipe may stand among the options,
            such as ``residual=add``. The others are compared with the first one.
        out: the folder of the comparison.
        seeds: the seeds of each attention.
        data_root: where data sets lie. Default: ``$PCEA_DATA``, else ``./data``.
        split: what the runs are measured on; it must have no cloud that they are trained on.
        corrupt: corruptions or sets of them, such as ``jitter:3``, or ``jitter`` for all
            severities; approximations of what needs more than points are left out; empty: none.
            Default: the seven of ModelNet-C at severity 3.
        shape: what the maps are drawn on. Default: the first cloud of the split.
        kept: a ``.json.gz`` file of measured runs: those of this recipe and these data are taken
            from it, and the runs of this comparison are added, also when it is interrupted. It has
            no weights, so that maps are drawn of other runs only. Default: none.
        faithfulness: on how many clouds of the split it is measured whether the maps are true, by
            the runs of the first seed, see :func:`pcea.explanation.measure_faithfulness`.

    Raises:
        InputError: a name, an option or a value is wrong, the split has clouds that are trained on,
            ``out`` has another recipe or was trained on other clouds, or a run there or in ``kept``
            was measured elsewhere, under other conditions.
        KeyboardInterrupt: Ctrl-C was pressed; the current run is saved first.
    """
    recipe = recipe if isinstance(recipe, Recipe) else get_recipe(str(recipe))
    corruptions = [each for word in corrupt for each in read_conditions(word)]
    if split in SEEN[recipe.train_split]:
        raise InputError(
            f"the runs are trained on the split {recipe.train_split}, so the figures of the split "
            f"{split} would be too good: name another one, such as test"
        )
    grid = Grid.create(recipe, attentions, seeds, Path(out))
    # All input is read before anything is trained, because training may take hours.
    data = load_dataset(grid.recipe.dataset, split, data_root)
    trained_on = load_dataset(grid.recipe.dataset, grid.recipe.train_split, data_root)
    training = fingerprint(trained_on)
    grid.check_data(training)
    del trained_on
    say = partial(Console(highlight=False).print, markup=False, soft_wrap=True)
    if shape is None:
        first = data.clouds[0]
        shape = Cloud(first.pos, normal=first.normal, name=first.names[0])
    shape = as_shape(shape)
    conditions = [CLEAN]
    for name, severity in dict.fromkeys(corruptions):
        if lacks := CORRUPTIONS.get(name).approximates(data.clouds, grid.recipe.num_points):
            say(f"left out, because it would be an approximation: {name}:{severity} ({lacks})")
        else:
            conditions.append(f"{name}:{severity}")

    faithful = dict[str, Any]()

    def measured(entry: Entry, seed: int) -> Measured:
        run, recipe = grid.run_of(entry, seed), grid.recipe_of(entry, seed)
        try:
            if faithfulness and seed == grid.seeds[0]:
                found = measure_faithful(run, recipe, data, faithfulness, device_of())
                if found is not None:
                    faithful[entry.label] = found
            return measure_run(run, recipe, data, conditions)
        except KeyboardInterrupt:
            reason = "what was measured is saved: the same command goes on"
            raise KeyboardInterrupt(reason) from None

    runs = None if kept is None else KeptRuns(Path(kept), grid, data, training, conditions)
    if runs is not None:
        runs.check()
        say(f"taken from {runs.file}, measured runs: {runs.take()}")
    done = [pair for pair in grid.pairs() if grid.is_done(*pair)]
    for pair in done:
        check_measurable(grid.run_of(*pair), data, conditions)
    try:
        for pair in done:
            measured(*pair)
        failed = grid.train(data_root, measured)
    finally:
        if runs is not None:
            runs.add()
    scores = dict[str, dict[int, Measured]]()
    for entry, seed in grid.pairs():
        if grid.is_done(entry, seed):
            scores.setdefault(entry.label, {})[seed] = measured(entry, seed)
    if runs is not None:
        runs.add()  # with what was trained before, and measured now
    labels = [entry.label for entry in grid.entries]
    if labels[0] not in scores:
        reasons = "; ".join(f"{run}: {reason}" for run, reason in failed.items())
        raise InputError(f"there is nothing to compare with: {reasons}")
    costs, machine = measure_costs(grid, data_root)
    rows = [Row(each, costs[each], scores[each]) for each in labels if each in scores]
    rows[1:] = [row.compared_with(rows[0]) for row in rows[1:]]
    found = Comparison(
        *(grid, split, len(data), tuple(conditions), tuple(rows), machine, failed),
        faithful={label: faithful[label] for label in labels if label in faithful},
        commits=grid.commits(),
    )
    write_comparison(found, shape)
    return found
