"""A shape that turns: GIF, and MP4 where ffmpeg is at hand."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

from pcea.errors import InputError, nearest
from pcea.formats import ShapeLike, as_shape
from pcea.formats.raw import Array
from pcea.formats.write import replacing
from pcea.pictures.camera import Camera
from pcea.pictures.raycast import Renderer
from pcea.pictures.render import Background, render

TURNTABLE_FORMATS = (".gif", ".mp4")
MOST_FRAMES = 720
NO_DITHER = Image.Dither.NONE


def turntable(
    path: str | os.PathLike[str],
    shape: ShapeLike,
    colors: ArrayLike | Tensor | None = None,
    frames: int = 48,
    seconds: float = 4.0,
    camera: Camera | None = None,
    size: tuple[int, int] = (400, 400),
    background: Background = "white",
    renderer: Renderer = "auto",
    color_by: Literal["auto", "vertices", "faces"] = "auto",
    point_size: float | None = None,
) -> None:
    """Draw one turn around a shape, which repeats without a seam, and write it.

    Args:
        path: where it goes, ``.gif`` or ``.mp4``; it is written whole or not at all. A GIF has 256
            colors, chosen once for all frames; MP4 needs ffmpeg or the package imageio-ffmpeg.
        shape: as for :func:`pcea.pictures.render`, and so on.
        colors: of its vertices, faces or points.
        frames: how many pictures a turn has, 2 to 720.
        seconds: how long a turn takes.
        camera: where the turn begins.
        size: width and height in pixels.
        background: ``"white"`` or ``"dark"``; for a GIF ``"transparent"``, too.
        renderer: who finds the triangles.
        color_by: whose colors they are.
        point_size: how large a cloud's points are.

    Raises:
        InputError: an argument is wrong, the renderer does not work here, ffmpeg is missing, or
            the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in TURNTABLE_FORMATS:
        raise InputError(
            f"{path}: a turntable is not written as {ending!r}{nearest(ending, TURNTABLE_FORMATS)}"
        )
    if not 2 <= frames <= MOST_FRAMES:
        raise InputError(f"a turn has 2 to {MOST_FRAMES} frames, not {frames}")
    if not 0.1 <= seconds <= 600:
        raise InputError(f"a turn takes 0.1 to 600 seconds, not {seconds:g}")
    if ending == ".mp4" and background == "transparent":
        raise InputError(f"{path}: a film has no transparent background: write a .gif")
    program = _ffmpeg(path) if ending == ".mp4" else ""
    shape, view = as_shape(shape), camera or Camera()

    def draw(frame: int) -> Array:
        turned = replace(view, azimuth=view.azimuth + 360 * frame / frames)
        return render(*(shape, colors, turned, size, background, renderer, color_by, point_size))

    if ending == ".gif":
        with replacing(path) as file:
            _write_gif(file, draw, frames, 1000 * seconds / frames)
    else:
        _write_mp4(path, program, map(draw, range(frames)), frames / seconds, size)


def _write_gif(
    file: IO[bytes], draw: Callable[[int], Array], frames: int, milliseconds: float
) -> None:
    """Write frames that share one palette, so that no color flickers and no dither crawls."""
    common, clear = _palette(draw, frames)

    def quantized(number: int) -> Image.Image:
        picture = draw(number)
        frame = Image.fromarray(picture[..., :3]).quantize(palette=common, dither=NO_DITHER)
        if clear:
            frame.paste(255, mask=Image.fromarray((picture[..., 3] < 128) * np.uint8(255)))
        return frame

    # GIF counts hundredths of a second; what is lost in one frame, the next makes up for.
    ends = [round(milliseconds / 10 * number) for number in range(frames + 1)]
    more: dict[str, Any] = {"transparency": 255, "disposal": 2} if clear else {}
    quantized(0).save(
        file,
        "GIF",
        save_all=True,
        append_images=map(quantized, range(1, frames)),
        duration=[10 * (end - start) for start, end in pairwise(ends)],
        loop=0,
        optimize=False,
        **more,
    )


def _palette(draw: Callable[[int], Array], frames: int) -> tuple[Image.Image, bool]:
    """Choose 256 colors, and say whether the last one, the background's, is transparent."""
    # A few frames know all colors. The background needs but one of them.
    some = [draw(frame) for frame in range(0, frames, max(frames // 8, 1))]
    clear = some[0].shape[2] == 4
    empty = some[0][0, 0, :3]
    together = np.concatenate([picture[..., :3] for picture in some])
    drawn = together[(together != empty).any(axis=-1)]  # (n, 3)
    if not len(drawn):
        drawn = empty[None]
    drawn = drawn[:: len(drawn) // 100_000 + 1]
    chosen = Image.fromarray(drawn[None]).quantize(
        255, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=NO_DITHER
    )
    entries = (chosen.getpalette() or [])[: 3 * 255]
    common = Image.new("P", (1, 1))
    # A clear one must share its color with nothing that is drawn.
    last = entries[:3] if clear else empty.tolist()
    common.putpalette([*entries, *entries[:3] * (255 - len(entries) // 3), *last])
    return common, clear


def _ffmpeg(path: str | os.PathLike[str]) -> str:
    if found := shutil.which("ffmpeg"):
        return found
    try:
        return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise InputError(
            f"{path}: MP4 needs ffmpeg, which is missing: pip install imageio-ffmpeg, "
            "or write a .gif"
        ) from error


def _write_mp4(
    path: str | os.PathLike[str],
    program: str,
    pictures: Iterator[Array],
    rate: float,
    size: tuple[int, int],
) -> None:
    width, height = size[0] // 2 * 2, size[1] // 2 * 2  # the codec wants even numbers
    command = [program, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", f"{rate:.6f}", "-i", "-", "-an"]
    command += ["-vcodec", "libx264", "-crf", "18", "-pix_fmt", "yuv420p"]
    command += ["-movflags", "+faststart"]
    with tempfile.TemporaryDirectory(prefix="pcea-") as folder:
        draft, errors = Path(folder, "film.mp4"), Path(folder, "errors")
        with errors.open("wb") as complaints:
            encoder = subprocess.Popen(
                [*command, str(draft)], stdin=PIPE, stdout=DEVNULL, stderr=complaints
            )
        assert encoder.stdin is not None
        try:
            with suppress(BrokenPipeError), encoder.stdin:  # it says itself why it ended early
                for picture in pictures:
                    encoder.stdin.write(picture[:height, :width].tobytes())
        except BaseException:
            encoder.kill()
            raise
        finally:
            encoder.wait()
        if encoder.returncode:
            said = " ".join(errors.read_text(errors="replace").split())[-200:]
            raise InputError(f"{path}: ffmpeg cannot write it ({said}): write a .gif")
        with replacing(path) as file:
            file.write(draft.read_bytes())
