"""Files as people really have them, each written from a few lines, with the values it must give."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Mesh, read

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 2, 0]], float)
FACES = [[0, 1, 2], [0, 2, 3]]
# Sixteen bits of 0 and 1 half, as quantizing programs write them.
SHORTS = np.array([[0, 0, 0], [16384, 0, 0], [16384, 32767, 0], [0, 32767, 0]])


def two_parts(file: Any) -> Path:
    place = file.accessor(SHORTS, "i2", stride=8, normalized=True)
    mesh = file.mesh(file.primitive(place))
    file.tree["extensionsUsed"] = ["KHR_mesh_quantization"]
    file.tree["extensionsRequired"] = ["KHR_mesh_quantization"]
    big = {"mesh": mesh, "scale": [2, 2, 2]}
    file.show(file.node(**big), file.node(**big, translation=[10, 0, 0]))
    return file.write()


def normalized(file: Any) -> Path:
    place = file.accessor(SHORTS, "i2", stride=8, normalized=True)
    file.tree["extensionsRequired"] = ["KHR_mesh_quantization"]
    file.show(file.node(mesh=file.mesh(file.primitive(place)), scale=[2, 2, 2]))
    return file.write()


def instancing(file: Any) -> Path:
    copies = file.accessor([[0, 0, 0], [10, 0, 0], [20, 0, 0]])
    extension = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": copies}}}
    file.show(file.node(mesh=file.mesh(), extensions=extension))
    return file.write()


def mirror(file: Any) -> Path:
    file.show(file.node(mesh=file.mesh(), scale=[-1, 1, 1]))
    return file.write()


def fan(file: Any) -> Path:
    file.show(file.node(mesh=file.mesh(file.primitive(faces=[0, 1, 2, 3], mode=6))))
    return file.write()


def morph(file: Any) -> Path:
    up = file.accessor([[0, 0, 0], [0, 0, 0], [0, 0, 9], [0, 0, 0]])
    file.show(file.node(mesh=file.mesh(file.primitive(targets=[{"POSITION": up}]), weights=[1.0])))
    return file.write()


def space(file: Any) -> Path:
    file.show(file.node(mesh=file.mesh()))
    path = file.folder / "shape.gltf"
    path.write_text(file.gltf("my%20buffer.bin"))
    (file.folder / "my buffer.bin").write_bytes(file.binary)
    return path


def byte_order_mark(file: Any) -> Path:
    file.show(file.node(mesh=file.mesh()))
    path = file.folder / "shape.gltf"
    path.write_text(file.gltf(), encoding="utf-8-sig")
    return path


HALF = 16384 / 32767
QUANTIZED = 2 * np.array([[0, 0, 0], [HALF, 0, 0], [HALF, 1, 0], [0, 1, 0]])
CASES = {
    "glb/quantized_two_parts": (
        *(two_parts, np.concatenate((QUANTIZED, QUANTIZED + [10, 0, 0]))),
        [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]],
    ),
    "glb/quantized_normalized": (normalized, QUANTIZED, FACES),
    "glb/gpu_instancing": (
        *(instancing, np.concatenate([SQUARE + [x, 0, 0] for x in (0, 10, 20)])),
        [[k + 4 * copy for k in face] for copy in range(3) for face in FACES],
    ),
    "glb/mirror": (mirror, SQUARE * [-1, 1, 1], [[0, 2, 1], [0, 3, 2]]),
    "glb/fan_only": (fan, SQUARE, FACES),
    "glb/morph_weight1": (morph, SQUARE + [[0, 0, 0], [0, 0, 0], [0, 0, 9], [0, 0, 0]], FACES),
    "glb/uri_space": (space, SQUARE, FACES),
    "glb/bom": (byte_order_mark, SQUARE, FACES),
}


@pytest.mark.parametrize(("write", "pos", "faces"), CASES.values(), ids=CASES)
def test_a_case_gives_its_values(
    new: Callable[[], Any], write: Callable[[Any], Path], pos: np.ndarray, faces: list[list[int]]
) -> None:
    mesh = read(write(new()))
    assert isinstance(mesh, Mesh)
    assert np.array_equal(mesh.vertices.numpy(), pos.astype(np.float32))
    assert mesh.faces.tolist() == faces
    assert mesh.notes == () and mesh.normal is None and mesh.color is None


@pytest.mark.parametrize(
    ("extension", "file_says"),
    [
        ("EXT_meshopt_compression", "requires EXT_meshopt_compression"),
        ("KHR_draco_mesh_compression", "requires KHR_draco_mesh_compression"),
    ],
    ids=["glb/meshopt_required", "glb/draco_and_plain"],
)
def test_what_is_compressed_is_refused_by_name(
    new: Callable[[], Any], extension: str, file_says: str
) -> None:
    file = new()
    plain = file.primitive()
    packed: dict[str, Any] = file.primitive()
    for accessor in file.tree["accessors"][2:]:
        del accessor["bufferView"]
    packed["extensions"] = {extension: {"bufferView": 0, "attributes": {"POSITION": 0}}}
    file.show(file.node(mesh=file.mesh(plain, packed)))
    with pytest.raises(InputError, match=f"has no data but in {extension}"):
        read(file.write())
    file.tree["extensionsRequired"] = [extension]
    with pytest.raises(InputError, match=rf"{file_says}, .* save it without compression"):
        read(file.write())


def test_the_folder_of_cases_reads_as_the_cases_do(real_data: Path) -> None:
    folder = real_data / "cases" / "glb"
    assert folder.is_dir()
    for case, (_, pos, faces) in CASES.items():
        (path,) = folder.glob(f"{Path(case).name}.gl*")
        mesh = read(path)
        assert isinstance(mesh, Mesh)
        np.testing.assert_allclose(mesh.vertices.numpy(), pos, atol=1e-6)
        assert mesh.faces.tolist() == faces
    for name in ("meshopt_required", "draco_and_plain"):
        with pytest.raises(InputError, match="save it without compression"):
            read(folder / f"{name}.glb")
