"""Pictures of explanations; what the command writes is tested with the command."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pcea.datasets.shapes import TAXONOMY
from pcea.explanation import explain
from pcea.formats import Mesh
from pcea.geometry import upright
from pcea.models import create_model
from pcea.pictures import Style
from pcea.pictures.explained import PICTURES, DrawnExplanation, save_explanation


def test_query_points_are_marked_where_they_are_drawn(ball: Mesh) -> None:
    torch.manual_seed(0)
    model = create_model("eat-tiny", TAXONOMY, num_points=64, attention="self")
    found = explain(model, ball, up="z", votes=1, importance=False, slots=3)
    drawn = DrawnExplanation(found, "", Style())
    panels = drawn.panels(found.gallery, [each.name for each in found.gallery])
    query = found.maps[found.gallery[0].layer].query
    assert query is not None and len(panels) == 3 and panels[0].mark is None
    for column, panel in zip(found.gallery[1:], panels[1:], strict=True):
        assert torch.equal(torch.as_tensor(panel.mark), upright(query[column.index - 1], "z"))
        corners = panel.shape.vertices  # type: ignore[union-attr]
        assert float((corners - panel.mark).norm(dim=1).min()) < 0.5  # of a ball of radius 3


def test_the_title_says_that_an_answer_is_unsure(
    ball: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []
    monkeypatch.setattr(PICTURES, "_entries", {"none": lambda drawn: titles.append(drawn.title)})
    torch.manual_seed(0)
    model = create_model("eat-tiny", TAXONOMY, num_points=64)
    for limits, unsure in ({}, ""), ({"probability": 1.01}, ", unsure"):
        model.info = replace(model.info, limits=limits)
        found = explain(model, ball, up="y", votes=1, importance=False, slots=1)
        save_explanation(found, tmp_path)
        ((name, probability),) = found.best()
        assert titles.pop() == f"ball: {name} ({100 * probability:.1f} %{unsure})"
