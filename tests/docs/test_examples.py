"""The Python in the documentation runs, and its links lead somewhere."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
import torch

from pcea import testing
from pcea.attention import create_attention
from pcea.attention.base import ATTENTIONS
from pcea.datasets import check
from pcea.datasets.layout import DATASETS
from pcea.datasets.shapes import TAXONOMY
from pcea.evaluation.metrics import METRICS
from pcea.formats.raw import FORMATS
from pcea.models import create_model, save_model
from pcea.models.registry import MODELS
from pcea.training.methods.base import METHODS

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
# attention.md shows a file to be added, which its own folder's tests are about.
RUN = [
    "README.md",
    "docs/models.md",
    "docs/datasets.md",
    "docs/files.md",
    "docs/finetuning.md",
    "docs/pictures.md",
    "docs/plugins.md",
    "docs/segmentation.md",
    "docs/training.md",
]
by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the pages suppose it: the samples, and runs of both tasks."""
    torch.manual_seed(0)
    for run, name in (("mine", "eat-tiny"), ("parts", "eat-seg-tiny")):
        model = create_model(name, TAXONOMY, dataset="shapes", num_points=64)
        save_model(model, tmp_path / "runs" / run / "model.safetensors")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "samples").symlink_to(ROOT / "data" / "samples")
    monkeypatch.chdir(tmp_path)
    for registry in (ATTENTIONS, DATASETS, FORMATS, METHODS, METRICS, MODELS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    return tmp_path


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
@pytest.mark.parametrize("page", RUN)
def test_python_runs(
    page: str, workplace: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if page == "docs/pictures.md":
        request.getfixturevalue("open3d")  # skips it where the system lacks its libraries
    if page == "docs/plugins.md":
        # The checks take half a minute, and tests of their own run them with the same names.
        for name in ("check_attention", "check_dataset"):
            monkeypatch.setattr(testing, name, create_autospec(getattr(testing, name)))
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    assert blocks
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    if page == "README.md":
        vertices = len(names["chair"].vertices)
        assert [tuple(each.shape) for each in names["maps"]] == [(vertices, 64)] * 4
        assert "<script" in (workplace / "chair.html").read_text()
    if page == "docs/plugins.md":
        (name,), options = names["check_attention"].call_args
        assert create_attention(name, 8, **options)
        assert names["check_dataset"].call_args.args[0] in DATASETS
    if page == "docs/segmentation.md":
        assert names["found"].category == "chair"
    if page == "docs/models.md":
        assert names["found"].part.shape == (4096,)
    if page == "docs/datasets.md":
        report = check("gadgets", workplace / "data")
        assert report.totals == {"train": 48, "val": 16, "test": 16}
        assert report.parts == 4
        assert check("solids", workplace / "data").totals == {"train": 8, "val": 4}
    if page == "docs/finetuning.md":
        assert set(names["names"]) == {"ball", "box", "tube"}
    if page == "docs/training.md":
        assert names["model"].info.taxonomy.categories == ("ball", "box")
        assert "external-kmeans" in ATTENTIONS
    if page == "docs/files.md":
        there = torch.tensor([500001.12, 5400002.34, 150.0], dtype=torch.float64)
        assert torch.allclose(names["tower"].file_pos[1], there, rtol=0, atol=1e-6)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_folders_and_files_that_are_named_are_there(page: str) -> None:
    named = set(re.findall(r"`((?:pcea|tests|docs|scripts)/[\w./]+)`", (ROOT / page).read_text()))
    assert named
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


@by_name
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" in target:
            continue
        place, _, heading = target.partition("#")
        file = page.parent / place if place else page
        assert file.exists(), f"{page.name}: {target}"
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.M)
            anchors = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
            assert heading in anchors, f"{page.name}: {target}"
