"""A turn around a shape: every frame, in its colors, or nothing at all."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pcea import InputError, Mesh
from pcea.pictures import Camera, colors_of, render
from pcea.pictures.turntable import turntable

SIZE = (48, 32)


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that keeps what it is given, and how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "with open(sys.argv[-1], 'wb') as film: film.write(sys.stdin.buffer.read())\n"
        f"with open({str(folder / 'call')!r}, 'w') as call: call.write(' '.join(sys.argv[1:-1]))\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize("background", ["white", "dark", "transparent"])
def test_a_gif_is_the_frames(ball: Mesh, tmp_path: Path, background: str) -> None:
    path = tmp_path / "turn.gif"
    colors = colors_of(ball.vertices[:, 0])
    style = {"size": SIZE, "background": background}
    turntable(path, ball, colors, 7, 1.0, Camera(10, 5), **style)  # type: ignore[arg-type]
    with Image.open(path) as film:
        assert film.n_frames == 7  # type: ignore[attr-defined]
        assert film.info["loop"] == 0
        lengths = []
        for frame in range(7):
            film.seek(frame)
            lengths.append(film.info["duration"])
            shown = np.asarray(film.convert("RGBA")).astype(int)
            camera = Camera(10 + 360 * frame / 7, 5)
            wanted = render(ball, colors, camera, **style).astype(int)  # type: ignore[arg-type]
            if background == "transparent":
                assert (shown[..., 3] == 255 * (wanted[..., 3] >= 128)).all()
                inside = wanted[..., 3] == 255
            else:
                assert (shown[0, 0, :3] == wanted[0, 0]).all()
                inside = np.ones(SIZE[::-1], bool)
            assert np.abs(shown[..., :3] - wanted[..., :3]).max(axis=-1)[inside].max() < 24
    assert sum(lengths) == 1000


def test_the_same_file_twice(ball: Mesh, tmp_path: Path) -> None:
    for name in ("a.gif", "b.GIF"):
        turntable(tmp_path / name, ball, frames=3, size=SIZE)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.GIF").read_bytes()


def test_a_film_gets_every_frame(ball: Mesh, tmp_path: Path, ffmpeg: Path) -> None:
    path = tmp_path / "turn.mp4"
    turntable(path, ball, frames=5, seconds=2, size=(49, 33))
    frames = np.frombuffer(path.read_bytes(), np.uint8).reshape(5, 32, 48, 3)
    whole = render(ball, size=(49, 33))
    assert (frames[0] == whole[:32, :48]).all()
    call = (ffmpeg / "call").read_text()
    assert "-s 48x32" in call and "-r 2.5" in call and "yuv420p" in call


def test_a_film_that_fails_leaves_what_was_there(ball: Mesh, tmp_path: Path, ffmpeg: Path) -> None:
    path = tmp_path / "turn.mp4"
    path.write_text("before")
    (ffmpeg / "ffmpeg").write_text(
        f"#!{sys.executable}\nimport sys\nsys.exit('no codec')\n",
    )
    with pytest.raises(InputError, match=r"turn.mp4: ffmpeg cannot write it \(no codec\)"):
        turntable(path, ball, frames=2, size=SIZE)
    assert path.read_text() == "before"


def test_without_ffmpeg(ball: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(InputError, match=r"needs ffmpeg.*imageio-ffmpeg, or write a \.gif"):
        turntable(tmp_path / "turn.mp4", ball, frames=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "wish", "said"),
    [
        ("turn.webm", {}, r"not written as '.webm'"),
        ("turn.gif", {"frames": 1}, "frames is 1; it must be a whole number from 2 to 720"),
        ("turn.gif", {"seconds": 0}, "seconds is 0; it must be a finite number from 0.1 to 600"),
        ("turn.mp4", {"background": "transparent"}, r"write a \.gif"),
        ("turn.gif", {"background": "pink"}, "background is 'pink'; it must be 'white' or 'dark'"),
    ],
)
def test_wrong_wishes(
    ball: Mesh, tmp_path: Path, name: str, wish: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        turntable(tmp_path / name, ball, **wish)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
