"""A panel from outside is offered like the others."""

import pytest

from pcea.formats import Cloud
from pcea.models import PointModel
from pcea.viewer.document import of_study
from pcea.viewer.panels import PANELS, Columns, Panel, register_panel
from pcea.viewer.study import Study


@pytest.fixture
def height(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(PANELS, "_entries", dict(PANELS._entries))

    @register_panel("height")
    class Height(Panel):
        """The second coordinate of each sampled point, and its negative."""

        def choices(self, study: Study) -> tuple[str, ...]:
            return ("height",)

        def values(self, study: Study, choice: int) -> Columns:
            y = study.sample.pos[None, :, 1:2]
            return Columns("height", y * y.new_tensor([1.0, -1.0]), ("up", "down"), signed=("up",))

    return "height"


def test_it_is_offered_after_the_package_s_own(
    height: str, segmenter: PointModel, ball: Cloud
) -> None:
    assert list(Study(segmenter, ball).panels) == ["parts", "attention", "importance", height]


def test_it_is_on_the_page_on_disk(height: str, segmenter: PointModel, ball: Cloud) -> None:
    mode = of_study(Study(segmenter, ball))["modes"][-1]
    assert mode["name"] == height
    assert mode["stacks"][0]["columns"] == ("up", "down")
    assert mode["stacks"][0]["maps"] == ("coolwarm", "viridis")
