"""What may be imported where, beyond what import-linter sees in the source."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("open3d", "trimesh", "viser", "tyro")


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
