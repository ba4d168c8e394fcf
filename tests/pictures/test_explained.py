"""Pictures of explanations; what the command writes is tested with the command."""

import torch

from pcea.datasets.shapes import TAXONOMY
from pcea.explanation import explain
from pcea.formats import Mesh
from pcea.geometry import upright
from pcea.models import create_model
from pcea.pictures import Style
from pcea.pictures.explained import DrawnExplanation


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
