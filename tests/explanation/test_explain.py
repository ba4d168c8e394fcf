"""Explaining: maps against the attention's own, in float64 and plain loops; any kind of shape."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.explanation import Explanation, explain
from pcea.formats import Cloud, Mesh
from pcea.geometry import unit_sphere, upright
from pcea.models import PointModel, create_model
from pcea.models.orientation import categories_by_up
from pcea.models.prediction import UpGuess

PARTS = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))
HEADS = {"external": 1, "multihead-external": 4, "offset": 1, "self": 4}


def build(name: str = "eat-tiny", attention: str = "external", num: int = 200) -> PointModel:
    torch.manual_seed(0)
    model = create_model(name, PARTS, attention=attention, num_points=num, normals=True)
    model.clean = False  # every point counts
    # Statistics of a batch, without which an untrained model sees hardly any difference.
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    pos = torch.rand(4, num, 3) * 2 - 1
    model(pos, torch.nn.functional.normalize(pos, dim=-1))
    return model.eval()


def explained(
    model: PointModel, shape: Cloud | Mesh, votes: int = 1, up: str = "y", queries: int = 8
) -> Explanation:
    return explain(model, shape, votes=votes, up=up, slots=queries + 1, importance=False)


def cloud_of(num: int, **fields: Any) -> Cloud:
    generator = torch.Generator().manual_seed(3)
    pos = torch.rand(num, 3, generator=generator) * torch.tensor([1.0, 2.0, 0.5])
    return Cloud(pos * 40 + 7, torch.nn.functional.normalize(pos, dim=-1), **fields)


def mesh() -> Mesh:
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3) * torch.tensor([1.0, 2, 3])
    faces = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6]]
    return Mesh(corners, torch.tensor(faces), "box")


@torch.no_grad()
def raw_maps(model: PointModel, cloud: Cloud) -> tuple[Tensor, list[Tensor]]:
    """Token positions and maps of a cloud of num_points, seen as it is."""
    maps: list[Tensor] = []
    assert cloud.normal is not None
    dtype = next(model.parameters()).dtype
    pos, normal = unit_sphere(cloud.pos).to(dtype), cloud.normal.to(dtype)
    hooks = [
        layer.attention.register_forward_hook(
            lambda attention, given, _: maps.append(attention.attend(*given)[1])
        )
        for layer in model.encoder.layers
    ]
    tokens = model.encoder(pos[None], normal[None])[-1]
    for hook in hooks:
        hook.remove()
    return tokens.pos[0], [each[0] for each in maps]


@pytest.mark.parametrize("attention", ["external", "multihead-external"])
def test_slot_maps_have_rows_of_one_and_keep_heads(attention: str) -> None:
    found = explained(build(attention=attention), cloud_of(900), votes=2)
    assert len(found.maps) == 4
    for layer, each in enumerate(found.maps):
        assert (each.layer, each.kind, each.query) == (layer, "slots", None)
        assert each.values.shape == (HEADS[attention], 400, 64)
        assert each.columns[0] == "slot 0" and each.columns[-1] == "slot 63"
        torch.testing.assert_close(each.values.sum(-1), torch.ones(HEADS[attention], 400))
    assert found.sample.pos.shape == found.sample.normal.shape == (400, 3)  # type: ignore[union-attr]


@pytest.mark.parametrize("attention", HEADS)
def test_values_at_tokens_are_the_attentions_own(attention: str) -> None:
    model = build(attention=attention).double()
    cloud = cloud_of(200)
    assert cloud.normal is not None
    found = explained(model, cloud, queries=3)
    token_pos, maps = raw_maps(model, cloud)
    pos = unit_sphere(cloud.pos)
    at = [int((pos - each).norm(dim=1).argmin()) for each in token_pos]
    for each, weights in zip(found.maps, maps, strict=True):
        heads, num = len(weights), weights.shape[1]
        if each.kind == "slots":
            expected = weights
        else:
            assert each.query is not None and each.query.shape == (3, 3)
            # Where a query is, by hand: the token at the least distance.
            readers = []
            for query in each.query:
                distance = [float((cloud.pos[i] - query).norm()) for i in at]
                readers.append(distance.index(min(distance)))
            expected = torch.zeros(heads, num, 4, dtype=torch.float64)
            for head in range(heads):
                for token in range(num):
                    given = [float(weights[head, reader, token]) for reader in range(num)]
                    expected[head, token, 0] = sum(given)  # mean over num readers, times num
                    for i, reader in enumerate(readers):
                        expected[head, token, 1 + i] = num * weights[head, reader, token]
        torch.testing.assert_close(each.values[:, at], expected.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attention", ["self", "offset"])
def test_maps_among_points_are_in_units_of_uniform_attention(attention: str) -> None:
    # Every point a token: what a reader shares out is on average 1 a point.
    model = build("eat-simple", attention=attention)
    found = explained(model, cloud_of(200), queries=5)
    for each in found.maps:
        assert each.kind == "points"
        assert each.columns == ("received", *(f"query {i}" for i in range(5)))
        assert each.values.shape == (HEADS[attention], 200, 6)
        shared_out = each.values.mean(1)
        assert shared_out.max() < 1 + 1e-4
        # The epsilon of `offset` takes weight from readers whom nobody's softmax likes.
        if attention == "self":
            torch.testing.assert_close(shared_out, torch.ones(4, 6))


def test_queries_are_far_apart_and_the_same_for_all_votes() -> None:
    model = build(attention="self")
    cloud = cloud_of(3000)
    one, two = explained(model, cloud, queries=4), explained(model, cloud, votes=2, queries=4)
    query = one.maps[0].query
    assert query is not None
    for each in two.maps:
        assert each.query is not None and torch.equal(each.query, query)
    torch.testing.assert_close(two.maps[1].values[:, :200], one.maps[1].values)
    # By hand, among the points of the first look.
    pos = one.sample.pos
    center = cloud.pos.mean(0)
    chosen = [int((pos - center).norm(dim=1).argmax())]
    for _ in range(3):
        nearest = torch.stack([(pos - pos[i]).norm(dim=1) for i in chosen]).amin(0)
        chosen.append(int(nearest.argmax()))
    assert torch.equal(query, pos[chosen])


def test_the_answer_is_that_of_a_plain_call() -> None:
    cloud = cloud_of(500)
    for attention in HEADS:
        for name in ("eat-tiny", "eat-seg-tiny"):
            model = build(name, attention)
            found = explain(model, cloud, up="y", votes=2)
            with torch.no_grad():
                taken = [model.sample(cloud, seed) for seed in range(2)]
                pos = torch.cat([own.pos for own in taken])
                normals = [own.normal for own in taken if own.normal is not None]
                normal = torch.cat(normals) if normals else None
                each = model(pos, normal).softmax(-1)
            expected = each.flatten(0, 1) if name == "eat-seg-tiny" else each.mean(0)
            assert torch.equal(found.probability, expected)


@pytest.mark.parametrize("name", ["eat-tiny", "eat-seg-tiny"])
def test_the_values_have_the_probabilities_that_are_printed(name: str, tmp_path: Path) -> None:
    model, cloud = build(name), cloud_of(300)
    guess = UpGuess((0.1, 0.0, 0.6, 0.0, 0.3, 0.0))
    found = explain(model, cloud, votes=1, importance=False, slots=1, guess=guess)
    found.save_values(tmp_path / "values.npz")
    saved, axes = np.load(tmp_path / "values.npz"), categories_by_up(model, cloud)
    expected = (0.1 * axes[0] + 0.6 * axes[2] + 0.3 * axes[4]).numpy()
    if name == "eat-tiny":
        assert list(saved["names"]) == list(PARTS.categories)
        np.testing.assert_allclose(saved["probability"], expected, rtol=1e-5)
        assert abs(found.probability.numpy() - expected).max() > 1e-4
    else:
        assert list(saved["categories"]) == list(PARTS.categories)
        np.testing.assert_allclose(saved["category_probability"], expected, rtol=1e-5)
        assert np.array_equal(saved["probability"], found.probability.numpy())
    printed = expected.max()
    assert found.answer == f"{PARTS.categories[expected.argmax()]} ({100 * printed:.1f} %)"


def test_a_given_category_is_the_answer() -> None:
    found = explain(build("eat-seg-tiny"), cloud_of(300), up="y", votes=1, category="Chair")
    assert found.answer == "chair (given)" and "chair (given), y up" in found.summary


def test_a_mesh_is_taken_with_its_faces_and_a_cloud_with_its_colors() -> None:
    model = build("eat-seg-tiny")
    found = explained(model, mesh(), votes=3)
    assert found.sample.face is not None and found.sample.face.shape == (600,)
    assert found.sample.name == "box"
    assert found.probability.shape == (600, 3)
    box = mesh()
    corners = box.vertices[box.faces[found.sample.face]]  # (P, 3, 3)
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    off = ((found.sample.pos - corners[:, 0]) * torch.nn.functional.normalize(normal, dim=1)).sum(1)
    assert off.abs().max() < 1e-5
    cloud = cloud_of(50, color=torch.arange(150, dtype=torch.uint8).view(50, 3))
    sample = explained(model, cloud).sample
    assert sample.face is None and sample.color is not None
    index = (sample.pos[:, None] - cloud.pos).norm(dim=-1).argmin(1)
    assert torch.equal(sample.color, cloud.color[index])  # type: ignore[index]


def test_up_is_turned_up_and_the_file_keeps_its_axes() -> None:
    model = build(attention="self")
    standing = cloud_of(600)
    for up in ("z", "-x"):
        turn = upright(torch.eye(3), up)  # orthogonal: its transpose lays a standing shape down
        assert standing.normal is not None
        lying = Cloud(standing.pos @ turn.T, standing.normal @ turn.T)
        one, other = explained(model, standing), explained(model, lying, up=up)
        assert other.up == up
        torch.testing.assert_close(other.sample.pos, one.sample.pos @ turn.T)
        torch.testing.assert_close(other.probability, one.probability, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(other.maps[3].values, one.maps[3].values, rtol=1e-3, atol=1e-4)
        wrong = explained(model, lying)
        assert (wrong.maps[3].values - one.maps[3].values).abs().max() > 1e-2
    with pytest.raises(InputError, match="no axis is called 'w'"):
        explained(model, standing, up="w")


def test_the_mode_is_restored_and_the_model_learns_nothing() -> None:
    model = build().train()
    model.encoder.stem.eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    explained(model, cloud_of(300))
    model.attention(cloud_of(300), 1, "y")
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_small_shapes_and_few_queries() -> None:
    model = build(attention="self")
    three = explained(model, cloud_of(3), queries=8)
    assert three.maps[0].query is not None and three.maps[0].query.shape == (3, 3)
    none = explained(model, cloud_of(300), queries=0)
    assert none.maps[0].columns == ("received",)
    assert none.maps[0].query is not None and none.maps[0].query.shape == (0, 3)


def test_refuses_impossible_options() -> None:
    model = build()
    for options, reason in (
        ({"votes": 0}, "votes is 0; it must be a whole number of at least 1"),
        ({"layer": 4}, "layer 4: eat-tiny has layers 0 to 3"),
        ({"slot": 64}, "slot 64: layer 3 has columns 0 to 63"),
        ({"category": "cup"}, "takes no category"),
        ({"target": "chairs"}, "did you mean 'chair'"),
    ):
        with pytest.raises(InputError, match=reason):
            explain(model, cloud_of(10), up="y", **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="depth 0: it has no attention to explain"):
        explain(create_model("eat-tiny", depth=0), cloud_of(10), up="y")


@pytest.mark.parametrize("attention", ["external", "self"])
def test_the_short_form_is_the_mean_of_heads_at_every_point(attention: str) -> None:
    model = build(attention=attention)
    cloud = cloud_of(200)
    maps, found = model.attention(cloud, 1, "y"), explained(model, cloud)
    for short, full in zip(maps, found.maps, strict=True):
        # As many points as are looked at: each is seen, and its own value comes back.
        torch.testing.assert_close(short, full.values.mean(0), rtol=1e-3, atol=1e-3)
    many = model.attention(cloud_of(5000), 1, "y")
    assert [tuple(each.shape) for each in many] == [(5000, maps[0].shape[1])] * 4
    if attention == "external":
        torch.testing.assert_close(many[0].sum(1), torch.ones(5000))


def test_the_short_form_goes_over_a_mesh() -> None:
    maps = build(attention="multihead-external").attention(mesh(), 2, "y")
    assert [tuple(each.shape) for each in maps] == [(8, 64)] * 4
    for each in maps:
        torch.testing.assert_close(each.sum(1), torch.ones(8), rtol=0, atol=0.05)


def test_a_large_cloud_is_taken_through_a_sample() -> None:
    # Each slot's weights are shared out over the points seen, of which there must be num_points:
    # so the network is called with exactly those, whatever the cloud's size.
    model = build()
    sizes: list[int] = []
    original = model.encoder.forward
    model.encoder.forward = lambda pos, *a, **k: (
        sizes.append(pos.shape[1]) or original(pos, *a, **k)
    )  # type: ignore[method-assign, func-returns-value]
    model.attention(cloud_of(7000), 1, "y")
    model.attention(cloud_of(20), 1, "y")
    assert set(sizes) == {200}


@pytest.mark.parametrize("attention", HEADS)
def test_the_order_of_points_does_not_matter(attention: str) -> None:
    model = build(attention=attention)
    cloud = cloud_of(200)
    # The tokens are the farthest from the first point, which therefore stays where it is.
    order = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(199)])
    assert cloud.normal is not None
    permuted = Cloud(cloud.pos[order], cloud.normal[order])
    for one, other in zip(
        model.attention(cloud, 1, "y"), model.attention(permuted, 1, "y"), strict=True
    ):
        torch.testing.assert_close(other, one[order], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [torch.rand(9, 2), [[0, 0, 0]], None])
def test_what_is_no_shape_is_refused(shape: Any) -> None:
    model = build()
    with pytest.raises(InputError, match="shape"):
        model.sample(shape)
    with pytest.raises(InputError, match="shape"):
        explained(model, shape)
