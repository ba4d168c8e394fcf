"""What may be imported where, beyond what import-linter sees in the source."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("open3d", "trimesh", "tyro")


def run_python(code: str) -> str:
    """Run code in a Python of its own, which has imported nothing yet, and return what it says."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_pcea_is_light() -> None:
    code = f"import sys, pcea; print([name for name in {HEAVY} if name in sys.modules])"
    assert run_python(code).strip() == "[]"


def test_imports_where_only_torch_is_installed() -> None:
    # A module that is None in sys.modules cannot be imported.
    block = f"import sys; sys.modules.update(dict.fromkeys({HEAVY}))"
    floors = "pcea.models, pcea.explanation, pcea.training, pcea.evaluation, pcea.datasets"
    run_python(f"{block}; import {floors}")


ATTENTION = """
from pcea.attention.base import register_attention
from pcea.attention.self_attention import SelfAttention
@register_attention("mine")
class Mine(SelfAttention): ...
"""
MODEL = """
from pcea.models.classifier import Classifier
from pcea.models.registry import register_model
@register_model("mine", depth=1)
class Mine(Classifier): ...
"""


@pytest.mark.parametrize(
    ("folder", "code", "build"),
    [
        ("attention", ATTENTION, "pcea.create_model('eat-tiny', attention='mine')"),
        ("models", MODEL, "pcea.create_model('mine')"),
    ],
)
def test_a_file_in_the_folder_is_all_it_takes(
    tmp_path: Path, folder: str, code: str, build: str
) -> None:
    (tmp_path / "mine.py").write_text(code)
    # The folder as it would be with this file in it.
    run_python(
        "import importlib.util, sys\n"
        f"spec = importlib.util.find_spec('pcea.{folder}')\n"
        f"spec.submodule_search_locations.append({str(tmp_path)!r})\n"
        "sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "import pcea\n"
        "assert 'mine' in pcea.list_attentions() + pcea.list_models()\n"
        f"{build}\n"
    )
