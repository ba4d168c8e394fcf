from __future__ import annotations

from pathlib import Path

import pytest

from pcea.errors import InputError
from pcea.formats.tables.by_name import layout_by_name

_PATH = Path("a.csv")


@pytest.mark.parametrize(
    "header",
    [
        "x y z",
        "X Y Z",
        "pos_x pos_y pos_z",
        "px py pz",
        "Points:0 Points:1 Points:2",
        "POINT_X POINT_Y POINT_Z",
        "Coord.X Coord.Y Coord.Z",
        "x_coord y_coord z_coord",
        "X[m] Y[m] Z[m]",
        "Easting Northing Elevation",
        "E N H",
        "X Y Height",
        "Rechtswert Hochwert Höhe",
        "position.x position.y position.z",
    ],
)
def test_programs_names_of_coordinates_are_known(header: str) -> None:
    names = header.split()
    for order in ((0, 1, 2), (2, 0, 1)):
        layout = layout_by_name(["id", *(names[i] for i in order), "more"], _PATH)
        assert layout is not None
        assert layout.pos == tuple(1 + order.index(axis) for axis in range(3))
        assert layout.normal is None
        assert layout.color is None


@pytest.mark.parametrize(
    "header",
    [
        "nx ny nz",
        "Nx Ny Nz",
        "normal_x normal_y normal_z",
        "NormalX NormalY NormalZ",
        "Normals:0 Normals:1 Normals:2",
        "n_x n_y n_z",
    ],
)
def test_programs_names_of_normals_are_known(header: str) -> None:
    layout = layout_by_name(["x", "y", "z", *header.split()], _PATH)
    assert layout is not None
    assert layout.normal == (3, 4, 5)


@pytest.mark.parametrize(
    "header",
    [
        "r g b",
        "R G B",
        "Rf Gf Bf",
        "red green blue",
        "Red Green Blue",
        "diffuse_red diffuse_green diffuse_blue",
        "color_r color_g color_b",
        "RGB:0 RGB:1 RGB:2",
    ],
)
def test_programs_names_of_colors_are_known(header: str) -> None:
    layout = layout_by_name(["x", "y", "z", *header.split(), "alpha"], _PATH)
    assert layout is not None
    assert layout.color == (3, 4, 5)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("longitude latitude height", "degrees are no lengths"),
        ("Lat Lon Alt", "degrees are no lengths"),
        ("x y label", "header names only x y"),
        ("id Easting Height", "names only Easting"),
        ("x y u v", "names only x y"),
    ],
)
def test_names_that_are_no_position_are_refused(header: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        layout_by_name(header.split(), _PATH)


def test_names_that_say_nothing_are_left_to_the_values() -> None:
    assert layout_by_name(["V1", "V2", "V3"], _PATH) is None
