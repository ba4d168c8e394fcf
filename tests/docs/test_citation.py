"""CITATION.cff and CHANGELOG.md are of this version, and have what their formats ask for."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import pcea

ROOT = Path(__file__).parents[2]
# Of the Citation File Format 1.2.0: what must be there, and what else this file uses.
NEEDED = {"cff-version", "message", "title", "authors"}
MORE = {"type", "abstract", "version", "license", "keywords", "references"}
PERSON = {"family-names", "given-names"}
REFERENCE = {"type", "title", "authors", "journal", "year", "volume", "issue", "start", "end"}


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    return found


def test_the_citation_has_the_keys_of_its_format(citation: dict[str, Any]) -> None:
    assert set(citation) >= NEEDED and set(citation) <= NEEDED | MORE
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert citation["version"] == pcea.__version__
    assert citation["license"] == "Apache-2.0"
    assert all(isinstance(each, str) for each in (citation["version"], *citation["keywords"]))


def test_authors_and_references_are_whole(citation: dict[str, Any]) -> None:
    assert all(set(author) == {"name"} for author in citation["authors"])
    for reference in citation["references"]:
        assert set(reference) == REFERENCE | {"doi"}
        assert all(set(author) == PERSON for author in reference["authors"])
        assert isinstance(reference["year"], int)
        assert re.fullmatch(r"10\.\d{4,9}/\S+", reference["doi"])


def test_the_changelog_has_this_version_below_what_is_to_come() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "Unreleased" and pcea.__version__ in headings
    kinds = re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_what_goes_into_the_source_distribution_is_there() -> None:
    tomllib = pytest.importorskip("tomllib")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = build["targets"]["sdist"]["include"]
    assert {"/CHANGELOG.md", "/CITATION.cff", "/CONTRIBUTING.md"} <= set(included)
    assert [each for each in included if not (ROOT / each.strip("/")).exists()] == []
