"""The pages that list what the package has must list what it has."""

from pathlib import Path

import pytest

from pcea.attention import list_attentions
from pcea.datasets.layout import DATASETS
from pcea.models import create_model, list_models
from pcea.recipes import RECIPES, Recipe

DOCS = Path(__file__).parents[2] / "docs"
TRAINING = DOCS / "training.md"
HEAD = (
    "| recipe | data set | model | points | epochs | batch | optimizer, rate, decay | others |\n"
    "|---|---|---|---|---|---|---|---|"
)


def row(recipe: Recipe) -> str:
    """A recipe's line in the table of docs/training.md."""
    many = len(recipe.transforms) > 4
    changes = [f"{len(recipe.transforms)} transforms, see its file"] if many else recipe.transforms
    others = [*changes, f"smoothing {recipe.label_smoothing:g}"]
    others += [
        f"{word} {value:g}"
        for word, value in (
            ("balance", recipe.balance),
            ("ema", recipe.ema),
        )
        if value
    ]
    others += [f"from `{recipe.init}`"] * (recipe.init is not None)
    others += [f"{name} {value}" for name, value in recipe.model_options.items()]
    others += ["normals"] * recipe.normals
    others += [f"again from epoch {epoch} on" for epoch in recipe.restarts]
    others += [f"{recipe.precision} precision"] * (recipe.precision != "auto")
    optimizer = {"adamw": "AdamW", "sgd": "SGD"}[recipe.optimizer]
    rate = f"{optimizer}, {recipe.lr:g}, {recipe.weight_decay:g}"
    cells = (
        f"`{recipe.name}`",
        f"`{recipe.dataset}`",
        f"`{recipe.model}`",
        f"{recipe.num_points:,}",
        str(recipe.epochs),
        str(recipe.batch_size),
        rate,
        ", ".join(others),
    )
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """The whole table, to be pasted where it no longer fits."""
    return "\n".join([HEAD, *map(row, RECIPES.values())])


def test_the_recipes_stand_in_the_docs() -> None:
    assert table() in TRAINING.read_text(), f"docs/training.md needs this table:\n{table()}"


@pytest.mark.parametrize("name", list_models())
def test_the_models_stand_in_the_docs(name: str) -> None:
    model = create_model(name)
    count = sum(parameter.numel() for parameter in model.parameters())
    start = f"| `{name}` | {model.task} | {count:,} |"
    assert start in (DOCS / "models.md").read_text(), f"docs/models.md needs a line {start} …"


@pytest.mark.parametrize("name", [*list_attentions(), *DATASETS.names()])
def test_attentions_and_data_sets_stand_in_the_docs(name: str) -> None:
    assert any(f"`{name}`" in page.read_text() for page in DOCS.glob("*.md"))
