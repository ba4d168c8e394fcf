"""The script that rebuilds the tables of docs/comparison.md and the accuracies in the README."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from pcea.attention import create_attention, list_attentions
from pcea.comparison.grid import read_entry
from pcea.comparison.measures import CLEAN, Cost
from pcea.comparison.table import Row
from pcea.errors import InputError
from pcea.recipes import get_recipe
from pcea.training.setup import check_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "reproduce.py"


@pytest.mark.parametrize("name", ["cls", "parts", "external", "claims", "full"])
def test_every_run_of_a_grid_can_be_trained(script: ModuleType, name: str) -> None:
    recipe = get_recipe(script.GRIDS[name].recipe)
    for attention in script.GRIDS[name].attentions:
        check_model(replace(recipe, **read_entry(attention, recipe).changes))
    labels = {read_entry(each, recipe).label for each in script.GRIDS[name].attentions}
    pairs = script.GRIDS[name].questions.values()
    assert all(set(pair) <= labels and len(set(pair)) == len(pair) == 2 for pair in pairs)
    page = script.PAGE.read_text()
    assert f"<!-- {name} -->\n" in page and f"<!-- end of {name} -->" in page


def test_a_table_goes_between_its_markers(script: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- a -->\nold\n<!-- end of a -->\nbelow\n")
    script.write_between(page, "a", "new")
    assert page.read_text() == "above\n<!-- a -->\nnew\n<!-- end of a -->\nbelow\n"
    with pytest.raises(InputError, match="has no place for b"):
        script.write_between(page, "b", "new")


def test_a_question_is_answered_by_the_difference_of_two_rows(script: ModuleType) -> None:
    def row(label: str, *right: int) -> Row:
        # Of ten clouds, so many are right with each seed; corrupted clouds are all wrong.
        scores = {
            seed: {
                CLEAN: {"scores": [1.0] * count + [0.0] * (10 - count)},
                "jitter:3": {"scores": [0.0] * 10},
            }
            for seed, count in enumerate(right)
        }
        return Row(label, Cost(1, 1.0, None, None), scores)

    found = SimpleNamespace(rows=[row("mean", 5, 6), row("self", 9, 10), row("halo", 10, 10)])
    questions = {"Better?": ("self", "mean"), "Trained?": ("self", "catt")}
    head, rule, *lines = script.answers(found, questions).splitlines()
    assert head.count("|") == rule.count("|") == 6 and len(lines) == 2
    assert lines[1] == "| Trained? | `self` − `catt` | – | – | – / – |"
    assert lines[0].startswith("| Better? | `self` − `mean` | +40.0 (")
    assert lines[0].endswith(") | +0.0 (+0.0 to +0.0) | better / no significant difference |")
    (line,) = script.answers(found, {"Worse?": ("self", "halo")}).splitlines()[2:]
    assert "| -5.0 (" in line and "| no significant difference / no" in line


def rows(page: Path) -> dict[str, list[str]]:
    """The cells of the table of mechanisms after the name, by name."""
    table = page.read_text().partition("<!-- mechanisms -->")[2].partition("<!-- end of ")[0]
    lines = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]
    return {name.strip("`"): cells for name, *cells in lines}


def test_the_readme_has_each_mechanism_with_its_parameters(script: ModuleType) -> None:
    table = rows(script.ROOT / "README.md")
    for name in list_attentions():
        attention = create_attention(name, 256)
        assert table[name][3] == f"{sum(each.numel() for each in attention.parameters()):,}"


def test_the_accuracies_are_the_last_column_of_the_readme(
    script: ModuleType, tmp_path: Path
) -> None:
    page = tmp_path / "README.md"
    page.write_bytes((script.ROOT / "README.md").read_bytes())
    script.add_accuracies(page, "accuracy", {"self": "81.0 ± 0.2"})
    script.add_accuracies(page, "accuracy", {"self": "82.0 ± 0.1"})
    before, after = rows(script.ROOT / "README.md"), rows(page)
    assert after.keys() == before.keys()
    assert all(cells[:4] == before[name][:4] for name, cells in after.items())
    last = {name: cells[4:] for name, cells in after.items()}
    assert last == {name: ["82.0 ± 0.1" if name == "self" else "–"] for name in before}
