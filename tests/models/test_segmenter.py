"""The segmenter: its head against the published form, and its answers on a user's cloud."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.geometry import three_interpolate, unit_sphere
from pcea.models import Segmenter, create_model

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))


def build(name: str = "eat-seg-tiny", **options: Any) -> Segmenter:
    torch.manual_seed(0)
    model = create_model(name, PARTS, num_points=150, **options)
    assert isinstance(model, Segmenter)
    return model.eval()


@pytest.fixture
def pos(generator: torch.Generator) -> Tensor:
    return torch.rand(2, 300, 3, generator=generator)


@pytest.mark.parametrize("name", ["eat-seg-tiny", "eat-seg-simple"])
@torch.no_grad()
def test_the_head_is_the_published_one(name: str, pos: Tensor) -> None:
    model = build(name)
    category = torch.tensor([0, 1])
    levels = model.encoder(pos)
    fused = levels[-1].x
    context = torch.cat(
        [fused.amax(1), fused.mean(1), model.category(F.one_hot(category, 2).float())], dim=-1
    )
    finer = levels[: len(model.own) - 1]
    own = [three_interpolate(pos, level.pos, level.x) for level in (*finer, levels[-1])]
    x = torch.cat([*own, context.unsqueeze(1).expand(-1, 300, -1)], dim=-1)
    weights = [linear.weight for linear in model.own] + [model.context.linear.weight]
    x = model.context.activate(x @ torch.cat(weights, dim=1).T)
    expected = model.last(model.second(x))
    torch.testing.assert_close(model(pos, category=category), expected, rtol=1e-3, atol=1e-4)


def test_a_hidden_category_is_an_unknown_one(pos: Tensor) -> None:
    model = build(category_dropout=1.0)
    category = torch.tensor([0, 1])
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.train()
    torch.testing.assert_close(model(pos, category=category), model(pos))
    model.eval()
    assert not torch.equal(model(pos, category=category), model(pos))


def test_only_parts_of_the_category_compete(pos: Tensor) -> None:
    cloud = Cloud(pos[0])
    model = build()
    cup, chair = model.segment(cloud, "cup"), model.segment(cloud, "Chair")
    assert cup.category == "cup"
    assert set(cup.part.tolist()) <= {0, 1}
    assert cup.part.shape == cup.probability.shape == (300,)
    assert cup.probability.min() >= 0.5
    assert chair.part.tolist() == [2] * 300
    torch.testing.assert_close(chair.probability, torch.ones(300))


def test_an_unknown_category_is_found(pos: Tensor) -> None:
    model = build()
    with torch.no_grad():
        model.last.bias.copy_(torch.tensor([0.0, 0.0, 9.0]))
    assert model.segment(Cloud(pos[0])).category == "chair"
    with torch.no_grad():
        model.last.bias.copy_(torch.tensor([9.0, 0.0, 0.0]))
    assert model.segment(Cloud(pos[0])).category == "cup"


def test_it_says_how_much_speaks_for_the_category_it_found(pos: Tensor) -> None:
    model = build()
    cloud = Cloud(pos[0])
    found = model.segment(cloud, votes=1, up="y")
    with torch.no_grad():
        batch = model.sample(cloud)
        share = model(batch.pos, batch.normal).softmax(-1)[0].mean(0)  # cup, cup, chair
    expected = float(share[2] if found.category == "chair" else share[:2].sum())
    assert found.category_probability == pytest.approx(expected, abs=1e-6)
    assert model.segment(cloud, "cup").category_probability is None


def test_parts_of_an_unsure_category_are_taken_together_by_name(pos: Tensor) -> None:
    parts = ("cup/body", "cup/leg", "chair/leg", "chair/seat", "desk/leg", "desk/top")
    torch.manual_seed(0)
    model = create_model("eat-seg-tiny", Taxonomy(("cup", "chair", "desk"), parts), num_points=60)
    assert isinstance(model, Segmenter)
    with torch.no_grad():
        model.last.weight.zero_()
        model.last.bias.copy_(torch.tensor([0.25, 0.15, 0.2, 0.1, 0.2, 0.1]).log())
    cloud = Cloud(pos[0])
    legs = 0.15 + 0.2 + 0.2  # more than the body of the likeliest category, the cup
    for limits in ({}, {"probability": 0.3}):
        model.info = replace(model.info, limits=limits)
        found = model.segment(cloud, votes=2, up="y")
        assert found.category == "cup" and found.unsure == (False if limits else None)
        assert {found.taxonomy.parts[i] for i in found.part.tolist()} == {"cup/body"}
    model.info = replace(model.info, limits={"probability": 0.5})
    found = model.segment(cloud, votes=2, up="y")
    assert found.unsure and found.category == "cup" and found.shares == {"leg": 1.0}
    assert found.category_probability == pytest.approx(0.4)
    assert "less than 50 %" in " ".join(found.notes)
    probability = model.predict(cloud, votes=1, up="y").probability[:, [1, 2, 4]].sum(1)
    torch.testing.assert_close(probability, torch.full_like(probability, legs))
    assert model.segment(cloud, "chair", votes=1, up="y").unsure is None


def test_numbers_are_no_common_names(pos: Tensor) -> None:
    parts = ("cup/part0", "chair/part0", "chair/leg")
    model = create_model("eat-seg-tiny", Taxonomy(("cup", "chair"), parts), num_points=60)
    assert isinstance(model, Segmenter)
    with torch.no_grad():
        model.last.weight.zero_()
        model.last.bias.copy_(torch.tensor([0.35, 0.25, 0.4]).log())
    model.info = replace(model.info, limits={"probability": 0.9})
    assert model.segment(Cloud(pos[0]), votes=1, up="y").shares == {"leg": 1.0}


def test_every_point_is_answered(generator: torch.Generator) -> None:
    model = build()
    for count in (2, 40, 3000):
        cloud = Cloud(torch.rand(count, 3, generator=generator))
        assert len(model.segment(cloud, votes=2).part) == count


def test_refuses_unknown_categories_and_a_taxonomy_without_parts(pos: Tensor) -> None:
    with pytest.raises(InputError, match="no category 'cups'"):
        build().segment(Cloud(pos[0]), "cups")
    with pytest.raises(InputError, match="taxonomy with parts"):
        create_model("eat-seg-tiny", Taxonomy(("cup",)))


def test_each_sample_fills_the_unit_sphere_however_far_a_point_lies_that_is_not_in_it(
    generator: torch.Generator,
) -> None:
    cloud = Cloud(torch.cat([torch.rand(900, 3, generator=generator), torch.full((1, 3), 1e4)]))
    for seed in range(3):
        taken = build().sample(cloud, seed)
        if cloud.pos[-1] not in taken.cloud.pos:
            assert torch.equal(taken.pos[0], unit_sphere(taken.cloud.pos))


def halves() -> Mesh:
    """A box of 3,072 triangles, 1 wide and 2 high."""
    trimesh = pytest.importorskip("trimesh")
    box = trimesh.creation.box((1.0, 2.0, 1.0))
    for _ in range(4):
        box = box.subdivide()
    return Mesh(torch.tensor(box.vertices).float(), torch.tensor(box.faces))


class ByHeight(Segmenter):
    """Knows the answer: cup/a in the lower half, cup/b in the upper one, surer further away."""

    def forward(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        height = pos[..., 1]
        return torch.stack([-20 * height, 20 * height, torch.full_like(height, -9.0)], dim=-1)


def test_a_mesh_is_split_at_its_vertices_and_faces() -> None:
    mesh, model = halves(), build()
    model.__class__ = ByHeight
    found = model.segment(mesh, votes=3)
    assert found.category == "cup"
    assert len(found.sample) == len(found.sample_part) == 450
    seen = found.sample.pos[:, 1]
    sure = seen.abs() > 0.15  # a sample's middle is not quite the box's
    assert torch.equal(found.sample_part[sure], (seen[sure] > 0).long())
    height = mesh.vertices[:, 1]
    sure = height.abs() > 0.15
    assert torch.equal(found.part[sure], (height[sure] > 0).long())
    assert found.probability[height.abs() > 0.8].min() > 0.99
    assert found.face_part is not None
    assert found.face_probability is not None
    middle = mesh.vertices[mesh.faces][..., 1].mean(1)
    sure = middle.abs() > 0.15
    assert torch.equal(found.face_part[sure], (middle[sure] > 0).long())
    assert found.face_probability.min() >= 0.5
    assert found.face_probability.max() <= 1.0 + 1e-6


def test_a_lying_mesh_is_split_as_an_upright_one() -> None:
    mesh, model = halves(), build()
    model.__class__ = ByHeight
    expected = model.segment(mesh, votes=2)
    lying = Mesh(torch.stack([mesh.vertices[:, 0], -mesh.vertices[:, 2], mesh.vertices[:, 1]], 1),
                 mesh.faces)  # fmt: skip
    found = model.segment(lying, votes=2, up="z")
    assert found.face_part is not None and expected.face_part is not None
    assert (found.face_part == expected.face_part).float().mean() > 0.99
    with pytest.raises(InputError, match="no axis"):
        model.segment(lying, up="w")


def test_a_face_with_many_points_is_theirs() -> None:
    # Two triangles: the corners they share know less than the points on each.
    vertices = torch.tensor([[-1.0, 0, 0], [0, -1, 0], [0, 1, 0], [1, 0.0, 0]])
    mesh, model = Mesh(vertices, torch.tensor([[0, 1, 2], [3, 2, 1]])), build()
    model.__class__ = ByHeight
    found = model.segment(mesh, up="x")
    assert found.face_part is not None
    assert found.face_part.tolist() == [0, 1]


def test_a_cloud_has_no_faces(pos: Tensor) -> None:
    found = build().segment(Cloud(pos[0]), votes=2)
    assert found.face_part is None and found.face_probability is None
    assert len(found.sample) == len(found.sample_part) == 300
    with pytest.raises(InputError, match="votes is 0; it must be a whole number of at least 1"):
        build().segment(Cloud(pos[0]), votes=0)
