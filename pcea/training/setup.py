"""Prepare a run: its data and its model, given by name or as objects."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from pcea.datasets import PointCloudDataset, load_dataset
from pcea.datasets.clouds import UNLABELED
from pcea.datasets.objects import as_datasets, hold_out
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.evaluation import check_fit
from pcea.evaluation.metrics import check_metrics
from pcea.models import PointModel, WrappedModel, create_model
from pcea.models.wrapped import wrap
from pcea.recipes import Recipe
from pcea.training.finetuning import freeze, initialize
from pcea.training.methods import create_method
from pcea.transforms import Transform, as_transforms
from pcea.transforms.base import TRANSFORMS

Splits = tuple[PointCloudDataset, PointCloudDataset | None]


def resolve(
    recipe: Recipe, model: Any, dataset: Any, transforms: Any
) -> tuple[Recipe, dict[str, str]]:
    """Put arguments that are names into the recipe, and describe those that are objects."""
    objects, values = dict[str, str](), dict[str, Any]()
    if isinstance(model, str):
        values["model"] = model
    elif model is not None:
        objects["model"] = f"{type(model).__module__}:{type(model).__qualname__}"
        values["model"] = objects["model"]
        if isinstance(model, PointModel):
            values |= {"model": model.info.name, "normals": model.encoder.normals}
    if dataset is not None and not isinstance(dataset, (str, Path)):
        name, kind = getattr(dataset, "name", None), type(dataset).__name__
        values["dataset"] = name if isinstance(name, str) and name else kind
        splits = dataset if isinstance(dataset, Mapping) else {"all": dataset}
        objects["dataset"] = ", ".join(f"{s}: {type(each).__name__}" for s, each in splits.items())
    else:
        values["dataset"] = place = str(recipe.dataset if dataset is None else dataset)
        if Path(place).name != place:  # so that the run can be resumed from any folder
            values["dataset"] = str(Path(place).expanduser().resolve())
    if transforms is not None:
        changes = as_transforms(transforms)
        values["transforms"] = tuple(map(str, changes))
        if not all(each.name in TRANSFORMS for each in changes):
            objects["transforms"] = ", ".join(values["transforms"])
    return replace(recipe, **values), objects


def load_splits(
    recipe: Recipe,
    data_root: str | Path | None,
    processes: int = 1,
    dataset: Any = None,
    notes: list[str] | None = None,
) -> Splits:
    """Load the training data and the held-out data; remarks on them are added to ``notes``.

    ``dataset`` is an object that replaces the data set of the recipe: one data set, of which a
    fifth is held out, or a mapping of ``train`` and ``val``.
    """
    held_out = None
    if dataset is not None:
        data, held_out = _given_splits(recipe, dataset, data_root, [] if notes is None else notes)
    else:
        data = load_dataset(recipe.dataset, recipe.train_split, data_root)
        if recipe.train_split == "train":
            held_out = load_dataset(recipe.dataset, "val", data_root)
    for split in (data, held_out):
        if split is None:
            continue
        if not len(split):
            raise InputError(f"data set {recipe.dataset!r} has no cloud in split {split.split!r}")
        check_normals(recipe, split)
    if held_out is not None and not held_out.clouds.all_labeled:
        raise InputError(
            f"data set {recipe.dataset!r}: points of split {held_out.split!r} have no part label, "
            "and no figure can be made of them"
        )
    own = min(recipe.batch_size, len(data)) // processes
    if own < 2:
        raise InputError(
            f"a step needs at least two clouds per device, for BatchNorm, but has {own}: "
            "raise --batch-size, or give more training clouds"
        )
    return data, held_out


def check_changes(data: PointCloudDataset, transforms: Sequence[Transform]) -> None:
    """Refuse transforms that do not fit the labels, and missing part labels that are needed."""
    for each in transforms:
        if each.categories not in (None, data.taxonomy.categories):
            raise InputError(
                f"{each} changes among the categories {', '.join(each.categories)}, and data set "
                f"{data.name!r} has others"
            )
    if data.clouds.all_labeled:
        return
    if mixing := [str(each) for each in transforms if each.mixes]:
        raise InputError(f"{mixing[0]} cannot mix clouds whose points have no part labels")
    assert data.clouds.part is not None
    owner = data.clouds.category.repeat_interleave(data.clouds.counts)
    for category in owner[data.clouds.part == UNLABELED].unique().tolist():
        if not data.taxonomy.parts_of[category]:
            name = data.taxonomy.categories[category]
            raise InputError(
                f"points of category {name!r} have no part labels, and the category has no parts"
            )


def _given_splits(
    recipe: Recipe, dataset: Any, data_root: str | Path | None, notes: list[str]
) -> Splits:
    everything = recipe.train_split == "trainval"
    if not isinstance(dataset, Mapping):
        (data,) = as_datasets({recipe.train_split: dataset}).values()
        if everything:
            return data, None
        train, val = hold_out(data, recipe.seed)
        notes.append(
            f"data: no validation split was given, so {len(val)} of {len(data)} clouds are held "
            f"out (seed {recipe.seed}), a fifth of each category"
        )
        return train, val
    wanted = ["train"] if everything else ["train", "val"]
    if set(dataset) != set(wanted):
        raise InputError(
            f"dataset has {', '.join(map(str, dataset)) or 'nothing'}, but train_split "
            f"{recipe.train_split!r} needs {' and '.join(wanted)}: give "
            "{'train': …, 'val': …}, or one data set, of which a part is held out"
        )
    given = {split: dataset[split] for split in wanted}
    for split, each in given.items():
        if isinstance(each, (str, Path)):
            given[split] = load_dataset(str(each), split, data_root)
    found = as_datasets(given)
    return found["train"], found.get("val")


def check_model(recipe: Recipe) -> None:
    """Refuse a model, metric, ``freeze``, ``init`` or method that is wrong for all data."""
    model = _create(recipe)
    check_metrics(recipe.metric, model.task)
    if recipe.init is not None:
        initialize(model, recipe.init)
    freeze(model, recipe.freeze)
    create_method(recipe, model, num_clouds=1)


def build_model(
    recipe: Recipe, data: PointCloudDataset, model: nn.Module | None = None
) -> PointModel | WrappedModel:
    """Make the recipe's model for a data set, freshly initialized, or take the one that is given.

    Raises:
        InputError: the recipe names an unknown model or option, the given model predicts something
            else, or the data lack part labels or normals that it needs.
    """
    check_normals(recipe, data)
    about: dict[str, Any] = {"dataset": data.name, "num_points": recipe.num_points}
    built: PointModel | WrappedModel
    if isinstance(model, PointModel):
        built = model
        # What calibration learned of its weights does not hold for others.
        built.familiarity = None
        built.info = replace(built.info, limits={}, category_temperature=1.0)
    elif model is not None:
        built = wrap(model, data.taxonomy, recipe.normals, **about)
    else:
        built = _create(recipe, data.taxonomy, **about)
    check_fit(built, data)
    built.info = replace(built.info, **about)
    return built


def _create(recipe: Recipe, taxonomy: Taxonomy | None = None, **about: Any) -> PointModel:
    options = {"normals": recipe.normals, **recipe.model_options}
    if recipe.attention is not None:
        options["attention"] = recipe.attention
    if recipe.attention_options:
        options["attention_options"] = dict(recipe.attention_options)
    if recipe.residual != "own":
        options["residual"] = recipe.residual
    return create_model(recipe.model, taxonomy, **about, **options)


def check_normals(recipe: Recipe, data: PointCloudDataset) -> None:
    """Refuse a recipe with normals if no point of a split has a normal; some may be unknown."""
    normal = data.clouds.normal
    if recipe.normals and (normal is None or not bool(normal.any())):
        raise InputError(
            f"data set {recipe.dataset!r} has no normals in split {data.split!r}, but recipe "
            f"{recipe.name!r} needs them: give --no-normals, or a data set with normals"
        )
