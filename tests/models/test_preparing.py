"""What every model does before its network: checks, stray points, normals."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.explanation import importance
from pcea.formats import Cloud, Mesh
from pcea.geometry import unit_sphere
from pcea.models import PointModel, create_model

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))
MODELS = ("eat-tiny", "eat-seg-tiny")


def build(name: str, **options: Any) -> PointModel:
    """A model with the statistics of a batch, so that its answers differ."""
    torch.manual_seed(0)
    model = create_model(name, PARTS, num_points=400, **options)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    pos = ball(4)
    model(pos, pos)
    return model.eval()


def ball(batch: int, num: int = 400) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return normalize(torch.randn(batch, num, 3, generator=generator), dim=-1)


def with_far_points(pos: Tensor) -> Tensor:
    """The last 5 points of each cloud far from the others, the whole in the unit sphere."""
    pos = pos.clone()
    pos[:, -5:] *= torch.tensor([3.0, 4, 5, 6, 7])[:, None]
    return unit_sphere(pos)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[0], r"\(400, 3\): give a batch, as pos\[None\]"),
        (lambda p: p.mT, r"\(B, 3, N\), transpose it"),
        (lambda p: torch.cat([p, p], -1), r"give the normals apart"),
        (lambda p: p[:0], "nothing to encode"),
        (lambda p: p[:, :0], "nothing to encode"),
        (lambda p: p > 0, "must be real numbers"),
        (lambda p: p.cfloat(), "must be real numbers"),
        (lambda p: p.numpy(), "must be a tensor, not ndarray"),
        (lambda p: p.index_fill(1, torch.tensor([7, 9]), torch.nan), "cloud 0 .* at 2 of its 400"),
        (lambda p: torch.cat([p, p / 0]), "cloud 2 is NaN or infinite"),
        (lambda p: p * 0 + 0.5, "all points of cloud 0 are equal"),
        (lambda p: p * 1000, "reach .* in the unit sphere: scale it"),
        (lambda p: p + 5e6, "reach .* in the unit sphere: scale it"),
        (lambda p: p * 1e-3, "reach .* in the unit sphere: scale it"),
        (lambda p: p.to("meta"), "pos is on meta, the model is on cpu"),
    ],
)
def test_what_is_no_batch_of_clouds_is_refused(name: str, change: Any, message: str) -> None:
    for model in (build(name), build(name).train()):
        if model.training and "reach" in message:
            continue
        with pytest.raises(InputError, match=message) as caught:
            model(change(ball(2)))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"normal": torch.rand(2, 400, 2)}, r"normal must have shape \(2, 400, 3\)"),
        ({"category": torch.zeros(3, dtype=torch.long)}, r"category must have shape \(2,\)"),
        ({"category": torch.zeros(2)}, "category must be whole numbers"),
        ({"mask": torch.ones(2, 400)}, "mask must be bool"),
        ({"mask": torch.zeros(2, 400, dtype=torch.bool)}, "cloud 0 of the batch has no point"),
        (
            {"normal": torch.rand(2, 400, 3, device="meta")},
            "normal is on meta, the model is on cpu",
        ),
    ],
)
def test_what_does_not_fit_the_positions_is_refused(
    name: str, more: dict[str, Tensor], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build(name, normals=True)(ball(2), **more)


def test_a_category_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match=r"category 2 .* 0 to 1"):
        build("eat-seg-tiny")(ball(2), category=torch.tensor([0, 2]))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@torch.no_grad()
def test_positions_of_any_real_type_are_the_same_cloud(name: str, dtype: torch.dtype) -> None:
    model, pos = build(name), ball(2).to(dtype)
    assert torch.equal(model(pos), model(pos.float()))


@pytest.mark.parametrize("name", MODELS)
def test_whole_numbers_are_positions(name: str) -> None:
    corners = torch.cartesian_prod(*[torch.arange(-1, 2)] * 3)[None]
    assert torch.equal(build(name)(corners), build(name)(corners.float()))


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_far_points_are_left_out_unless_they_are_asked_for(name: str) -> None:
    model, pos = build(name), ball(2)
    dirty = with_far_points(pos)
    ready, answer = model.prepare(dirty).pos, model(dirty)
    torch.testing.assert_close(ready[:, :-5], unit_sphere(pos[:, :-5]), rtol=0, atol=1e-5)
    assert torch.equal(model.prepare(pos).pos, pos)
    model.clean = False
    assert torch.equal(model(ready), answer)
    assert not torch.allclose(model(dirty), answer, rtol=0.1)


@torch.no_grad()
def test_a_left_out_point_gets_the_scores_of_its_nearest_kept_one() -> None:
    model = build("eat-seg-tiny")
    dirty = with_far_points(ball(1))
    scores = model(dirty)[0]
    distance = torch.cdist(dirty[0, -5:], dirty[0, :-5])
    assert torch.equal(scores[-5:], scores[distance.argmin(1)])


@pytest.mark.parametrize("name", MODELS)
def test_training_leaves_every_point_where_it_is(name: str) -> None:
    model, dirty = build(name).train(), with_far_points(ball(2))
    assert torch.equal(model.prepare(dirty).pos, dirty)


@pytest.mark.parametrize("name", MODELS)
def test_normals_that_are_needed_are_never_zeros(name: str) -> None:
    model, pos = build(name, normals=True), ball(2, 400)
    normal = model.prepare(pos).normal
    assert normal is not None
    torch.testing.assert_close(normal.norm(dim=-1), torch.ones(2, 400))
    assert ((normal * pos).sum(-1) > 0.8).float().mean() > 0.99  # a ball's point outward
    assert torch.equal(model(pos), model(pos, normal))
    assert torch.equal(model(pos, torch.zeros_like(pos)), model(pos))
    with pytest.raises(InputError, match="there are none to train on"):
        model.train()(pos)


def test_a_model_without_normals_wants_none() -> None:
    model, pos = build("eat-tiny"), ball(2)
    assert model.prepare(pos).normal is None


def test_normals_that_are_known_stay_and_tell_the_side_of_the_others() -> None:
    model, pos = build("eat-tiny", normals=True), ball(2)
    inward = -pos
    inward[0, 10:] = 0
    found = model.prepare(pos, inward).normal
    assert found is not None
    assert torch.equal(found[0, :10], inward[0, :10])
    assert torch.equal(found[1], inward[1])
    assert ((found[0] * -pos[0]).sum(-1) > 0.8).float().mean() > 0.99


def test_padding_is_neither_stray_nor_asked_for_normals() -> None:
    model, pos = build("eat-tiny", normals=True), ball(1)
    padded = torch.cat([pos, torch.full((1, 50, 3), 50.0)], 1)
    mask = torch.arange(450)[None] < 400
    ready = model.prepare(padded, mask=mask)
    assert ready.normal is not None and ready.stand_in is not None
    assert torch.equal(ready.pos[:, :400], pos)
    torch.testing.assert_close(ready.normal[:, :400], model.prepare(pos).normal)
    assert torch.equal(ready.stand_in[0, :400], torch.arange(400))


@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_the_positions(name: str) -> None:
    model, pos = build(name, normals=True), with_far_points(ball(1)).requires_grad_()
    model(pos).square().sum().backward()
    assert pos.grad is not None and pos.grad.isfinite().all()
    assert (pos.grad[0, -5:] == 0).all()  # a stray says nothing


@pytest.mark.parametrize("name", MODELS)
def test_what_was_done_is_said(name: str) -> None:
    model = build(name, normals=True)
    dirty = Cloud(with_far_points(ball(1))[0] * 300 + 5)
    seen = model.sample(dirty)
    assert seen.strays == 5 and seen.why_estimated
    strays, estimated = model.predict(dirty, 2, "y").notes
    assert strays.startswith("10 of the 800 sampled points")
    assert estimated.endswith("were estimated: the shape has none")
    assert torch.equal(seen.places[:-5], dirty.pos[:-5])
    whole = ball(1, 3000)[0]
    drawn = torch.cat(
        [each.input.cloud.pos for each in model.predict(Cloud(whole, whole), 8, "y").encoded]
    )
    unseen = next(i for i, pos in enumerate(whole) if not (drawn == pos).all(1).any())
    holed = Cloud(whole, whole * (torch.arange(3000) != unseen)[:, None])
    assert model.predict(holed, 8, "y").notes == ()
    (note,) = model.predict(holed, 64, "y").notes
    assert note.endswith("were estimated: some points have none")
    clean = Cloud(ball(1)[0], ball(1)[0])
    assert model.predict(clean, 1, "y").notes == ()
    assert importance(model, dirty, up="y").saliency[-5:].abs().max() == 0


def test_a_shape_of_one_place_is_refused() -> None:
    with pytest.raises(InputError, match="dot: all of its points are equal"):
        build("eat-tiny").sample(Cloud(torch.ones(9, 3), name="dot"))


def rough_ball() -> Mesh:
    """A ball of 648 triangles, with the corners of each counter-clockwise from outside."""
    rows, around = torch.meshgrid(torch.arange(19), torch.arange(18), indexing="ij")
    height, turn = torch.pi * rows / 18, 2 * torch.pi * around / 18
    vertices = torch.stack([height.sin() * turn.cos(), height.cos(), height.sin() * turn.sin()], -1)
    low = (rows * 18 + around)[:-1].flatten()
    high, beside = low + 18, torch.roll(around, -1, 1)[:-1].flatten() - around[:-1].flatten()
    faces = [torch.stack([low, low + beside, high], 1)]
    faces += [torch.stack([low + beside, high + beside, high], 1)]
    return Mesh(vertices.reshape(-1, 3), torch.cat(faces))


@pytest.mark.parametrize("name", MODELS)
def test_normals_on_both_sides_are_as_if_there_were_none(name: str) -> None:
    model, pos = build(name, normals=True), ball(1, 3000)[0]
    flip = torch.rand(3000, 1, generator=torch.Generator().manual_seed(1)) < 0.3
    upward = torch.where(pos[:, 1:2] < 0, -pos, pos)
    for normal in (torch.where(flip, -pos, pos), upward):
        found, bare = (model.predict(Cloud(pos, each), 2, "y") for each in (normal, None))
        assert found.encoded[0].input.why_estimated
        assert torch.equal(found.probability, bare.probability)
        assert found.notes[0].endswith("estimated: they are on both sides of the surface")
        assert (
            bare.notes[0].endswith("estimated: the shape has none")
            and found.notes[1:] == bare.notes[1:]
        )
    inward = model.predict(Cloud(pos, -pos), 1, "y")
    assert inward.notes == () and not inward.encoded[0].input.why_estimated


def test_a_mesh_with_faces_in_mixed_order_gets_estimated_normals() -> None:
    model, mesh = build("eat-tiny", normals=True), rough_ball()
    whole = model.sample(mesh)
    assert not whole.why_estimated and whole.normal is not None
    assert ((whole.normal * whole.pos).sum(-1) > 0.8).all()
    faces = mesh.faces.clone()
    faces[::3] = faces[::3].flip(1)
    mixed = model.sample(Mesh(mesh.vertices, faces))
    assert mixed.why_estimated and mixed.normal is not None
    assert ((mixed.normal * mixed.pos).sum(-1) > 0.8).float().mean() > 0.99
    assert not build("eat-tiny").sample(Mesh(mesh.vertices, faces)).why_estimated
