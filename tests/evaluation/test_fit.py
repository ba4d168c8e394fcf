"""A segmenter of the data set ``everyday``, measured by the labels of another one."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator

from pcea.datasets import Clouds, PointCloudDataset, Taxonomy
from pcea.datasets.everyday import everyday_taxonomy
from pcea.errors import InputError
from pcea.evaluation import PartResult, evaluate, fit_to
from pcea.models import PointModel, create_model, save_model
from pcea.models.translated import TranslatedModel

THEIRS = Taxonomy(
    ("CosegChair", "Chair"),
    ("CosegChair/part0", "CosegChair/part1", "CosegChair/part2")
    + ("Chair/arm", "Chair/backsupport", "Chair/leg", "Chair/support"),
)
SAME = {0: "chair/back", 1: "chair/seat", 2: "chair/leg", 3: "chair/arm", 4: "chair/back"}
SAME |= {5: "chair/leg", 6: "chair/seat"}
TINY: dict[str, Any] = {
    "depth": 1,
    "k": 4,
    "num": (16, 8),
    "fused": 16,
    "dims": (8, 8, 8),
    "hidden": (8, 8),
}


@pytest.fixture
def model() -> PointModel:
    torch.manual_seed(0)
    return create_model("eat-seg-tiny", everyday_taxonomy(), num_points=40, **TINY).eval()


@pytest.fixture
def data(generator: Generator) -> PointCloudDataset:
    pos = torch.nn.functional.normalize(torch.randn(4, 40, 3, generator=generator), dim=-1)
    category = torch.tensor([0, 1, 0, 1])
    part = torch.randint(0, 3, (4, 40), generator=generator) + 3 * category.unsqueeze(1)
    return PointCloudDataset(
        Clouds.from_dense(pos, category, part=part), THEIRS, "meshparts23", "test"
    )


@torch.no_grad()
def test_every_original_part_has_the_score_of_its_common_name(
    model: PointModel, data: PointCloudDataset
) -> None:
    fitted = fit_to(model, data)
    assert isinstance(fitted, TranslatedModel) and fitted.info.taxonomy == THEIRS
    batch, own = data.clouds.batch([0, 1]), model.info.taxonomy
    given = torch.full((2,), own.categories.index("chair"))
    expected = model(batch.pos, None, given)
    found = fitted(batch.pos, None, batch.category)
    assert found.shape == (2, 40, 7)
    for part, name in SAME.items():
        torch.testing.assert_close(found[..., part], expected[..., own.parts.index(name)])


def test_only_the_original_parts_of_the_category_compete(
    model: PointModel, data: PointCloudDataset
) -> None:
    """A chair without arms in its labels is not given any, however likely the model finds them."""
    arm = model.info.taxonomy.parts.index("chair/arm")
    with torch.no_grad():
        model.last_layer.bias[arm] = 100.0
    result = evaluate(fit_to(model, data), data.clouds, num_points=40)
    assert isinstance(result, PartResult)
    predicted = result.prediction.view(4, 40)
    assert set(predicted[[0, 2]].flatten().tolist()) <= {0, 1, 2}
    assert set(predicted[[1, 3]].flatten().tolist()) == {3}
    assert list(result.per_category) == ["CosegChair", "Chair"]


def test_categories_with_one_common_name_have_no_figure(
    model: PointModel, data: PointCloudDataset
) -> None:
    result = evaluate(fit_to(model, data), data.clouds, num_points=40, use_category=False)
    assert isinstance(result, PartResult) and result.category_probability is None


def test_a_model_of_these_labels_is_not_translated(data: PointCloudDataset) -> None:
    own = create_model("eat-seg-tiny", THEIRS, **TINY)
    assert fit_to(own, data) is own


def test_a_folder_of_another_name_is_not_translated(
    model: PointModel, data: PointCloudDataset
) -> None:
    """Its part0 may be anything."""
    data.name = "my-chairs"
    with pytest.raises(InputError, match="which the model does not know"):
        fit_to(model, data)


def test_a_translated_model_is_not_saved(
    model: PointModel, data: PointCloudDataset, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="save the model itself"):
        save_model(fit_to(model, data), tmp_path / "m.safetensors")


def test_other_labels_are_refused(model: PointModel, data: PointCloudDataset) -> None:
    data.taxonomy = Taxonomy(("Sofa", "Chair"), ("Sofa/leg", *THEIRS.parts[3:]))
    with pytest.raises(InputError, match="has category 'Sofa', which the model does not know"):
        fit_to(model, data)
    classifier = create_model("eat-tiny", Taxonomy(("cone",)), **TINY)
    with pytest.raises(InputError, match="which the model does not know"):
        fit_to(classifier, data)


def test_points_without_labels_are_not_measured(model: PointModel, data: PointCloudDataset) -> None:
    part = data.clouds.part
    assert part is not None
    part[5] = -1
    with pytest.raises(InputError, match="some points have no part label"):
        evaluate(fit_to(model, data), data.clouds, num_points=40)
