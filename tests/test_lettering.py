"""Text in pictures: read as text, with whatever fonts are there."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from pcea import lettering
from pcea.lettering import families_for, letter, readable, width

NAMES = [
    "椅子.obj",
    "의자.ply",
    "стул.off",
    "κάθισμα",
    "🪑 chair 👩‍🚀.glb",
    "كرسي.stl",
    "a\tb\x07",
    "\ue000",
]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the fonts that matplotlib itself brings."""
    own = str(Path(font_manager.__file__).parent)
    fonts = [font for font in font_manager.fontManager.ttflist if font.fname.startswith(own)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)
    for kept in (lettering._installed, lettering._fonts_for):
        kept.cache_clear()
    yield
    for kept in (lettering._installed, lettering._fonts_for):
        kept.cache_clear()


def test_plain_text_stays() -> None:
    assert readable("chair 3.obj") == "chair 3.obj"
    assert readable("Stühle – α × β") == "Stühle – α × β"


def test_without_a_font_names_are_transliterated(bare: None) -> None:
    assert readable("椅子.obj") == "YiZi.obj"
    assert readable("의자") == "UiJa"
    assert readable("стул") == "стул"  # DejaVu Sans has Cyrillic
    assert readable("\ue000") == "U+E000"
    assert readable("👩\u200d🚀") == readable("👩") + readable("🚀")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_drawn_without_a_warning(name: str) -> None:
    figure = Figure()
    axes = figure.add_subplot(title=name)
    axes.set_yticks([0, 1], [name, "b"])
    figure.text(0.5, 0.5, name, parse_math=False)
    letter(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    assert figure.texts[0].get_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_letter_that_is_left_has_a_font(bare: None, name: str) -> None:
    text = readable(name)
    known: set[int] = set()
    for family in families_for(text):
        found = font_manager.findfont(font_manager.FontProperties(family=[family]))
        known |= lettering._letters(found)
    assert {ord(each) for each in text} <= known


def test_signs_of_east_asia_are_wider() -> None:
    assert width("ab") == 2
    assert width("椅子") > 3
