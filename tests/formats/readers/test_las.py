import sys
from pathlib import Path

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, read

laspy = pytest.importorskip("laspy")

_BOX = np.array([[x, y, z] for z in (0, 3) for x, y in ((0, 0), (1, 0), (1, 2), (0, 2))], float)
_PLACE = np.array([431234.125, 5403280.5, 312.25])


def _write(path: Path, pos: np.ndarray, point_format: int = 2, color: int | None = 257) -> Path:
    header = laspy.LasHeader(
        point_format=point_format, version="1.4" if point_format > 5 else "1.2"
    )
    header.offsets, header.scales = np.floor(pos.min(0)), np.full(3, 0.001)
    las = laspy.LasData(header)
    las.x, las.y, las.z = pos.T
    las.classification = np.full(len(pos), 2)
    if color is not None:
        las.red, las.green, las.blue = (np.full(len(pos), color * n) for n in (10, 20, 30))
    las.write(path)
    return path


@pytest.mark.parametrize(
    "name", [pytest.param("a.las", id="other/a.las"), pytest.param("a.laz", id="other/a.laz")]
)
@pytest.mark.parametrize("point_format", [2, 3, 7])
@pytest.mark.parametrize("color", [257, 1])  # of 16 bits, and of 8 bits, as many programs write
def test_points_and_colors_read(tmp_path: Path, name: str, point_format: int, color: int) -> None:
    cloud = read(_write(tmp_path / name, _BOX + _PLACE, point_format, color))
    assert isinstance(cloud, Cloud)
    np.testing.assert_allclose(cloud.file_pos.numpy(), _BOX + _PLACE, atol=1e-6)
    assert cloud.color is not None
    assert cloud.color.tolist() == [[10, 20, 30]] * 8


@pytest.mark.parametrize(("point_format", "color"), [(0, None), (6, None), (2, 0)])
def test_without_colors_there_are_none(
    tmp_path: Path, point_format: int, color: int | None
) -> None:
    cloud = read(_write(tmp_path / "a.las", _BOX, point_format, color))
    assert isinstance(cloud, Cloud)
    assert cloud.pos.tolist() == _BOX.tolist()
    assert cloud.color is None


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    for name in ("a.las", "a.laz"):
        path = _write(tmp_path / name, np.random.default_rng(0).random((500, 3)))
        path.write_bytes(path.read_bytes()[:-800])
        with pytest.raises(InputError, match=r"truncated|damaged"):
            read(path)


def test_a_header_of_zeros_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.las").write_bytes(b"LASF" + bytes(371))
    with pytest.raises(InputError, match=r"a\.las: it .*damaged"):
        read(tmp_path / "a.las")


def test_without_laspy_the_message_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "a.las", _BOX)
    monkeypatch.setitem(sys.modules, "laspy", None)
    with pytest.raises(InputError, match=r"pip install 'laspy\[lazrs\]'"):
        read(path)


def test_without_lazrs_packed_points_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, plain = _write(tmp_path / "a.laz", _BOX), _write(tmp_path / "a.las", _BOX)
    monkeypatch.setattr(laspy.LazBackend, "detect_available", staticmethod(lambda: ()))
    assert len(read(plain).pos) == 8  # type: ignore[union-attr]
    with pytest.raises(InputError, match=r"need lazrs: pip install 'laspy\[lazrs\]'"):
        read(packed)
