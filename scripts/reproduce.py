#!/usr/bin/env python3
"""Train a recipe with several seeds, and print the mean and standard deviation of its figures.

    scripts/reproduce.py modelnet40-eat --seeds 0 1 2 --data-root data --out runs/eat
    scripts/reproduce.py shapenetpart-eat --seeds 0 1 2 --data-root data --out runs/eat-seg
    scripts/reproduce.py comparison --data-root data --out runs/comparison

The last one rebuilds all tables of docs/comparison.md and the accuracies in the README's table of
mechanisms by ``pcea.compare``, one grid after the other. The short grids take about half a day on
two CPU cores; ``full`` is meant for a GPU. ``--grids`` names single ones, and the same command goes
on where it was interrupted. It measures on the validation split unless
``--split`` names another. With ``--kept``, runs that docs/comparison has are not trained again, and
further runs are added there, with the score of every cloud.

With a recipe, each seed is trained on the training split only, its best epoch is chosen on the
validation split, and the chosen split is measured once, at the end. An interrupted run is resumed.
It is meant for a GPU, because the full recipes take days on a CPU.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml

from pcea import InputError, compare, evaluate, load_dataset, load_model, train
from pcea.comparison.faithful import faithfulness_text
from pcea.comparison.statistics import Difference
from pcea.comparison.table import NOTHING, Comparison, say_difference, spread
from pcea.defaults import FAITHFULNESS_CLOUDS
from pcea.formats import replacing
from pcea.recipes import Recipe, get_recipe
from pcea.training import RunFolder


class Section(NamedTuple):
    """A grid of docs/comparison.md; scripts/comparison_grids.yaml says what its values are."""

    recipe: str
    attentions: list[str]
    seeds: list[int]
    questions: dict[str, list[str]]
    epochs: int | None = None
    maps: bool = False


GRIDS_FILE = Path(__file__).with_name("comparison_grids.yaml")
GRIDS = {
    name: Section(**each) for name, each in yaml.safe_load(GRIDS_FILE.read_text("utf-8")).items()
}
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "comparison.md"
KEPT = ROOT / "docs" / "comparison"


def measure(recipe: Recipe, out: Path, data_root: str | None, split: str) -> dict[str, float]:
    """Train one seed, unless that is done, and measure the weights of its best epoch."""
    run = RunFolder(out)
    if not run.report.exists():
        train(recipe, out, data_root, resume=run.recipe.exists())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    clouds = load_dataset(recipe.dataset, split, data_root).clouds.to(device)
    return evaluate(load_model(run.best, device), clouds, recipe.num_points).figures()


def compare_all(
    grids: list[str],
    seeds: list[int] | None,
    epochs: int | None,
    data_root: str | None,
    out: Path,
    split: str,
    kept: bool,
) -> int:
    """Train and measure the grids, and put the table of each into the page when it is done.

    It returns how many runs failed.
    """
    failed = 0
    for name in grids:
        section = GRIDS[name]
        recipe = get_recipe(section.recipe)
        if (wanted := epochs or section.epochs) is not None:
            recipe = replace(recipe, epochs=wanted)
        # Grids of one recipe share their runs.
        file = KEPT / f"{section.recipe}-{split}.json.gz" if kept else None
        clouds = FAITHFULNESS_CLOUDS if section.maps else 0
        how: dict[str, Any] = {"split": split, "kept": file, "faithfulness": clouds}
        given = section.attentions, out / name, seeds or section.seeds
        found = compare(recipe, *given, data_root, **how)
        failed += len(found.failed)
        findings = "\n".join(f"- {each}" for each in found.findings())
        lines = [f"{found.about}.", found.text(), findings]
        lines += [f"{found.measured_on}.", answers(found, section.questions)]
        write_between(PAGE, name, "\n\n".join(lines))
        if found.faithful:
            write_between(PAGE, f"{name}, maps", faithfulness_text(found.faithful))
        print(f"{PAGE}: {name}")
        if name == "cls":
            trained = found.grid.seeds
            of = f"seed{'s' * (len(trained) > 1)} {', '.join(map(str, trained))}"
            title = f"accuracy on {recipe.dataset}, {split}, {of}, %"
            cells = {row.label: spread(row.figures(found.figure)) for row in found.rows}
            add_accuracies(ROOT / "README.md", title, cells)
    return failed


def answers(found: Comparison, questions: Mapping[str, Sequence[str]]) -> str:
    """Write the answer to each question as a row of a table, on clean and corrupted clouds."""
    rows = {row.label: row for row in found.rows}
    titles = "question", "compared", "clean (95 %)", "corrupted (95 %)", "clean / corrupted"
    lines = [f"| {' | '.join(titles)} |", "| --- | --- | ---: | ---: | --- |"]
    for question, (own, other) in questions.items():
        both: tuple[Difference | None, ...] = None, None
        if own in rows and other in rows:
            row = rows[own].compared_with(rows[other])
            both = row.difference, row.corrupted_difference
        said = (NOTHING if each is None else each.verdict for each in both)
        cells = question, f"`{own}` − `{other}`", *map(say_difference, both), " / ".join(said)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def add_accuracies(page: Path, title: str, cells: dict[str, str]) -> None:
    """Write a sixth column into the README's table of mechanisms, or replace the one it has."""
    table = split_at(page, "mechanisms")[1].strip()
    head, rule, *rows = ["|".join(line.split("|")[:6]) for line in table.splitlines()]
    lines = [f"{head}| {title} |", f"{rule}|---:|"]
    lines += [f"{row}| {cells.get(row.split('`')[1], NOTHING)} |" for row in rows]
    write_between(page, "mechanisms", "\n" + "\n".join(lines) + "\n")


def write_between(page: Path, name: str, text: str) -> None:
    """Replace what stands between the two markers of a name in a page."""
    before, _, after = split_at(page, name)
    with replacing(page) as file:
        file.write(f"{before}{text}\n{after}".encode())


def split_at(page: Path, name: str) -> tuple[str, str, str]:
    """Return a page up to the first marker of a name, between the markers, and from the second."""
    before, start, rest = page.read_text("utf-8").partition(f"<!-- {name} -->\n")
    text, end, after = rest.partition(f"<!-- end of {name} -->")
    if not start or not end:
        raise InputError(f"{page} has no place for {name}")
    return before + start, text, end + after


def main() -> None:
    """Read the command line, train, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", help="a recipe, or comparison")
    which = "default: 0 1 2, or those of the grid"
    parser.add_argument("--seeds", type=int, nargs="+", help=which)
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--data-root")
    parser.add_argument("--split", help="default: test, or val for the comparison")
    parser.add_argument("--out", type=Path, required=True, help="where one folder per seed is made")
    kept = "take runs from docs/comparison, and add others there"
    parser.add_argument("--kept", action="store_true", help=kept)
    parser.add_argument("--grids", nargs="+", choices=GRIDS, default=list(GRIDS))
    options = parser.parse_args()
    try:
        if options.recipe == "comparison":
            root, split = options.data_root, options.split or "val"
            seeds, epochs = options.seeds, options.epochs
            if options.kept and epochs is not None:
                raise InputError("--kept is for the recipes as they are: leave --epochs out")
            failed = compare_all(
                options.grids, seeds, epochs, root, options.out, split, options.kept
            )
            sys.exit(f"reproduce: runs that failed: {failed}" if failed else 0)
        seeds = options.seeds or [0, 1, 2]
        split = options.split or "test"
        recipe = get_recipe(options.recipe)
        if options.epochs is not None:
            recipe = replace(recipe, epochs=options.epochs)
        figures = [
            measure(
                replace(recipe, seed=seed),
                options.out / f"seed{seed}",
                options.data_root,
                split,
            )
            for seed in seeds
        ]
    except InputError as error:
        sys.exit(f"reproduce: {error}")
    except KeyboardInterrupt as interrupt:
        sys.exit(f"reproduce: interrupted: {interrupt or 'the same command goes on'}")
    results = {
        name: {
            "mean": statistics.mean(each[name] for each in figures),
            "deviation": statistics.stdev(each[name] for each in figures) if figures[1:] else None,
        }
        for name in figures[0]
    }
    found = {"recipe": recipe.name, "split": split, "seeds": seeds, **results}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
