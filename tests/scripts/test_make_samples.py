"""The samples that are made of solids."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import trimesh

import pcea

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "make_samples.py"


@pytest.mark.parametrize("name", ["bed", "bowl", "glasses", "knife"])
def test_solids_are_closed_and_face_outward(script: ModuleType, name: str) -> None:
    (make,) = (make for file, make in script.OWN.items() if Path(file).stem == name)
    for solid in make():
        mesh = trimesh.Trimesh(solid.vertices, solid.faces)
        assert mesh.is_watertight and mesh.volume > 0


def test_a_file_is_what_the_script_makes(script: ModuleType, tmp_path: Path) -> None:
    for file in ("bowl.stl", "stool.obj"):
        assert file in (*script.OWN, *script.BUILT)
    for name in (*script.OWN, *script.BUILT):
        assert (ROOT / "data" / "samples" / name).is_file()
    solids = script.OWN["knife.obj"]()
    count = sum(len(each.faces) for each in solids)
    shape = pcea.read(ROOT / "data" / "samples" / "knife.obj")
    assert isinstance(shape, pcea.Mesh) and len(shape.faces) == count
    vertices = np.concatenate([each.vertices for each in solids])
    np.testing.assert_allclose(shape.vertices.amax(0).numpy(), vertices.max(0), atol=1e-3)
