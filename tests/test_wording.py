"""Spelling is American, and nobody is told to install the other project that is called pcea."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("pcea", "docs", "scripts", "tests", "examples")
ENDINGS = (".py", ".md", ".svg", ".html", ".yaml", ".toml", ".cff", ".txt", "")
VERBS = (
    "discret factor general initial maxim minim normal optim organ parallel quant random recogn "
    "regular serial special standard summar synchron token util vector visual"
)
BRITISH = re.compile(
    rf"\b\w*(?:{'|'.join(VERBS.split())})is(?:e|es|ed|er|ers|ing|ation|ations)\b"
    r"|\b\w*(?:colour|neighbour|behaviour|favour|flavour|honour)\w*"
    r"|\b\w*(?:artefact|catalogue|licence|analyse)\w*"
    r"|\b(?:un)?(?:label|model|travel|cancel|signal)l(?:ed|ing)\b"
    r"|\b(?:centres?|centred|centring|greys?|greyish|metres?|fulfil|whilst)\b",
    re.IGNORECASE,
)
# A title, and names that columns of users' files have.
AS_WRITTEN = ("*Colour schemes*", " colour colours ")
OTHER_PROJECT = re.compile(r"pip install (?:-\S+ )*['\"]?pcea(?![\w-])")


def files() -> Iterator[Path]:
    """Every text of the repository but this one."""
    yield from (path for path in ROOT.iterdir() if path.suffix in (".md", ".toml", ".cff"))
    yield ROOT / "data" / "README.md"
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in ENDINGS and path != Path(__file__):
                yield path


def found(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern stands, such as ``docs/files.md:3: colour``."""
    lines = []
    for path in files():
        text = path.read_text("utf-8")
        for phrase in AS_WRITTEN:
            text = text.replace(phrase, " ")
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            lines.append(f"{path.relative_to(ROOT)}:{line}: {match[0]}")
    return lines


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (BRITISH, "The colours of neighbours, normalised about a centre", 4),
        (BRITISH, "unlabelled grey, an optimiser's licence", 4),
        (BRITISH, "aria-labelledby centers promise noise precise exercise", 0),
        (OTHER_PROJECT, "pip install pcea; pip install -U 'pcea[las]'", 2),
        (OTHER_PROJECT, "pip install 'pcea-pointcloud[las]', pip install ., pip uninstall pcea", 0),
    ],
)
def test_the_patterns_find_what_they_should(
    pattern: re.Pattern[str], text: str, matches: int
) -> None:
    assert len(pattern.findall(text)) == matches


def test_spelling_is_american() -> None:
    assert found(BRITISH) == []


def test_nobody_is_told_to_install_the_other_project() -> None:
    assert found(OTHER_PROJECT) == []
