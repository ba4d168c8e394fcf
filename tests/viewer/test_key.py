"""What stands beside the picture, and that names from files are text and nothing else."""

from __future__ import annotations

from dataclasses import replace

from pcea.formats import Cloud
from pcea.models import PointModel
from pcea.viewer.key import describe, line, predicted
from pcea.viewer.paint import Legend, Range
from pcea.viewer.study import Study

EVIL = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_a_range_has_its_ends_and_its_colors() -> None:
    html = describe(Range("layer 0, slot 3", 0.00123456, 0.5))
    assert "layer 0, slot 3" in html and "≤ 0.00123" in html and "≥ 0.5" in html
    assert "rgb(68, 1, 84)" in html and "rgb(253, 231, 36)" in html  # viridis' ends
    assert "rgb(253, 231, 36)" not in describe(Range("saliency", -1, 1, "coolwarm"))


def test_a_legend_has_its_parts() -> None:
    html = describe(Legend("parts of Chair", (("leg", (1, 2, 3), 0.25),)))
    assert "parts of Chair" in html and "leg" in html
    assert "rgb(1, 2, 3)" in html and "25.0 %" in html


def test_names_are_text() -> None:
    for html in (
        line(EVIL),
        describe(Range(EVIL, 0, 1)),
        describe(Legend("", ((EVIL, (0, 0, 0), 1),))),
    ):
        assert EVIL not in html and ESCAPED in html


def test_nothing_to_say() -> None:
    assert line("") == "" and describe(None) == ""


def test_what_to_know_of_a_file_is_said(classifier: PointModel, ball: Cloud) -> None:
    study = Study(classifier, replace(ball, notes=(f"its author is {EVIL}",)))
    assert f"its author is {ESCAPED}" in predicted(study)
