"""Panels of a shape's parts, checked on a square whose halves are two parts."""

import torch

from pcea.datasets import Taxonomy
from pcea.formats import Cloud, Mesh
from pcea.geometry import upright
from pcea.models import Segmentation
from pcea.pictures.palette import part_colors
from pcea.pictures.parts import part_panels
from pcea.pictures.refine import FineMesh

TAXONOMY = Taxonomy(("flag", "ball"), ("ball/all", "flag/left", "flag/right"), ((1, 2), (0,)))
COLORS = part_colors(3, TAXONOMY.parts_of)
SQUARE = Mesh(
    torch.tensor([[-1.0, 0, 0], [1, 0, 0], [1, 1, 0], [-1, 1, 0]]),
    torch.tensor([[0, 1, 2], [0, 2, 3]]),
    name="square",
)


def split(shape: Mesh | Cloud, up: str = "y") -> Segmentation:
    """What a perfect segmenter finds: the left half is one part, the right half another."""
    sample = shape.sample(4000)
    right = (sample.pos[:, 0] > 0).long()
    pos = shape.vertices if isinstance(shape, Mesh) else shape.pos
    part = 1 + (pos[:, 0] > 0).long()
    faces = {}
    if isinstance(shape, Mesh):
        faces = {"face_part": torch.tensor([2, 1]), "face_probability": torch.ones(2)}
    return Segmentation(
        shape=shape,
        taxonomy=TAXONOMY,
        part=part,
        probability=torch.ones(len(part)),
        category="flag",
        sample=sample,
        sample_part=1 + right,
        sample_probability=torch.nn.functional.one_hot(right, 2).float(),
        **faces,
        up=up,
    )


def test_a_coarse_mesh_shows_parts_that_meet_within_its_faces() -> None:
    (plain, parts), colors = part_panels(split(SQUARE))

    shape = parts.shape
    assert isinstance(shape, Mesh) and len(shape.faces) > 10_000
    assert plain.shape is shape and plain.colors is None and plain.title == "square"
    middle = shape.vertices[shape.faces].mean(1)[:, 0]
    clear = middle.abs() > 0.1
    expected = COLORS[1 + (middle > 0).long()]
    assert torch.equal(torch.as_tensor(parts.colors)[clear], expected[clear])
    assert colors == {part: COLORS[part].tolist() for part in (1, 2)}


def test_a_cloud_shows_the_part_of_each_point_whichever_way_is_up() -> None:
    cloud = SQUARE.sample(300)
    found = split(cloud, "z")
    (_, parts), _ = part_panels(found)

    assert isinstance(parts.shape, Cloud)
    assert torch.equal(parts.shape.pos, upright(cloud.pos, "z"))
    assert torch.equal(torch.as_tensor(parts.colors), COLORS[found.part])
    assert parts.title == "flag, z up"


def test_a_mesh_that_was_cut_is_lit_as_before_when_it_is_turned() -> None:
    (_, parts), _ = part_panels(split(SQUARE, "z"))

    assert isinstance(parts.shape, FineMesh) and parts.shape.normal is not None
    facing = parts.shape.normal
    torch.testing.assert_close(facing, torch.tensor([0.0, 1, 0]).expand_as(facing))
