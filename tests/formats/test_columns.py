import numpy as np
import pytest
from numpy.typing import NDArray

from pcea.errors import InputError
from pcea.formats.columns import find_fields, in_type, layout_by_name, layout_by_value

_NUM = 60


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
        layout = layout_by_name(["id", *(names[i] for i in order), "more"])
        assert layout["pos"] == tuple(1 + order.index(axis) for axis in range(3))
        assert "normal" not in layout
        assert "color" not in layout


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
    layout = layout_by_name(["x", "y", "z", *header.split()])
    assert layout["normal"] == (3, 4, 5)


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
    layout = layout_by_name(["x", "y", "z", *header.split(), "alpha"])
    assert layout["color"] == (3, 4, 5)


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
        layout_by_name(header.split())


def test_names_that_say_nothing_are_left_to_the_values() -> None:
    assert not layout_by_name(["V1", "V2", "V3"])


def _columns(kinds: str) -> NDArray[np.float64]:
    """Make a table of positions (p), normals (n), colors (c), fractions (f) and more."""
    generator = np.random.default_rng(0)
    pos = generator.normal(size=(_NUM, 3)) * 3
    normal = generator.normal(size=(_NUM, 3))
    made = {
        "p": pos,
        "n": normal / np.linalg.norm(normal, axis=1, keepdims=True),
        "c": generator.integers(0, 256, (_NUM, 3)),
        "f": generator.integers(0, 256, (_NUM, 3)) / 255,
        "d": generator.integers(0, 65536, (_NUM, 3)),  # 16 bits
        "u": (pos - pos.min(0)) / np.ptp(pos, axis=0),  # the position within its room
        "i": generator.integers(-2000, 2000, (_NUM, 1)),  # an intensity
        "b": generator.integers(0, 256, (_NUM, 1)),  # one of 8 bits
        "l": generator.integers(0, 13, (_NUM, 1)),  # a label
        "r": generator.integers(1, 5, (_NUM, 1)),  # a number of returns
        "a": np.full((_NUM, 1), 255),
        "1": np.ones((_NUM, 1)),
        "k": np.arange(_NUM)[:, None],  # an index
        "s": generator.normal(size=(_NUM, 1)) * 9,  # a scalar
    }
    return np.concatenate([made[kind] for kind in kinds], axis=1).astype(np.float64)


@pytest.mark.parametrize(
    ("kinds", "pos", "normal", "color"),
    [
        ("p", 0, None, None),
        ("ps", 0, None, None),
        ("pn", 0, 3, None),
        ("pc", 0, None, 3),
        ("pf", 0, None, 3),
        ("pd", 0, None, 3),
        ("pnl", 0, 3, None),  # ShapeNetPart
        ("pcu", 0, None, 3),  # S3DIS
        ("pfu", 0, None, None),  # which three of the six fractions cannot be told
        ("pic", 0, None, 4),  # Semantic3D
        ("pbc", 0, None, 4),
        ("pcl", 0, None, 3),
        ("pca", 0, None, 3),
        ("pf1", 0, None, 3),
        ("picl", 0, None, 4),
        ("pcn", 0, 6, 3),
        ("pnc", 0, 3, 6),
        ("psnc", 0, 4, 7),
        ("pfn", 0, 6, 3),
        ("psss", 0, None, None),
        ("pirrl", 0, None, None),  # returns and classes are no colors
        ("kp", 1, None, None),
        ("kpc", 1, None, 4),
        ("kpn", 1, 4, None),
    ],
)
def test_columns_are_what_they_can_be(
    kinds: str, pos: int, normal: int | None, color: int | None
) -> None:
    layout, _ = layout_by_value(_columns(kinds))
    assert layout["pos"][0] == pos
    assert layout.get("normal", (None,))[0] == normal
    assert layout.get("color", (None,))[0] == color


def test_rows_that_are_not_finite_do_not_decide() -> None:
    table = _columns("pnc")
    table[3], table[5, 3:6], table[7, 6:] = np.nan, np.inf, np.nan
    layout, _ = layout_by_value(table)
    assert layout["normal"] == (3, 4, 5)
    assert layout["color"] == (6, 7, 8)


def test_what_cannot_be_told_is_left_out_and_said() -> None:
    generator = np.random.default_rng(0)
    table = np.concatenate((generator.normal(size=(9, 3)), generator.random((9, 4))), axis=1)
    layout, remarks = layout_by_value(table)
    assert "color" not in layout
    assert "columns 4 to 7 are all fractions" in remarks[0]


def test_an_index_that_was_passed_over_is_said() -> None:
    assert "an index" in layout_by_value(_columns("kp"))[1][0]


@pytest.mark.parametrize("first", [[0, 1, 2], [5, 6, 7, 8], [0, 1, 3, 2], [0, 1, 2, 4]])
def test_a_first_column_that_may_be_x_is_x(first: list[int]) -> None:
    table = np.concatenate((np.array(first)[:, None], np.eye(len(first))[:, :3]), axis=1)
    assert layout_by_value(table)[0]["pos"] == (0, 1, 2)


def test_the_ending_says_what_follows_the_position() -> None:
    table = _columns("ps") @ np.ones((4, 6))
    assert layout_by_value(table, ".xyzn")[0]["normal"] == (3, 4, 5)
    assert layout_by_value(table, ".xyzrgb")[0]["color"] == (3, 4, 5)


def test_a_table_of_features_is_refused() -> None:
    with pytest.raises(InputError, match="17 columns and no names"):
        layout_by_value(np.ones((9, 17)))
    with pytest.raises(InputError, match="2 columns; at least 3"):
        layout_by_value(np.ones((9, 2)))


def test_three_fields_are_found_under_any_of_their_names() -> None:
    one, two = np.arange(2), np.arange(2.0)
    fields = {"x": two, "y": two, "z": two, "r": one, "g": one, "b": one, "nx": two, "ny": two}
    found = find_fields(fields)
    assert found.keys() == {"pos", "color"}
    assert found["pos"].tolist() == [[0, 0, 0], [1, 1, 1]]
    assert found["color"].dtype == one.dtype


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        ([0.0, 255.0], "u1", np.uint8),
        ([0.0, 256.0], "u1", np.float64),
        ([0.0, -1.0], "<u2", np.float64),
        ([0.5, 1.0], "u1", np.float64),
        ([np.nan, 1.0], "i4", np.float64),
        ([1.0, 2.0], "f4", np.float64),
    ],
)
def test_numbers_take_a_whole_type_only_if_it_holds_them(
    values: list[float], type: str, expected: np.dtype
) -> None:
    typed = in_type(np.array(values), type)
    assert typed.dtype == expected
    np.testing.assert_array_equal(typed, values)
