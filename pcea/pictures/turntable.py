"""Animations of a turning shape: GIF, or MP4 if ffmpeg is installed."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

from pcea.defaults import Background
from pcea.errors import InputError, checked, nearest
from pcea.formats import ShapeLike, as_shape, replacing
from pcea.formats.raw import Array
from pcea.pictures.camera import Camera
from pcea.pictures.render import render

TURNTABLE_FORMATS = (".gif", ".mp4")
# With dithering, the pattern of dots would change from frame to frame.
NO_DITHER = Image.Dither.NONE


@checked(frames=(2, 720), seconds=(0.1, 600))
def turntable(
    path: str | os.PathLike[str],
    shape: ShapeLike,
    colors: ArrayLike | Tensor | None = None,
    frames: int = 48,
    seconds: float = 4.0,
    camera: Camera | None = None,
    size: tuple[int, int] = (400, 400),
    background: Background = "white",
    **options: Any,
) -> None:
    """Write an animation of one turn around a shape, which repeats seamlessly.

    Args:
        path: a ``.gif`` or ``.mp4`` file; an error leaves no partial file. A GIF has 256 colors,
            chosen once for all frames; MP4 needs ffmpeg or the package imageio-ffmpeg.
        shape: as for :func:`pcea.pictures.render`.
        colors: as for :func:`pcea.pictures.render`.
        frames: the number of pictures, 2 to 720.
        seconds: the duration.
        camera: the view at the beginning.
        size: width and height in pixels.
        background: ``"white"`` or ``"dark"``; for a GIF ``"transparent"``, too.
        **options: further arguments of :func:`pcea.pictures.render`, such as ``renderer``.

    Raises:
        InputError: an argument is wrong, the renderer does not work here, ffmpeg is missing, or
            the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in TURNTABLE_FORMATS:
        near = nearest(ending, TURNTABLE_FORMATS)
        raise InputError(f"{path}: a turntable is not written as {ending!r}{near}")
    shape, view = as_shape(shape), camera or Camera()

    def draw(frame: int) -> Array:
        turned = replace(view, azimuth=view.azimuth + 360 * frame / frames)
        return render(shape, colors, turned, size, background, **options)

    if ending == ".gif":
        _write_gif(path, draw, frames, seconds)
    elif background == "transparent":
        raise InputError(f"{path}: a film has no transparent background: write a .gif")
    else:
        _write_mp4(path, map(draw, range(frames)), frames / seconds, size)


def _write_gif(
    path: str | os.PathLike[str], draw: Callable[[int], Array], frames: int, seconds: float
) -> None:
    """Write frames that share one palette, so that no color flickers."""
    some = np.stack([draw(frame) for frame in range(0, frames, max(frames // 8, 1))])
    clear, color, empty = some.shape[3] == 4, some[..., :3], some[0, 0, 0, :3]
    drawn = color[(color != empty).any(axis=-1)]  # (n, 3)
    drawn = drawn[:: len(drawn) // 100_000 + 1] if len(drawn) else empty[None]
    method = Image.Quantize.MAXCOVERAGE
    chosen = Image.fromarray(drawn[None]).quantize(255, method, kmeans=1, dither=NO_DITHER)
    colors = (chosen.getpalette() or [])[: 3 * 255]
    # The last color is that of the background; nothing else may have it if it is transparent.
    colors += colors[:3] * (255 - len(colors) // 3) + (colors[:3] if clear else empty.tolist())
    palette = Image.new("P", (1, 1))
    palette.putpalette(colors)

    def quantized(number: int) -> Image.Image:
        picture = draw(number)
        frame = Image.fromarray(picture[..., :3]).quantize(palette=palette, dither=NO_DITHER)
        if clear:
            frame.paste(255, mask=Image.fromarray((picture[..., 3] < 128) * np.uint8(255)))
        return frame

    # A GIF counts hundredths of a second: rounding the end of each frame keeps the total exact.
    ends = [round(100 * seconds * number / frames) for number in range(frames + 1)]
    more: dict[str, Any] = {"transparency": 255, "disposal": 2} if clear else {}
    more["append_images"] = map(quantized, range(1, frames))
    more["duration"] = [10 * (end - start) for start, end in pairwise(ends)]
    with replacing(path) as file:
        quantized(0).save(file, "GIF", save_all=True, loop=0, optimize=False, **more)


def _write_mp4(
    path: str | os.PathLike[str], pictures: Iterable[Array], rate: float, size: tuple[int, int]
) -> None:
    try:
        program = shutil.which("ffmpeg") or import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        advice = "pip install imageio-ffmpeg, or write a .gif"
        raise InputError(f"{path}: MP4 needs ffmpeg, which is missing: {advice}") from error
    width, height = size[0] // 2 * 2, size[1] // 2 * 2  # the codec needs even numbers
    options = (
        f"-y -loglevel error -f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {rate:.6f} -i - -an "
        "-vcodec libx264 -crf 18 -pix_fmt yuv420p -movflags +faststart"
    )
    with tempfile.TemporaryDirectory(prefix="pcea-") as folder:
        draft = Path(folder, "film.mp4")
        with Popen([program, *options.split(), draft], stdin=PIPE, stderr=PIPE) as encoder:
            assert encoder.stdin is not None and encoder.stderr is not None
            with suppress(BrokenPipeError), encoder.stdin:  # ffmpeg's stderr says why
                for picture in pictures:
                    encoder.stdin.write(picture[:height, :width].tobytes())
            errors = encoder.stderr.read().decode(errors="replace")
        if encoder.returncode:
            reason = " ".join(errors.split())[-200:]
            raise InputError(f"{path}: ffmpeg cannot write it ({reason}): write a .gif")
        with replacing(path) as file:
            file.write(draft.read_bytes())
