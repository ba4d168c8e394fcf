"""Figures: what is in them, where, and in which colors."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image

from pcea import Cloud, InputError, Mesh
from pcea.pictures import (
    Camera,
    Panel,
    Style,
    colors_of,
    gallery,
    grid,
    one,
    part_colors,
    render,
    save,
)

SMALL = Style(width=0.5)


def small(**more: object) -> Style:
    return Style(**{"width": 0.5, **more})  # type: ignore[arg-type]


def pictures(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.fixture
def flag(square: Mesh) -> Mesh:
    """Wide and low."""
    return Mesh(square.vertices * torch.tensor([1.0, 0.3, 1]), square.faces, "flag")


def test_a_panel_is_the_rendered_picture_cut(ball: Mesh) -> None:
    values = ball.vertices[:, 1]
    (picture,) = pictures(one(Panel(ball, values), SMALL))
    assert picture.shape[1] == 100
    # 25 degrees and a margin of 4 %: a ball takes 1/1.04 of the whole, and a little border stays.
    assert picture.shape[0] == pytest.approx(100, abs=2)
    side = round(100 / (1 / 1.04 + 0.024))
    whole = render(ball, colors_of(values), size=(side, side)).astype(int)
    edge = (side - 100) // 2
    wanted = whole[edge : edge + 100, edge : edge + 100][: picture.shape[0]]
    assert np.abs(picture[: len(wanted)] - wanted).mean() < 6


@pytest.mark.parametrize("background", ["white", "dark"])
def test_no_pixel_of_a_shape_is_cut_off(flag: Mesh, ball: Mesh, background: str) -> None:
    figure = gallery(
        [Panel(flag), Panel(ball), Panel(ball.sample(50))], style=small(background=background)
    )
    empty = pictures(figure)[0][0, 0]
    for picture in pictures(figure):
        border = np.concatenate((picture[0], picture[-1], picture[:, 0], picture[:, -1]))
        assert (border == empty).all()
        assert (picture != empty).any()


def test_sizes_compare_and_empty_borders_go(flag: Mesh, square: Mesh) -> None:
    # In a row of their own, flags need less height; the width goes with the widest of all.
    figure = grid([[Panel(flag), Panel(flag)], [Panel(square), Panel(flag)]], style=SMALL)
    first, second, third, fourth = pictures(figure)
    assert first.shape == second.shape and third.shape == fourth.shape
    assert first.shape[1] == third.shape[1] == 100
    assert first.shape[0] < 0.7 * third.shape[0]
    assert (first != 255).any(axis=-1).sum() == pytest.approx(
        (fourth != 255).any(axis=-1).sum(), rel=0.05
    )


def test_pictures_lie_on_whole_pixels(ball: Mesh, tmp_path: Path) -> None:
    panels = [Panel(ball, ball.vertices[:, k], title=f"axis {k}") for k in range(3)]
    figure = gallery(panels, columns=2, title="A ball", style=small(label="place"))
    save(figure, tmp_path / "figure.png")
    written = np.asarray(Image.open(tmp_path / "figure.png").convert("RGB"))
    for image in figure.axes[0].images:
        left, _, _, top = map(round, image.get_extent())
        picture = np.asarray(image.get_array())
        rows, columns = picture.shape[:2]
        assert (written[top : top + rows, left : left + columns] == picture).all()


def test_colors_are_shared_or_of_each(ball: Mesh) -> None:
    values = ball.vertices[:, 1]
    panels = [Panel(ball, values), Panel(ball, 3 * values + 1)]
    first, second = pictures(gallery(panels, style=SMALL))
    assert np.abs(first.astype(int) - second).max() > 50
    first, second = pictures(gallery(panels, style=small(scale="each")))
    assert np.abs(first.astype(int) - second).max() <= 1
    bar = one(panels[1], SMALL).axes[-1]
    assert bar.get_ylim() == pytest.approx(
        (float(3 * values.min() + 1), float(3 * values.max() + 1))
    )
    bar = gallery(panels, style=small(low=-2, high=2, label="height")).axes[-1]
    assert bar.get_ylim() == (-2, 2)
    assert bar.get_ylabel() == "height"


def test_titles_and_holes(square: Mesh) -> None:
    panel = Panel(square, title="$x_1")
    figure = grid([[panel, None], [None, Panel(square)]], ["a", "b"], ["c", "d"], "e", SMALL)
    assert sorted(texts(figure)) == ["$x_1", "a", "b", "c", "d", "e"]
    assert len(pictures(figure)) == 2
    assert len(figure.axes) == 1  # no values, so no color bar


def test_a_legend_of_parts(square: Mesh) -> None:
    names = [f"part {i}" for i in range(9)]
    colors = part_colors(9)
    figure = one(
        Panel(square, colors=colors[:2]),
        small(legend=dict(zip(names, colors.tolist(), strict=True))),
    )
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == names
    swatch = legend.get_patches()[3].get_facecolor()
    assert np.round(np.array(swatch[:3]) * 255).tolist() == colors[3].tolist()
    # It hides no picture.
    figure.draw_without_rendering()
    top = figure.bbox.height - legend.get_window_extent().y1
    assert top >= max(image.get_extent()[2] for image in figure.axes[0].images)
    assert legend.get_window_extent().y0 >= 0


@pytest.mark.parametrize("count", [1, 3, 5, 8, 64])
def test_any_number(count: int, square: Mesh) -> None:
    figure = gallery(
        [Panel(square, title=f"slot {i}") for i in range(count)], style=small(width=None, dpi=40)
    )
    assert len(pictures(figure)) == count
    width, height = figure.get_size_inches()
    assert 0.5 < width / height < 3.5
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_long_titles_are_broken(square: Mesh) -> None:
    words = "a very long title that does not fit above a picture as small as this one " * 3
    figure = gallery([Panel(square, title=words)] * 2, title=words, style=SMALL)
    figure.draw_without_rendering()
    for text in figure.axes[0].texts:
        assert text.get_text().count("\n") == 2 and text.get_text().endswith("…")
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height


@pytest.mark.parametrize(
    ("background", "empty"), [("dark", [24, 26, 30, 255]), ("transparent", [0] * 4)]
)
def test_backgrounds(square: Mesh, tmp_path: Path, background: str, empty: list[int]) -> None:
    save(one(Panel(square), small(background=background)), tmp_path / "one.png")
    picture = np.round(imread(tmp_path / "one.png") * 255)
    assert picture.shape[2] == 4
    assert picture[0, 0, 3] == empty[3]
    assert background == "transparent" or picture[0, 0].tolist() == empty
    assert picture[picture.shape[0] // 2, picture.shape[1] // 2, 3] == 255


def test_files_repeat_and_embed(square: Mesh, tmp_path: Path) -> None:
    figure = one(Panel(square, square.vertices[:, 0], title="A square"), SMALL)
    begins = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    for ending, magic in begins.items():
        first, again = tmp_path / f"a{ending}", tmp_path / f"b{ending.upper()}"
        save(figure, first)
        save(figure, again)
        assert first.read_bytes() == again.read_bytes()
        assert first.read_bytes().startswith(magic)
    page = (tmp_path / "a.svg").read_text()
    assert "data:image/png;base64" in page and "A square" in page
    assert sorted(path.suffix for path in tmp_path.glob("a.*")) == sorted(begins)


def test_a_notebook_shows_it_without_pyplot(square: Mesh) -> None:
    figure = one(Panel(square), SMALL)
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    source = sys.modules[type(figure).__module__].__file__
    assert "pyplot" not in Path(source or "").read_text().replace("without pyplot", "").replace(
        "where pyplot", ""
    )


def test_faces_and_vertices_side_by_side(square: Mesh) -> None:
    red, blue = torch.tensor([[[255, 0, 0]], [[0, 0, 255]]], dtype=torch.uint8)
    first, second = pictures(
        gallery(
            [Panel(square, colors=red.repeat(2, 1)), Panel(square, colors=blue.repeat(4, 1))],
            style=SMALL,
        )
    )
    middle = first.shape[0] // 2
    assert first[middle, 50, 0] > 0 == first[middle, 50, 2]
    assert second[middle, 50, 2] > 0 == second[middle, 50, 0]


def test_a_place_is_marked(square: Mesh) -> None:
    figure = one(Panel(square, mark=torch.tensor([1.0, 1, 0])), small(camera=Camera(0, 0)))
    (picture,), (mark,) = pictures(figure), figure.axes[0].lines
    inside = (picture != 255).any(axis=-1)
    right, top = np.flatnonzero(inside.any(axis=0))[-1], np.flatnonzero(inside.any(axis=1))[0]
    left, _, _, above = figure.axes[0].images[0].get_extent()
    assert mark.get_xydata()[0] == pytest.approx([left + right + 1, above + top], abs=1)


def test_values_and_not_colors_run_evenly(square: Mesh) -> None:
    # Between 0 and 1, viridis goes through green; between their colors there is a brownish gray.
    (picture,) = pictures(one(Panel(square, square.vertices[:, 0]), small(camera=Camera(0, 0))))
    middle = picture[picture.shape[0] // 2, 50].astype(float)
    wanted = colors_of([0.5], 0, 1)[0].numpy()
    assert np.abs(middle / middle.max() - wanted / wanted.max()).max() < 0.05


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda s: gallery([]), "at least one panel"),
        (lambda s: grid([[None]]), "at least one panel"),
        (
            lambda s: gallery([Panel(s)], columns=0),
            "columns is 0; it must be a whole number of at least 1",
        ),
        (lambda s: grid([[Panel(s)]], ["a", "b"]), "1 rows and 2 row titles"),
        (lambda s: one(Panel(s, torch.zeros(3))), r"\(4,\), not \(3,\)"),
        (lambda s: one(Panel(s, torch.zeros(4), torch.zeros(4, 3))), "values or colors"),
        (
            lambda s: one(Panel(s, torch.zeros(4)), small(scale="mine")),
            "scale is 'mine'; it must be 'shared' or 'each'",
        ),
        (lambda s: one(Panel(s, torch.zeros(4)), small(colormap="jet")), "no color map"),
        (lambda s: one(Panel(s), small(width=40)), "too wide"),
        (lambda s: save(Figure(), "figure.bmp"), "not written as '.bmp'"),
        (lambda s: one(Panel(Cloud(torch.zeros(0, 3)))), "without points"),
    ],
)
def test_wrong_wishes(square: Mesh, make: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make(square)  # type: ignore[operator]
