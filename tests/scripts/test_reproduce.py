"""The script that rebuilds the tables of docs/comparison.md."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from pcea.comparison.grid import read_entry
from pcea.errors import InputError
from pcea.recipes import get_recipe
from pcea.training.setup import check_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "reproduce.py"


@pytest.mark.parametrize("name", ["cls", "parts", "external"])
def test_every_run_of_a_grid_can_be_trained(script: ModuleType, name: str) -> None:
    recipe = get_recipe(script.GRIDS[name][0])
    for attention in script.GRIDS[name][1]:
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
