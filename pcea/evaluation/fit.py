"""Whether a model fits clouds and data sets: the same labels, or labels that can be translated."""

from torch import Tensor

from pcea.datasets.clouds import Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.errors import InputError
from pcea.models import PointModel, WrappedModel
from pcea.models.translated import translated


def fit_to(model: PointModel | WrappedModel, data: PointCloudDataset) -> PointModel | WrappedModel:
    """Give a model as it is measured on a data set: itself, or translated to the data's labels.

    A segmenter of the data set ``everyday`` is translated to each data set whose labels are in
    ``everyday.yaml``. Every original part is then predicted and scored, also those of categories
    that have one common name.

    Raises:
        InputError: the labels of the data set are neither the model's nor in that table.
    """
    if isinstance(model, PointModel) and model.info.taxonomy != data.taxonomy:
        model = translated(model, data.name, data.taxonomy) or model
    check_fit(model, data)
    return model


def check_labels(model: PointModel | WrappedModel, clouds: Clouds) -> None:
    """Refuse clouds without labels of the model's task, or with others than the model knows."""
    if not len(clouds):
        raise InputError("there are no clouds to evaluate")
    check_categories(model, clouds)
    if model.task == "segmentation":
        if clouds.part is None:
            raise InputError(f"no part labels to evaluate {model.info.name!r} by")
        require_part_labels(clouds)
        _check_known(model, "part", clouds.part, model.info.taxonomy.parts)


def check_categories(model: PointModel | WrappedModel, clouds: Clouds) -> None:
    """Refuse clouds of categories that the model does not know."""
    _check_known(model, "category", clouds.category, model.info.taxonomy.categories)


def _check_known(
    model: PointModel | WrappedModel, kind: str, label: Tensor, names: tuple[str, ...]
) -> None:
    if int(label.max()) >= len(names):
        raise InputError(f"{model.info.name!r} knows no {kind} {int(label.max())}")


def require_part_labels(clouds: Clouds) -> None:
    """Refuse clouds in which some points have no part label and others have."""
    if not clouds.all_labeled:
        raise InputError("some points have no part label, and no figure can be made of them")


def check_fit(model: PointModel | WrappedModel, data: PointCloudDataset) -> None:
    """Refuse a data set that lacks labels or whose labels are not those of the model's outputs."""
    theirs, own = data.taxonomy, model.info.taxonomy
    wrong = ""
    if theirs.categories != own.categories:
        extra = [name for name in theirs.categories if name not in own.categories]
        missing = [name for name in own.categories if name not in theirs.categories]
        if extra:
            wrong = f"category {extra[0]!r}, which the model does not know"
        else:
            wrong = f"no category {missing[0]!r}" if missing else "the categories in another order"
    elif model.task == "segmentation" and data.clouds.part is None:
        wrong = "no part labels, which a segmenter needs"
    elif model.task == "segmentation":
        for name, ids, known in zip(own.categories, theirs.parts_of, own.parts_of, strict=True):
            # A folder with some splits only may show fewer parts than the model was trained on.
            if any(i not in known or theirs.parts[i] != own.parts[i] for i in ids):
                wrong = f"other parts of {name!r} than the model"
                break
    if wrong:
        trained_on = f" (it was trained on {model.info.dataset!r})" if model.info.dataset else ""
        raise InputError(f"data set {data.name!r} has {wrong}{trained_on}")
