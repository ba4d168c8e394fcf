from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import trimesh

from pcea.datasets.shapes import build
from pcea.formats import Mesh, read

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "data" / "samples"
NAMES = sorted(path.name for path in SAMPLES.iterdir())


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_samples", ROOT / "scripts/make_samples.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rerun(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    script.main(folder)
    return folder


def test_samples_are_the_ones_the_script_writes(script: ModuleType, rerun: Path) -> None:
    assert sorted(script.SAMPLES) == NAMES == sorted(path.name for path in rerun.iterdir())
    assert all((SAMPLES / name).stat().st_size < 100_000 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_writes_the_same(name: str, rerun: Path) -> None:
    if name.endswith((".glb", ".stl")):
        # Full precision and, in GLB, trimesh's own header: equal only on one machine.
        one, other = (trimesh.load(folder / name, force="mesh") for folder in (SAMPLES, rerun))
        np.testing.assert_allclose(one.triangles, other.triangles, atol=1e-5)
    else:
        assert (SAMPLES / name).read_bytes() == (rerun / name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_samples_can_be_read(name: str, script: ModuleType) -> None:
    shape = read(SAMPLES / name)
    mesh = build(name.split(".")[0], script.SEED, script.SAMPLES[name][1])
    low, high = mesh.vertices.amin(0).numpy(), mesh.vertices.amax(0).numpy()
    pos = (shape.vertices if isinstance(shape, Mesh) else shape.pos).numpy()
    if isinstance(shape, Mesh):
        assert len(shape.faces) == len(mesh.faces)
        np.testing.assert_allclose([pos.min(0), pos.max(0)], [low, high], atol=1e-4)
    else:
        assert len(pos) == 1024
        assert (pos > low - 1e-3).all()
        assert (pos < high + 1e-3).all()
