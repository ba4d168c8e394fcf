"""What a study says must be what the model says."""

import copy
from dataclasses import replace

import pytest
import torch

from pcea.explanation import importance
from pcea.formats import Cloud, Mesh
from pcea.models import PointModel, create_model, load_model
from pcea.models.prediction import UpGuess
from pcea.viewer.panels import Columns, Parts
from pcea.viewer.study import Study, title_of


def columns(study: Study, choice: int, panel: str = "attention") -> Columns:
    found = study.values(panel, choice)
    assert isinstance(found, Columns)
    return found


def test_the_model_runs_once(
    segmenter: PointModel, ball: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded, predict = [], segmenter.predict
    monkeypatch.setattr(
        type(segmenter), "predict", lambda self, *a, **k: encoded.append(1) or predict(*a, **k)
    )
    study = Study(segmenter, ball)
    first = study.values("attention"), study.values("parts"), study.prediction
    assert study.values("attention") is first[0] and study.values("parts") is first[1]
    assert len(encoded) == 1


def test_heads_are_kept_apart(classifier: PointModel, ball: Cloud) -> None:
    stack = columns(Study(classifier, ball), 0)
    assert stack.values.shape[0] == 2
    mean, *heads = stack.with_mean
    assert not torch.allclose(heads[0], heads[1])
    assert torch.allclose(mean, sum(heads) / 2, atol=1e-5)


def test_parts_are_those_of_segment(segmenter: PointModel, ball: Cloud) -> None:
    study = Study(segmenter, ball, votes=8)
    found = segmenter.segment(ball, up="y")
    parts = study.values("parts")
    assert isinstance(parts, Parts) and parts.title == f"parts of {found.category}"
    own = segmenter.info.taxonomy.parts_of[segmenter.info.taxonomy.category_id(found.category)]
    part = study.carry(parts.probability).argmax(-1)
    agree = (torch.tensor(own)[part] == found.part).float().mean()
    assert agree > 0.9
    assert parts.names == tuple(segmenter.info.taxonomy.parts[i].split("/")[1] for i in own)


def test_prediction_of_a_classifier(classifier: PointModel, ball: Cloud) -> None:
    study = Study(classifier, ball)
    assert "parts" not in study.panels
    expected = classifier.classify(ball, up="y")
    assert [name for name, _ in study.prediction] == [name for name, _ in expected]
    assert dict(study.prediction) == pytest.approx(dict(expected), abs=1e-5)
    assert set(study.panels["importance"][1]) == {"ball", "box"}


def test_importance_of_each_target(segmenter: PointModel, ball: Cloud) -> None:
    study = Study(segmenter, ball)
    _, targets = study.panels["importance"]
    for choice, target in enumerate(targets):
        found = columns(study, choice, "importance")
        assert found.title == f"importance for {target}"
        assert found.names == ("critical", "nearby", "saliency")
    assert importance(segmenter, ball, votes=1, up="y").target == targets[0]


def test_importance_of_an_unsure_shape_is_of_parts_that_the_model_has(
    segmenter: PointModel, ball: Cloud
) -> None:
    model = copy.deepcopy(segmenter)
    model.info = replace(model.info, limits={"probability": 1.01})
    with torch.no_grad():
        pos = model.sample(ball).pos
        model.last_layer.bias -= model(pos)[0].mean(0)
        model.last_layer.bias += torch.tensor([0.0, 0.0, 9.0, 9.0])  # a box, whatever it sees
        best = model(pos)[0, :, 2:].argmax(1)  # of its parts alone
    counts = [int((best == part).sum()) for part in range(2)]
    study = Study(model, ball, votes=1)
    assert study.explanation.unsure and study.explanation.parts.taxonomy.parts == ("low", "high")
    _, targets = study.panels["importance"]
    named = zip(counts, ("box/low", "box/high"), strict=True)
    assert list(targets) == [name for count, name in sorted(named, reverse=True) if count]
    for choice, target in enumerate(targets):
        assert columns(study, choice, "importance").title == f"importance for {target}"


def test_a_coarse_mesh_is_cut_finer_and_keeps_its_corners(
    segmenter: PointModel, cube: Mesh
) -> None:
    study = Study(segmenter, cube)
    assert isinstance(study.drawn, Mesh)
    assert len(study.drawn.faces) >= 5000
    assert set(map(tuple, cube.vertices.tolist())) < set(map(tuple, study.drawn.vertices.tolist()))
    assert torch.equal(study.sample.pos, study.explanation.sample.pos)


def test_auto_is_what_the_model_guesses(
    segmenter: PointModel, ball: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess = UpGuess((0.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    monkeypatch.setattr("pcea.models.orientation.find_up", lambda model, shape: guess)
    assert Study(segmenter, ball, up="auto").up == "z"


def test_the_title_names_the_mechanism(segmenter: PointModel, classifier: PointModel) -> None:
    assert title_of(segmenter) == "eat-seg-tiny, external attention"
    assert title_of(classifier) == "eat-tiny, self attention"
    assert title_of(create_model("eat-tiny", depth=0)) == "eat-tiny, no attention"
    assert title_of(load_model("parts-eat-tiny")) == "parts-eat-tiny, external attention"
