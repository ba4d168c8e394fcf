"""The script that rebuilds the tables of docs/comparison.md and the accuracies in the README."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from pcea.attention import create_attention, list_attentions
from pcea.comparison.grid import read_entry
from pcea.errors import InputError
from pcea.recipes import get_recipe
from pcea.training.setup import check_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "reproduce.py"


@pytest.mark.parametrize("name", ["cls", "parts", "external", "claims", "full"])
def test_every_run_of_a_grid_can_be_trained(script: ModuleType, name: str) -> None:
    recipe = get_recipe(script.GRIDS[name].recipe)
    for attention in script.GRIDS[name].attentions:
        check_model(replace(recipe, **read_entry(attention, recipe).changes))
    page = script.PAGE.read_text()
    assert f"<!-- {name} -->\n" in page and f"<!-- end of {name} -->" in page


def test_a_table_goes_between_its_markers(script: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- a -->\nold\n<!-- end of a -->\nbelow\n")
    script.write_between(page, "a", "new")
    assert page.read_text() == "above\n<!-- a -->\nnew\n<!-- end of a -->\nbelow\n"
    with pytest.raises(InputError, match="has no place for b"):
        script.write_between(page, "b", "new")


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
