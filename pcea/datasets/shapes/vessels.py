"""Things that stand on a shelf: bottle, lamp, mug, plant, vase."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from pcea.datasets.shapes.primitives import (
    Array,
    Parts,
    Solid,
    curve,
    ellipsoid,
    frustum,
    lathe,
    rectangle,
    ring,
    rod,
    slab,
    tube,
)


def bottle(rng: Generator) -> Parts:
    """A slim or stout, round or square bottle; with or without a cap."""
    radius, height = rng.uniform(0.1, 0.2), rng.uniform(0.35, 0.65)
    mouth = radius * rng.uniform(0.25, 0.45)
    power = rng.choice([2.0, 2.0, 5.0])
    rise = rng.uniform(0.06, 0.25)
    waist = rng.uniform(0.8, 1.05)
    shoulder = curve(
        [(radius, height), (radius, height + 0.7 * rise), (mouth, height + 0.4 * rise)], 7
    )
    profile = np.concatenate(
        [
            [(0, 0), (0.92 * radius, 0), (radius, 0.03), (waist * radius, height * 0.5)],
            shoulder,
            [(mouth, height + rise), (0, height + rise)],
        ]
    )
    parts: Parts = [("body", lathe(profile, 20, power))]
    length = rng.uniform(0.06, 0.24)
    lip = mouth * rng.uniform(1.0, 1.25)
    neck = height + rise - 0.01
    end = neck + length
    collar = [(0, neck), (mouth, neck), (mouth, end - 0.03), (lip, end - 0.025), (lip, end)]
    parts.append(("neck", lathe([*collar, (0, end)])))
    if rng.random() < 0.65:
        wide = lip * rng.uniform(0.85, 1.3)
        tall = rng.uniform(0.03, 0.07)
        crown = [(0, 0), (wide, 0), (wide, 0.8 * tall), (0.85 * wide, tall), (0, tall)]
        parts.append(("cap", lathe(crown).move(y=end - 0.01)))
    return parts


def mug(rng: Generator) -> Parts:
    """A cup, straight, flared or bellied, with a handle, angular, ear-shaped or a ring."""
    height, radius = rng.uniform(0.6, 1.2), rng.uniform(0.32, 0.5)
    rim, belly = radius * rng.uniform(0.85, 1.2), rng.uniform(0.0, 0.14)
    t = np.linspace(0, 1, 8)
    swell = radius + (rim - radius) * t + belly * np.sin(np.pi * t)
    outline = np.stack([swell, t * height], axis=1)
    outline[0, 0] *= 0.94
    power = 4.0 if rng.random() < 0.15 else 2.0
    cup = _cup(outline, wall=rng.uniform(0.025, 0.06), power=power)
    low, high = rng.uniform(0.12, 0.3) * height, rng.uniform(0.7, 0.92) * height
    reach = rng.uniform(0.2, 0.42)
    at_low, at_high = (np.interp(y, t * height, swell) - 0.03 for y in (low, high))
    thick = rng.uniform(0.035, 0.06)
    style = rng.choice(["ear", "ring", "angular"])
    if style == "ear":
        out = radius + belly + 1.35 * reach
        path = curve([(at_high, high), (out, high + 0.1), (out, low), (at_low, low)], 14)
    elif style == "ring":
        angle = np.linspace(0.62, -0.62, 14) * np.pi
        centre, tall = (low + high) / 2, (high - low) / 2
        middle = np.interp(centre, t * height, swell) + 0.25 * reach
        path = np.stack([middle + reach * np.cos(angle), centre + tall * np.sin(angle)], axis=1)
    else:
        out = max(at_low, at_high) + reach
        bend = 0.12 * (high - low)
        corners = [(at_high, high), (out - bend, high), (out, high - bend)]
        corners += [(out, low + bend), (out - bend, low), (at_low, low)]
        path = np.array(corners)
    section = ring(10) * (1.0, rng.uniform(0.9, 1.6))
    handle = tube(np.insert(path, 2, 0.0, axis=1), thick, section=section)
    return [("body", cup), ("handle", handle)]


def vase(rng: Generator) -> Parts:
    """A bellied body and an open neck; with or without two handles."""
    height, radius = rng.uniform(0.5, 0.9), rng.uniform(0.16, 0.34)
    foot, throat = radius * rng.uniform(0.45, 0.8), radius * rng.uniform(0.3, 0.65)
    where = rng.uniform(0.4, 0.75)
    belly = 2 * radius - (foot + throat) / 2  # the control point that makes the curve reach radius
    outline = curve([(foot, 0), (belly, height * where), (throat, height)], 12)
    power = 4.0 if rng.random() < 0.15 else 2.0
    wall = rng.uniform(0.018, 0.03)
    parts: Parts = [("body", _cup(outline, wall, power))]
    length, lip = rng.uniform(0.06, 0.4), throat * rng.uniform(0.95, 1.8)
    rise = curve([(throat, height), (throat, height + 0.6 * length), (lip, height + length)], 7)
    parts.append(("neck", _sleeve(rise, wall, power)))
    if rng.random() < 0.35:
        t = rng.uniform(0.5, 0.7)
        at = outline[int(t * 11)]
        out = max(at[0], lip) + rng.uniform(0.05, 0.2)
        top = height + 0.6 * length
        ends = [(throat * 0.98, top), (out, top + 0.1), (out + 0.05, at[1] + 0.1)]
        path = np.insert(curve([*ends, (at[0] - 0.02, at[1])], 10), 2, 0.0, axis=1)
        handle = tube(path, rng.uniform(0.02, 0.035), section=ring(8))
        parts += [("handle", handle), ("handle", handle.mirror())]
    return parts


def lamp(rng: Generator) -> Parts:
    """A lamp on a table or the floor, on a jointed arm, or hung from the ceiling."""
    style = rng.choice(["upright", "arm", "hanging"], p=[0.5, 0.32, 0.18])
    if style == "upright":
        return _upright_lamp(rng)
    return _arm_lamp(rng) if style == "arm" else _hanging_lamp(rng)


def plant(rng: Generator) -> Parts:
    """A pot with blades, with leaves along a stem, or with a small tree's crown."""
    radius, height = rng.uniform(0.16, 0.26), rng.uniform(0.22, 0.4)
    rim = radius * rng.uniform(1.05, 1.45)
    collar = rim * rng.uniform(1.0, 1.12)
    soil = 0.88 * height
    profile = [(0, 0), (radius, 0), (rim, 0.8 * height), (collar, 0.8 * height)]
    profile += [(collar, height), (0.85 * rim, height), (0.85 * rim, soil), (0, soil)]
    power = rng.choice([2.0, 2.0, 8.0])
    parts: Parts = [("pot", lathe(profile, 20, power))]
    grown = {"blades": _blades, "leaves": _leaves, "tree": _tree}
    parts += grown[rng.choice(list(grown))](rng, soil, radius)
    return parts


def _cup(outline: Array, wall: float, power: float = 2.0) -> Solid:
    """A hollow body with a floor; `outline` is its outside, from the floor up to the rim."""
    floor = outline[0, 1] + wall
    inside = outline[::-1] - (wall, 0)
    inside = inside[inside[:, 1] > floor]
    foot = (max(float(outline[0, 0]) - wall, 0.2 * wall), floor)
    profile = [(0, outline[0, 1]), *outline, *inside, foot, (0, floor)]
    return lathe(profile, 24, power)


def _sleeve(outline: Array, wall: float, power: float = 2.0) -> Solid:
    """A wall around the axis that is open at both ends."""
    return lathe(np.concatenate([outline, outline[::-1] - (wall, 0)]), 24, power, loop=True)


def _shade(rng: Generator, radius: float, height: float) -> Solid:
    """A hollow cone, bell or drum that opens downward, its upper rim on y = 0."""
    top = radius * rng.uniform(0.3, 0.95)
    bulge = rng.uniform(-0.35, 0.3) * radius
    middle = ((radius + top) / 2 + bulge, -0.5 * height)
    outline = curve([(radius, -height), middle, (top, 0.0)], 6)
    return _sleeve(outline, 0.02, power=rng.choice([2.0, 2.0, 6.0]))


def _upright_lamp(rng: Generator) -> Parts:
    floor = rng.random() < 0.4
    height = rng.uniform(1.1, 1.6) if floor else rng.uniform(0.45, 0.75)
    radius, tall = rng.uniform(0.17, 0.32), rng.uniform(0.18, 0.34)
    foot = radius * rng.uniform(0.5, 0.85)
    thick = rng.uniform(0.014, 0.03)
    if not floor and rng.random() < 0.5:
        belly = rng.uniform(0.6, 1.0) * radius
        rise = height * rng.uniform(0.4, 0.65)
        outline = curve([(0.5 * foot, 0), (2 * belly, 0.4 * rise), (thick, rise)], 10)
        base = lathe([(0, 0), *outline, (0, rise)])
    else:
        rise = rng.uniform(0.02, 0.08)
        power = rng.choice([2.0, 8.0])
        base = lathe([(0, 0), (foot, 0), (foot, 0.5 * rise), (thick, rise), (0, rise)], 20, power)
    pole = frustum(thick, thick, height + 0.02 - 0.5 * rise, 10).move(y=0.5 * rise)
    shade = _shade(rng, radius, tall).move(y=height + 0.35 * tall)
    holder = rod((-0.6 * radius, height, 0), (0.6 * radius, height, 0), 0.5 * thick)
    return [("base", base), ("pole", pole), ("pole", holder), ("shade", shade)]


def _arm_lamp(rng: Generator) -> Parts:
    foot, rise = rng.uniform(0.12, 0.2), rng.uniform(0.025, 0.06)
    base = slab(2 * foot, rise, 2 * foot, rng.choice([2.0, 6.0])).move(y=rise / 2)
    thick = rng.uniform(0.012, 0.022)
    parts: Parts = [("base", base)]
    if rng.random() < 0.6:
        elbow = np.array([0, rng.uniform(0.35, 0.6), rng.uniform(0.0, 0.25)])
        head = elbow + (0, rng.uniform(-0.05, 0.3), -rng.uniform(0.3, 0.55))
        parts.append(("pole", rod((0, rise / 2, 0), elbow, thick)))
        parts.append(("pole", rod(elbow, head, thick)))
        parts.append(("pole", ellipsoid(1.8 * thick, 1.8 * thick, 1.8 * thick, 10).move(*elbow)))
    else:
        height, reach = rng.uniform(0.6, 1.0), rng.uniform(0.3, 0.6)
        head = np.array([0, height * rng.uniform(0.75, 1.0), -reach])
        bend = [(0, rise / 2, 0), (0, 1.3 * height, 0.1), (0, 1.2 * height, -reach), tuple(head)]
        parts.append(("pole", tube(curve(bend, 14), thick)))
    radius, tall = rng.uniform(0.1, 0.18), rng.uniform(0.14, 0.24)
    shade = _shade(rng, radius, tall).move(y=0.02).turn("x", rng.uniform(0, 45))
    parts.append(("shade", shade.move(*head)))
    bulb = ellipsoid(0.35 * radius, 0.5 * radius, 0.35 * radius, 10).move(y=-0.4 * radius)
    parts.append(("shade", bulb.move(*head)))
    return parts


def _hanging_lamp(rng: Generator) -> Parts:
    drop = rng.uniform(0.35, 0.9)
    radius, tall = rng.uniform(0.18, 0.36), rng.uniform(0.14, 0.34)
    foot, rise = rng.uniform(0.06, 0.12), rng.uniform(0.03, 0.06)
    base = lathe([(0, 0), (0.6 * foot, 0), (foot, rise), (0, rise)]).move(y=tall + drop)
    pole = frustum(0.012, 0.012, drop + 0.5 * tall, 8).move(y=0.6 * tall)
    shade = _shade(rng, radius, tall).move(y=tall)
    holder = rod((-0.7 * radius, 0.85 * tall, 0), (0.7 * radius, 0.85 * tall, 0), 0.01)
    bulb = ellipsoid(0.05, 0.07, 0.05, 10).move(y=0.6 * tall)
    return [("base", base), ("pole", pole), ("pole", holder), ("shade", shade), ("shade", bulb)]


def _leaf(length: float, width: float, lift: npt.ArrayLike) -> Solid:
    """A flat, pointed leaf: (K, 2) rows of `lift` are its midrib, outward (z) and up (y)."""
    rib = np.asarray(lift, dtype=np.float64) * length
    path = np.stack([np.zeros(len(rib)), rib[:, 1], rib[:, 0]], axis=1)
    spread = np.sin(np.linspace(0.25, 0.97, len(rib)) * np.pi) ** 0.8
    return tube(path, width * spread, section=rectangle(1.0, 0.14), up=(0, 1, -1))


def _blades(rng: Generator, soil: float, radius: float) -> Parts:
    """Long arching blades from a short stem."""
    count, length = int(rng.integers(6, 13)), rng.uniform(0.45, 0.9)
    stem = frustum(0.35 * radius, 0.2 * radius, rng.uniform(0.08, 0.2), 10)
    parts: Parts = [("stem", stem.move(y=soil - 0.01))]
    for i in range(count):
        reach, droop = rng.uniform(0.35, 0.8), rng.uniform(0.3, 1.0)
        rib = curve([(0, 0), (0.15, 0.8), (reach, droop)], 7)
        blade = _leaf(length * rng.uniform(0.8, 1.1), rng.uniform(0.08, 0.13), rib)
        turned = blade.turn("y", 360 * (i + rng.uniform(-0.3, 0.3)) / count)
        parts.append(("leaf", turned.move(y=soil + 0.05)))
    return parts


def _leaves(rng: Generator, soil: float, radius: float) -> Parts:
    """Broad leaves along one to three stems."""
    parts: Parts = []
    for _ in range(int(rng.integers(1, 4))):
        height = rng.uniform(0.45, 0.95)
        x, z = rng.uniform(-0.5, 0.5, 2) * radius
        lean_x, lean_z = rng.uniform(-0.2, 0.2, 2)
        foot = (x, soil - 0.02, z)
        top = (x + lean_x, soil + height, z + lean_z)
        stem = curve([foot, (x, soil + 0.6 * height, z), top], 8)
        parts.append(("stem", tube(stem, np.linspace(0.022, 0.012, 8), up=(1, 0, 0.3))))
        count = int(rng.integers(4, 8))
        for i in range(count):
            rib = curve([(0, 0), (0.4, 0.5), (1.0, rng.uniform(-0.2, 0.6))], 6)
            leaf = _leaf(rng.uniform(0.22, 0.38), rng.uniform(0.12, 0.2), rib)
            at = stem[2 + (5 * i) // max(count - 1, 1)]
            parts.append(("leaf", leaf.turn("y", 137.5 * i + rng.uniform(-25, 25)).move(*at)))
    return parts


def _tree(rng: Generator, soil: float, radius: float) -> Parts:
    """A trunk with a round or pointed crown."""
    height = rng.uniform(0.3, 0.7)
    trunk = frustum(0.17 * radius, 0.12 * radius, height + 0.1, 10)
    parts: Parts = [("stem", trunk.move(y=soil - 0.02))]
    top = soil + height
    if rng.random() < 0.4:
        count, wide = int(rng.integers(2, 5)), rng.uniform(0.22, 0.38)
        for i in range(count):
            size = wide * (1 - 0.22 * i)
            parts.append(("leaf", frustum(size, 0, 1.2 * size, 14).move(y=top + 0.6 * i * size)))
        return parts
    for _ in range(int(rng.integers(2, 6))):
        size = rng.uniform(0.14, 0.26)
        x, y, z = rng.uniform(-0.16, 0.16, 3)
        parts.append(("leaf", ellipsoid(size, 0.9 * size, size, 12).move(x, top + 0.15 + y, z)))
    return parts
