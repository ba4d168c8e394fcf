"""Things that make music: guitar."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from pcea.datasets.shapes.primitives import Parts, box, extrude, frustum, rod


def guitar(rng: Generator) -> Parts:
    """An acoustic or electric guitar that stands on its body; strings to -z."""
    electric = rng.random() < 0.5
    width, tall = rng.uniform(0.34, 0.42), rng.uniform(0.42, 0.52)
    depth = rng.uniform(0.05, 0.07) if electric else rng.uniform(0.09, 0.14)
    outline = _horned(rng) if electric else _waisted(rng)
    body = extrude(outline * (width / 2, tall / 2), depth, bevel=0.012).move(y=tall / 2)
    front = -depth / 2
    parts: Parts = [("body", body)]
    bridge = box(0.36 * width, 0.03, 0.024).move(y=0.27 * tall, z=front - 0.008)
    parts.append(("body", bridge))
    if electric:
        for y in (0.42, 0.56):
            parts.append(("body", box(0.2, 0.035, 0.02).move(y=y * tall, z=front - 0.006)))
    else:
        hole = frustum(0.13 * width, 0.13 * width, 0.012).turn("x", 90)
        parts.append(("body", hole.move(y=0.58 * tall, z=front - 0.006)))
    start, end = 0.66 * tall, tall + rng.uniform(0.4, 0.55)
    thick = rng.uniform(0.05, 0.065)
    neck = box(thick, end - start, 0.035, top=(0.8, 0.8))
    parts.append(("neck", neck.move(y=(start + end) / 2, z=front - 0.008)))
    head_tall, flare = rng.uniform(0.13, 0.2), rng.uniform(1.2, 2.0)
    lopsided = rng.uniform(-0.03, 0.03) if electric else 0.0
    low, high = 0.45 * thick, 0.45 * thick * flare
    shape = [(-low, 0), (low, 0), (high + lopsided, 0.3 * head_tall)]
    shape += [(0.9 * high + lopsided, head_tall), (lopsided - 0.9 * high, 0.96 * head_tall)]
    shape += [(lopsided - high, 0.3 * head_tall)]
    head = extrude(shape, 0.025)
    pegs = []
    for i in range(3):
        y = head_tall * (0.32 + 0.25 * i)
        peg = rod((lopsided, y, 0), (lopsided + high + 0.03, y, 0), 0.009)
        pegs += [peg, rod((lopsided, y, 0), (lopsided - high - 0.03, y, 0), 0.009)]
    tilt = rng.uniform(4, 16)
    parts += [
        ("head", s.turn("x", tilt).move(y=end - 0.01, z=front - 0.006)) for s in (head, *pegs)
    ]
    return parts


def _waisted(rng: Generator) -> np.ndarray:
    """An acoustic guitar's outline within the unit square, (32, 2)."""
    angle = 2 * np.pi * np.arange(32) / 32
    waist, upper = rng.uniform(0.68, 0.82), rng.uniform(0.72, 0.86)
    x, y = np.cos(angle), np.sin(angle)
    wide = np.where(y > 0, 1 - (1 - upper) * np.clip(2 * y, 0, 1), 1.0)
    pinch = 1 - (1 - waist) * np.exp(-(((y - 0.22) / 0.22) ** 2))
    full = np.sign(x) * np.abs(x) ** 0.6
    return np.stack([full * wide * pinch, y], axis=1)


def _horned(rng: Generator) -> np.ndarray:
    """An electric guitar's outline: cut away beside the neck, with one or two horns."""
    left, right = rng.uniform(0.85, 1.15), rng.uniform(0.7, 1.0)
    half = [(0.0, -1.0), (0.6, -0.95), (0.95, -0.6), (0.92, -0.2), (0.72, 0.12), (0.78, 0.4)]
    tips = [(0.72, 0.75), (0.5, 0.72), (0.32, 0.42)]
    starboard = [*half, *((x, y * right) for x, y in tips)]
    port = [(-x, y) for x, y in half[1:]] + [(-x, y * left) for x, y in tips]
    return np.array([*starboard, *reversed(port)])
