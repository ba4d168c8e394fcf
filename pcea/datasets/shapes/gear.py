"""Objects to wear, carry or ride, from bag to skateboard. What has a front faces -z."""

import numpy as np
from numpy.random import Generator

from pcea.datasets.shapes.solids import (
    Array,
    Parts,
    Solid,
    both,
    box,
    curve,
    ellipsoid,
    extrude,
    frustum,
    lathe,
    loft,
    rectangle,
    ring,
    rod,
    slab,
    tube,
)


def bag(rng: Generator) -> Parts:
    """A handbag with one or two arched handles, a suitcase, or a rucksack with straps."""
    width, height, depth = rng.uniform(0.6, 1.1), rng.uniform(0.5, 1.1), rng.uniform(0.18, 0.45)
    style, thick = (
        rng.choice(["handbag", "handbag", "suitcase", "rucksack"]),
        rng.uniform(0.015, 0.03),
    )
    top = rng.uniform(0.55, 1.0) if style == "handbag" else rng.uniform(0.85, 1.0)
    power = 12.0 if style == "suitcase" else rng.uniform(2.5, 6.0)
    profile = [(0.93, 0), (1, 0.08), (top, 0.85), (0.8 * top, 1)]
    yield "body", lathe(profile, power, 28).scale(width / 2, height, depth / 2)
    half, rise, back = rng.uniform(0.15, 0.36) * width, rng.uniform(0.15, 0.6), depth / 2
    if style == "handbag":
        half = min(half, 0.38 * top * width)
    if style == "suitcase":
        half, rise = 0.1 * width, 0.12
    if style == "rucksack":
        half, rise = 0.08 * width, 0.12
        pocket = slab(0.7 * width, 0.45 * height, 0.5 * depth, 4.0)
        yield "body", pocket.move(y=0.28 * height, z=-0.95 * back)
        strap = [(0.12, 0.92, 0.6), (0.2, 0.95, 2.0), (0.36, 0.5, 2.6), (0.34, 0.08, 0.9)]
        bend = curve(np.array(strap) * (width, height, back), 12)
        yield "handle", both(tube(bend, thick, rectangle(4.0, 1.0)))
    arch = [(-half, 0.97 * height, 0), (-half, height + 1.35 * rise, 0)]
    handle = tube(curve([*arch, *((-x, y, z) for x, y, z in arch[::-1])], 14), thick)
    apart = 0.3 * top * depth if style == "handbag" and rng.random() < 0.5 else 0.0
    yield "handle", [handle.move(z=apart), handle.move(z=-apart)] if apart else handle


def cap(rng: Generator) -> Parts:
    """A cap with a peak, a hat with a brim, a beret or a knitted cap with a cuff."""
    style = rng.choice(["peak", "peak", "brim", "brim", "beret", "cuff"])
    radius, height = 0.5, rng.uniform(0.3, 0.55) if style != "cuff" else rng.uniform(0.5, 0.9)
    crown = _dome(radius, height, rng.uniform(0.45, 1.0))
    if style == "beret":
        band, wide = rng.uniform(0.6, 0.8) * radius, rng.uniform(1.1, 1.5) * radius
        crown = curve(
            [(band, 0), (wide, 0.3 * height), (wide, 0.7 * height), (0, 0.6 * height)], 10
        )
    middle = np.array((0.0, 0.3 * height))
    inside = middle + 0.96 * (crown[::-1] - middle)
    long = rng.uniform(1.0, 1.3)
    yield "crown", lathe([*inside, *crown], segments=28).scale(z=long)
    if style == "peak":
        reach, angle = rng.uniform(0.25, 0.5), np.linspace(0.06, 0.94, 15) * np.pi
        out = 0.97 * radius + 0.5 * reach * np.sin(angle)
        path = np.stack([out * np.cos(angle), 0 * angle, -out * np.sin(angle)], axis=1)
        peak = tube(path, reach * np.sin(angle), rectangle(1.0, 0.05), up=(0, 1, 0))
        beyond = np.linalg.norm(peak.vertices[:, ::2], axis=1) - 0.97 * radius
        bow = 1 + rng.uniform(0, 6) * peak.vertices[:, 0] ** 2
        sunk = rng.uniform(-0.1, 0.4) * bow * beyond
        yield "peak", Solid(peak.vertices - np.outer(sunk, (0, 1, 0)), peak.faces).scale(z=long)
    elif style == "brim":
        wide, drop = radius * rng.uniform(1.35, 2.0), rng.uniform(-0.1, 0.12)
        edge = [(radius - 0.01, 0.0), (wide, -drop), (wide, 0.02 - drop), (radius - 0.01, 0.02)]
        brim = lathe(edge, segments=28, loop=True)
        # The sides of some brims are turned up.
        bent = brim.vertices + (0, rng.choice([0.0, 0.0, 0.35]), 0) * brim.vertices[:, :1] ** 2
        yield "peak", Solid(bent, brim.faces).scale(z=long)
    elif style == "cuff":
        wide, tall = 1.07 * radius, rng.uniform(0.2, 0.35)
        edge = [(radius, 0), (wide, 0.02), (wide, tall - 0.02), (radius, tall)]
        yield "peak", lathe(edge, segments=28, loop=True).scale(z=long)
        if rng.random() < 0.4:
            yield "crown", ellipsoid(0.13, 0.13, 0.13).move(y=height + 0.08)


def earphone(rng: Generator) -> Parts:
    """A headset with a band over the head, with or without a wire, or two earbuds on wires."""
    thick, drop = rng.uniform(0.012, 0.02), rng.uniform(0.6, 1.4)
    if rng.random() < 0.3:
        x, size = rng.uniform(0.12, 0.3), rng.uniform(0.06, 0.1)
        bud = ellipsoid(1.2 * size, size, size).move(x, 0)
        stem = frustum(0.4 * size, 0.3 * size, 2.5 * size, 10).move(x + 0.3 * size, -2.4 * size)
        yield "cup", both(bud, stem)
        low = (0.0, -0.6 * drop, 0.0)
        bend = curve(
            [(x + 0.3 * size, -2.3 * size, 0), (x, -0.4 * drop, 0.1), (0, -0.4, 0), low], 10
        )
        yield "wire", both(tube(bend, 0.7 * thick, ring(8)))
        end = [low, (0, -drop, 0.1), (0.1, -1.3 * drop, 0)]
        yield "wire", tube(curve(end, 10), thick, ring(8))
        return
    half, rise = rng.uniform(0.35, 0.5), rng.uniform(0.45, 0.75)
    angle = np.linspace(-0.05, 1.05, 21) * np.pi
    arch = np.stack([half * np.cos(angle), rise * np.sin(angle), 0 * angle], axis=1)
    band = rectangle(rng.uniform(1.0, 2.0) * thick, rng.uniform(2.0, 8.0) * thick)
    yield "headband", tube(arch, 1.0, band, up=(0, 0, 1))
    size, deep = rng.uniform(0.14, 0.26), rng.uniform(0.08, 0.18)
    shape = [(0.6, 0), (0.95, 0.1), (1.0, 0.6), (0.75, 1.0)]
    cup = lathe(np.array(shape) * (size, deep)).scale(x=rng.uniform(1.0, 1.35)).turn("z", 90)
    yield "cup", both(cup.move(half + 0.5 * deep, -0.08))
    if rng.random() < 0.4:
        path = [(half, -size, 0), (half, -drop, 0), (half - 0.3, -0.5 * drop, 0.1), (0, -drop, 0.1)]
        yield "wire", tube(curve(path, 14), 0.8 * thick, ring(8))
    if rng.random() < 0.25:  # a microphone in front of the mouth
        path = [(half, -0.1, -0.1), (half, -0.4, -0.5), (0.2 * half, -0.45, -0.5)]
        yield "wire", tube(curve(path, 10), thick, ring(8))


def glasses(rng: Generator) -> Parts:
    """Glasses with round or angular lenses, with or without rims, their temples open or folded."""
    wide = rng.uniform(0.2, 0.34)
    tall, power = wide * rng.uniform(0.5, 1.05), rng.choice([2.0, 2.5, 4.0])
    gap, thick = rng.uniform(0.04, 0.1), rng.uniform(0.01, 0.035)
    middle, wrap = gap + wide, rng.uniform(0, 14)
    outline = ring(24, power) * (wide, tall * rng.choice([1.0, 1.15]))
    outline[:, 1] *= np.where(outline[:, 1] > 0, rng.uniform(0.7, 1.0), 1.0)
    lens = extrude(0.98 * outline, 0.014).turn("y", -wrap).move(x=middle)
    yield "lens", both(lens)
    if rng.random() < 0.8:
        rim = tube(np.insert(outline, 2, 0.0, axis=1), thick, loop=True, up=(0, 0, 1))
        yield "frame", both(rim.turn("y", -wrap).move(x=middle))
    level, rise = rng.uniform(-0.1, 0.45) * tall, rng.uniform(0.0, 0.12)
    arch = curve([(-gap, level, 0), (0, level + rise, -0.03), (gap, level, 0)], 8)
    bridge = [tube(arch, max(thick, 0.016), up=(0, 0, 1))]
    if rng.random() < 0.4:  # pads for the nose
        bridge += both(ellipsoid(0.016, 0.045, 0.03).move(0.8 * gap, -0.3 * tall, 0.04))
    yield "bridge", bridge
    side, high = middle + 0.97 * wide, rng.uniform(0.1, 0.5) * tall
    long, hook, flare = rng.uniform(0.85, 1.3), rng.uniform(0.05, 0.25), rng.uniform(-0.05, 0.06)
    path = [(0, 0, 0), (flare, 0.02, 0.5 * long), (0, 0.02, 0.85 * long), (-0.04, -hook, long)]
    section = (
        rectangle(1.0, rng.uniform(1.0, 3.0)) * thick if rng.random() < 0.5 else ring(8) * thick
    )
    temple = tube(curve(path, 14), 1.0, section, up=(1, 0, 0))
    if rng.random() < 0.15:
        temple = temple.turn("y", -rng.uniform(80, 88))
    yield "frame", both(temple.move(side, high, wide * np.sin(np.deg2rad(wrap))))


def knife(rng: Generator) -> Parts:
    """A kitchen knife, a dagger or a sword, upright with its tip up or down, or lying."""
    sword = rng.random() < 0.25
    long, wide = rng.uniform(0.9, 1.6) if sword else rng.uniform(0.6, 1.0), rng.uniform(0.05, 0.12)
    tip, thick = rng.uniform(0.1, 0.4) * long, rng.uniform(0.012, 0.03)
    one_edge = not sword and rng.random() < 0.7
    right = curve([(wide, long - tip), (wide, long - 0.3 * tip), (0.0, long)], 6)
    left = [(-wide, long - tip)]
    if one_edge:  # the back is straight, and the tip lies on it
        right = curve([(wide, long - tip), (wide, long - 0.3 * tip), (-wide, long)], 6)
        left = []
    blade = [
        extrude([(-wide, 0), (wide, 0), (wide, 0.5 * long), *right, *left], 2 * thick, 0.4 * thick)
    ]
    grip, round_ = rng.uniform(0.3, 0.5), rng.uniform(0.3, 0.5) * wide
    bend = curve([(0, 0.02, 0), (0, -0.5 * grip, 0), (rng.uniform(-0.3, 0.3) * wide, -grip, 0)], 6)
    section = ring(10) * (max(0.6 * round_, thick), rng.uniform(1.0, 1.8) * round_)
    handle = [tube(bend, 1.0, section, up=(0, 0, 1))]
    if sword or rng.random() < 0.3:
        guard = rng.uniform(1.6, 3.5) * wide
        handle.append(box(2 * guard, 0.05, 3 * thick).move(y=0.01))
        handle.append(ellipsoid(1.2 * round_, 1.2 * round_, 1.2 * round_, 10).move(y=-grip))
    turn = rng.choice([0.0, 0.0, 180.0, 90.0])
    yield "blade", [each.turn("z", turn) for each in blade]
    yield "handle", [each.turn("z", turn) for each in handle]


def laptop(rng: Generator) -> Parts:
    """A keyboard and a screen that is open by 80 to 140 degrees."""
    width, depth, thick = rng.uniform(0.9, 1.1), rng.uniform(0.6, 0.8), rng.uniform(0.02, 0.07)
    power = rng.choice([8.0, 20.0])
    yield "keyboard", slab(width, thick, depth, power)
    keys = box(0.86 * width, 0.012, 0.45 * depth).move(y=thick / 2, z=0.12 * depth)
    pad = box(0.22 * width, 0.008, 0.2 * depth).move(y=thick / 2, z=-0.3 * depth)
    yield "keyboard", [keys, pad]
    tall, lean = depth * rng.uniform(0.9, 1.05), rng.uniform(-10, 50)
    lid = slab(width, rng.uniform(0.4, 0.9) * thick, tall, power).turn("x", 90).move(y=tall / 2)
    frame = box(0.9 * width, 0.85 * tall, 0.01).move(y=0.52 * tall, z=-0.4 * thick)
    screen = [each.turn("x", lean).move(y=thick / 2, z=depth / 2) for each in (lid, frame)]
    yield "screen", screen


def motorbike(rng: Generator) -> Parts:
    """A motorbike, upright or long and low, or a scooter with a shield before the legs."""
    scooter, low = rng.random() < 0.2, rng.random() < 0.4
    radius = rng.uniform(0.2, 0.26) if scooter else rng.uniform(0.28, 0.36)
    base, wide = rng.uniform(0.55, 0.75) + 0.15 * low, rng.uniform(0.05, 0.1)
    profile = [(0.6, -0.5), (0.9, -1), (1, -0.5), (1, 0.5), (0.9, 1), (0.6, 0.5)]
    tire = lathe(np.array(profile) * (radius, wide), segments=24, loop=True).turn("z", 90)
    hub = frustum(0.62 * radius, 0.62 * radius, 0.3 * wide).turn("z", 90).move(x=0.15 * wide)
    for z in (-base, base):
        yield "wheel", [each.move(y=radius, z=z) for each in (tire, hub)]
    saddle, bar = rng.uniform(0.62, 0.75) - 0.08 * low, rng.uniform(0.85, 1.05)
    steer = np.array([0, bar - 0.12, -base + rng.uniform(0.2, 0.35) + 0.15 * low])
    fork = rod((0.08, radius, -base), (0.08, steer[1], steer[2]), 0.025)
    yield "body", both(fork, rod((0.09, radius, base), (0.07, 0.55 * saddle, 0.1), 0.03))
    if scooter:
        shield = slab(0.4, 0.06, 0.6, 4.0).turn("x", 75).move(y=0.5, z=-0.55 * base)
        floor = slab(0.36, 0.06, 0.6, 4.0).move(y=0.24, z=-0.1 * base)
        rear = ellipsoid(0.19, 0.24, 0.42).move(y=0.42, z=0.65 * base)
        yield "body", [shield, floor, rear]
    else:
        block = [slab(0.3, 0.32, 0.42, 4.0).move(y=0.32), frustum(0.1, 0.1, 0.2, 8).move(y=0.42)]
        frame = rod((0, 0.9 * saddle, 0.3), (0, steer[1] - 0.05, steer[2]), 0.045)
        pipe = rod((0.14, 0.2, -0.15), (0.16, 0.26, base * 1.05), 0.05)
        yield "body", [*block, frame, pipe]
        tank = ellipsoid(0.13, 0.13, 0.27).turn("x", -8).move(y=saddle + 0.06, z=-0.16)
        yield "tank", tank
        if rng.random() < 0.4:
            cover = slab(0.3, 0.3, 0.4, 3.0).turn("x", 30).move(y=0.8 * steer[1], z=steer[2] - 0.1)
            yield "body", cover
    guard = curve([(0, 1.75, 0.9), (0, 2.2, 0), (0, 1.75, -0.9)], 8) * (1, radius, radius)
    mud = [tube(guard, wide, rectangle(2.2, 0.2), up=(1, 0, 0)).move(z=z) for z in (-base, base)]
    yield "body", mud
    long = rng.uniform(0.5, 0.8)
    seat = [(0, 0, 0), (0, -0.06, 0.4 * long), (0, rng.uniform(0.0, 0.15), long)]
    cushion = tube(curve(seat, 8), 1.0, ring(12) * (0.13, 0.06), up=(0, 1, 0))
    yield "seat", cushion.move(y=saddle, z=0.05)
    reach, rise, back = rng.uniform(0.28, 0.42), rng.uniform(0, 0.25), rng.uniform(0.05, 0.3)
    bend = curve([(0, 0, 0), (0.6 * reach, rise, 0), (reach, rise, back)], 7) + steer
    yield "handlebar", both(tube(bend, 0.022, ring(8)))
    yield "light", ellipsoid(0.09, 0.09, 0.07).move(y=steer[1] - 0.08, z=steer[2] - 0.14)


def pistol(rng: Generator) -> Parts:
    """A pistol with a slide, or a revolver with a drum."""
    long, tall, wide = rng.uniform(0.8, 1.2), rng.uniform(0.12, 0.18), rng.uniform(0.08, 0.14)
    revolver = rng.random() < 0.35
    if revolver:
        size = 0.35 * tall
        yield "barrel", rod((0, 0.2 * tall, -long), (0, 0.2 * tall, 0), size, size)
        yield "barrel", box(0.7 * wide, 0.9 * tall, 0.45 * long).move(z=-0.18 * long)
        drum = frustum(0.75 * tall, 0.75 * tall, 0.26 * long).turn("x", 90)
        yield "barrel", drum.move(z=-0.38 * long)
    else:
        slide = box(tall, long, wide, top=rng.uniform(0.75, 1.0)).turn("z", 90).turn("y", -90)
        yield "barrel", slide.move(z=-long / 2 + 0.06)
        frame = box(0.9 * wide, 0.6 * tall, rng.uniform(0.5, 0.9) * long)
        yield "barrel", frame.move(y=-0.6 * tall, z=-0.35 * long)
        muzzle = frustum(0.25 * tall, 0.25 * tall, 0.1, 12).turn("x", -90)
        yield "barrel", muzzle.move(z=0.08 - long)
    if rng.random() < 0.5:
        yield "barrel", box(0.03, 0.05, 0.05).move(y=0.55 * tall, z=0.05 - 0.9 * long)
    drop, lean = rng.uniform(0.45, 0.65), rng.uniform(8, 30)
    grip = lathe([(0.9, -1.0), (1.0, -0.9), (0.9, -0.5), (1.0, 0.0)], 4.0).scale(
        0.5 * wide, drop, 0.13
    )
    yield "handle", grip.turn("x", -lean).move(y=-0.3 * tall, z=-0.06)
    angle, size = np.linspace(-0.1, 1.1, 13) * np.pi, rng.uniform(0.1, 0.14)
    path = np.stack([0 * angle, -size * np.sin(angle), size * np.cos(angle)], axis=1)
    place = {"y": -0.8 * tall, "z": -0.12 - drop * np.tan(np.deg2rad(lean)) * 0.1 - size}
    guard = tube(path, 0.014, rectangle(2.5, 1.2), up=(1, 0, 0))
    lever = rod((0, 0.03, 0), (0, -0.6 * size, -0.03), 0.012)
    yield "trigger", [each.move(**place) for each in (guard, lever)]


def skateboard(rng: Generator) -> Parts:
    """A deck with one or two raised ends, mostly on two trucks with two wheels each."""
    half, wide, thick = rng.uniform(0.75, 1.0), rng.uniform(0.2, 0.3), rng.uniform(0.02, 0.045)
    kick, tail = rng.uniform(0.04, 0.2, 2) * (1.0, rng.random() < 0.8)
    z = np.linspace(-1, 1, 15)
    rise = np.where(z < 0, kick, tail) * np.maximum(0, (np.abs(z) - 0.68) / 0.32)
    path = np.stack([0 * z, rise, half * z], axis=1)
    narrow = np.maximum(0.45, (1 - np.abs(z) ** rng.uniform(4, 12)) ** 0.5)
    yield "deck", _board(path, wide * narrow, thick)
    if rng.random() < 0.85:
        size, deep = rng.uniform(0.05, 0.08), rng.uniform(0.08, 0.13)
        wheel = frustum(size, size, rng.uniform(0.05, 0.1)).turn("z", 90)
        for place in (-0.6 * half, 0.6 * half):
            block = box(0.4 * wide, deep, 0.13, top=1.2).move(y=-deep / 2, z=place)
            axle = rod((-0.75 * wide, -deep, place), (0.75 * wide, -deep, place), 0.02)
            yield "truck", [block, axle]
            yield "wheel", both(wheel.move(0.9 * wide, -deep, place))


def _dome(radius: float, height: float, power: float) -> Array:
    """The outline of a dome from its rim to its top, (K, 2); a low power makes it square."""
    angle = np.linspace(0, np.pi / 2, 10)
    outline = np.stack([radius * np.cos(angle) ** power, height * np.sin(angle) ** power], axis=1)
    outline[-1, 0] = 0
    return outline


def _board(path: Array, half: Array, thick: float) -> Solid:
    """A board along a path that runs along z, with a half width at each of its points."""
    rings = path[:, None] + np.insert(ring(20, 6.0), 2, 0.0, axis=1) * (1, 0.5 * thick, 0)
    rings[:, :, 0] *= half[:, None]
    return loft(rings)
