"""Pictures: what is where, in which colors."""

import sys

import numpy as np
import pytest
import torch

from pcea import Cloud, InputError, Mesh
from pcea.formats.raw import Array
from pcea.pictures import scene
from pcea.pictures.camera import Camera
from pcea.pictures.colormaps import colors_of
from pcea.pictures.render import render, render_each
from pcea.pictures.scene import BACKGROUNDS

FRONT = Camera(0, 0, 25, margin=1)
SMALL = (96, 96)


def silhouette(picture: Array) -> Array:
    assert picture.shape[2] == 4
    return picture[..., 3] > 127


@pytest.mark.parametrize("size", [(150, 110), (64, 96)])
@pytest.mark.usefixtures("open3d")
def test_a_ray_caster_meets_the_same(ball: Mesh, size: tuple[int, int]) -> None:
    # A torn and tilted ball: it has an inside, an edge, and no symmetry.
    pos = ball.vertices * torch.tensor([1.0, 0.7, 0.5])
    mesh = Mesh(pos, ball.faces[: len(ball.faces) * 3 // 4])
    for colors in (colors_of(pos[:, 0]), colors_of(mesh.faces[:, 1])):  # of vertices, of faces
        own, cast = (
            render(mesh, colors, size=size, background="transparent", renderer=name).astype(int)
            for name in ("software", "raycast")
        )
        assert 0.1 < silhouette(cast).mean() < 0.9
        away = np.abs(own - cast).max(axis=-1)
        assert (away > 2).mean() < 0.001


def test_a_machine_without_open3d(square: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    render(square, size=SMALL)
    with pytest.raises(InputError, match=r"'raycast' does not work here: .*; take 'auto'"):
        render(square, size=SMALL, renderer="raycast")


def test_a_square_is_where_it_should_be(square: Mesh) -> None:
    # Its corners are on the bounding sphere, √2 away; seen from the distance d, its half side has
    # 60 · 1/√2 · f / d of the 60 pixels, with f = 1/tan(12.5°) and d = 1/sin(12.5°).
    half = 60 / 2**0.5 * np.cos(np.radians(12.5))
    seen = silhouette(render(square, None, FRONT, (120, 180), "transparent"))
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert rows[0] == pytest.approx(90 - half, abs=0.6)
    assert rows[-1] + 1 == pytest.approx(90 + half, abs=0.6)
    assert columns[0] == pytest.approx(60 - half, abs=0.6)
    assert columns[-1] + 1 == pytest.approx(60 + half, abs=0.6)
    assert seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_unshaded_colors_are_exact(square: Mesh, background: str) -> None:
    colors = torch.tensor([[68, 1, 84], [253, 231, 37]], dtype=torch.uint8)
    style = {"size": SMALL, "background": background}
    picture = render(square, colors, FRONT, shaded=False, **style)  # type: ignore[arg-type]
    assert picture[60, 70, :3].tolist() == [68, 1, 84]  # the triangle at the lower right
    assert picture[30, 30, :3].tolist() == [253, 231, 37]
    if background == "transparent":
        assert picture[0, 0, 3] == 0 and picture[60, 70, 3] == 255
    else:
        assert tuple(picture[0, 0]) == BACKGROUNDS[background]


def test_colors_run_evenly_between_vertices(square: Mesh) -> None:
    colors = torch.tensor([[0, 0, 0], [200, 0, 0], [200, 100, 0], [0, 100, 0]], dtype=torch.uint8)
    picture = render(square, colors, FRONT, SMALL, "white", shaded=False)
    half = 48 / 2**0.5 * np.cos(np.radians(12.5))
    place = np.arange(20, 76)
    wanted = 200 * (place + 0.5 - 48 + half) / (2 * half)
    assert np.abs(picture[40, 20:76, 0] - wanted).max() < 2
    wanted = 100 * (48 + half - place - 0.5) / (2 * half)
    assert np.abs(picture[20:76, 40, 1] - wanted).max() < 2


def test_the_near_hides_the_far() -> None:
    pos = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [0, 1, 0]])
    pos = torch.cat((pos, pos + torch.tensor([0.0, 0, 0.5])))
    red, blue = torch.tensor([[[255, 0, 0]], [[0, 0, 255]]], dtype=torch.uint8).expand(-1, 3, -1)
    colors = torch.cat((red, blue))
    for faces in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        shape = Mesh(pos, torch.tensor(faces))
        for azimuth, color in ((0, [0, 0, 255]), (180, [255, 0, 0])):
            camera = Camera(azimuth, 0)
            picture = render(shape, colors, camera, SMALL, "dark", shaded=False)
            assert picture[48, 48].tolist() == color


def test_both_sides_are_lit(square: Mesh) -> None:
    front = render(square, None, Camera(20, 10), SMALL, "white")
    turned = Mesh(square.vertices, square.faces.flip(1))
    assert (front == render(turned, None, Camera(20, 10), SMALL, "white")).all()
    assert front[48, 48].min() > 90


def test_light_does_not_change_hues(ball: Mesh) -> None:
    colors = torch.tensor([[200, 100, 50]], dtype=torch.uint8).expand(len(ball.vertices), 3)
    picture = render(ball, colors, None, SMALL, "transparent").astype(float)
    inside = picture[picture[..., 3] == 255]
    assert np.abs(inside[:, 0] - 2 * inside[:, 1]).max() <= 2
    assert inside[:, 0].max() > 195 and inside[:, 0].min() > 95


def test_points_show_themselves() -> None:
    pos = torch.tensor([[-1.0, 0, 0], [1, 0, 0]])
    colors = torch.tensor([[255, 0, 0], [0, 0, 255]], dtype=torch.uint8)
    cloud = Cloud(pos, color=colors)
    picture = render(cloud, None, FRONT, SMALL, "white", point_size=0.25, shaded=False)
    # The radius is a fifth of the whole: 9.6 pixels, in the middle of the row.
    scale = 48 * 0.25 / 1.25 * np.cos(np.radians(12.5))
    for column, color in ((48 - 4 * scale, [255, 0, 0]), (48 + 4 * scale, [0, 0, 255])):
        own = (picture == color).all(axis=-1)
        rows, columns = np.nonzero(own)
        assert rows.mean() == pytest.approx(47.5, abs=0.3)
        assert columns.mean() == pytest.approx(column - 0.5, abs=0.5)
        assert own.sum() == pytest.approx(np.pi * scale**2, rel=0.2)


def test_normals_light_a_cloud() -> None:
    pos = torch.rand(8192, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    normal = torch.tensor([0.0, 0, -1]).repeat(8192, 1)
    normal[pos[:, 0] > 0] = torch.tensor([0.0, -1, 0.2])
    style = {"camera": FRONT, "size": SMALL, "background": "dark"}
    picture = render(Cloud(pos, normal), **style)  # type: ignore[arg-type]
    # Which side is outside does not matter.
    assert (picture == render(Cloud(pos, -normal), **style)).all()  # type: ignore[arg-type]
    assert picture[30:66, 30:44].mean() > picture[30:66, 52:66].mean() + 20
    unknown = render(Cloud(pos, 0 * normal), **style)  # type: ignore[arg-type]
    assert (unknown == render(Cloud(pos), **style)).all()  # type: ignore[arg-type]


def test_the_same_twice_and_at_any_place_and_scale(ball: Mesh) -> None:
    picture = render(ball, size=SMALL)
    assert (picture == render(ball, size=SMALL)).all()
    moved = Mesh(ball.vertices * 1000 + 50_000, ball.faces)
    other = render(moved, size=SMALL).astype(int)
    assert np.abs(picture - other).max() < 12  # it has lost digits


def test_many_colorings_at_once(ball: Mesh) -> None:
    colorings = [colors_of(ball.vertices[:, k]) for k in range(3)]
    pictures = list(render_each(ball, colorings, size=SMALL))
    for picture, colors in zip(pictures, colorings, strict=True):
        assert (picture == render(ball, colors, size=SMALL)).all()
    faces = torch.zeros(len(ball.faces), 3, dtype=torch.uint8)
    by_vertex, by_face = render_each(ball, [colorings[0], faces], size=SMALL)
    assert (by_vertex == render(ball, colorings[0], size=SMALL)).all()
    assert (by_face == render(ball, faces, size=SMALL)).all()
    assert not list(render_each(ball, []))


def test_as_many_vertices_as_faces() -> None:
    pos = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [0, 1, 0]])
    shape = Mesh(pos, torch.tensor([[0, 1, 2]] * 3))
    colors = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255]], dtype=torch.uint8)
    mixed = render(shape, colors, FRONT, SMALL, shaded=False)
    assert mixed[48, 48].max() < 200
    by_face = render(shape, colors, FRONT, SMALL, color_by="faces", shaded=False)
    assert by_face[48, 48].max() == 255


def test_vertices_of_no_face_do_not_count(ball: Mesh) -> None:
    far = torch.tensor([[1e6, 0, 0]])
    more = Mesh(torch.cat((ball.vertices, far)), ball.faces)
    picture = render(ball, size=SMALL)
    assert (render(more, size=SMALL) == picture).all()


def test_a_single_point() -> None:
    one = render(Cloud(torch.ones(1, 3)), size=SMALL)
    assert (one != 255).any()


def test_of_a_crowd_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "MOST_POINTS", 100)
    color = torch.tensor([[9, 9, 9]], dtype=torch.uint8).repeat(300, 1)
    cloud = Cloud(torch.rand(300, 3, generator=torch.Generator().manual_seed(0)), color=color)
    few = render(cloud, size=SMALL, shaded=False, point_size=0.01)
    monkeypatch.setattr(scene, "MOST_POINTS", 300)
    many = render(cloud, size=SMALL, shaded=False, point_size=0.01)
    assert 0.2 < (few != 255).sum() / (many != 255).sum() < 0.5


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"size": (8, 8)}, "16 to 4096 pixels"),
        ({"size": (100, 400)}, "3 times as many"),
        ({"background": "pink"}, "background is 'pink'; it must be 'white' or 'dark'"),
        ({"renderer": "raycat"}, "renderer is 'raycat'; it must be 'auto' or 'raycast'"),
        ({"color_by": "edge"}, "color_by is 'edge'; it must be 'auto' or 'vertices' or 'faces'"),
        ({"colors": torch.zeros(5, 3, dtype=torch.uint8)}, r"\(4, 3\) or \(2, 3\), not \(5, 3\)"),
        ({"colors": torch.zeros(4, 3)}, "uint8, 0 to 255, not float32"),
    ],
)
def test_wrong_wishes(square: Mesh, wish: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        render(square, **wish)  # type: ignore[arg-type]


def test_nothing_to_draw(square: Mesh) -> None:
    with pytest.raises(InputError, match="square: without faces"):
        render(Mesh(square.vertices, torch.zeros(0, 3, dtype=torch.long), "square"))
    with pytest.raises(InputError, match="without points"):
        render(Cloud(torch.zeros(0, 3)))
    with pytest.raises(InputError, match="point's size"):
        render(Cloud(torch.zeros(1, 3)), point_size=0)
