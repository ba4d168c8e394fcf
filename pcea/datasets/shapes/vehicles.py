"""Things that move: airplane, car, rocket."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from pcea.datasets.shapes.primitives import (
    Parts,
    Solid,
    both,
    box,
    curve,
    ellipsoid,
    extrude,
    fin,
    frustum,
    lathe,
    named,
    rod,
    slab,
)


def airplane(rng: Generator) -> Parts:
    """A glider, a propeller plane or a jet with two to four engines; nose to -z."""
    length, radius = rng.uniform(1.4, 2.2), rng.uniform(0.09, 0.16)
    nose, rear = length * rng.uniform(0.1, 0.2), length * rng.uniform(0.25, 0.4)
    hull = _hull(length, radius, nose, rear).scale(y=rng.uniform(0.95, 1.2))
    parts: Parts = [("fuselage", hull)]
    if rng.random() < 0.4:
        canopy = ellipsoid(0.7 * radius, 0.8 * radius, 2.2 * radius)
        parts.append(("fuselage", canopy.move(y=0.75 * radius, z=nose + radius - 0.5 * length)))
    span, root = rng.uniform(0.65, 1.15), rng.uniform(0.28, 0.5)
    sweep, at = rng.uniform(0.0, 0.6) * span, rng.uniform(-0.15, 0.1) * length
    level = rng.choice([-0.55, 0.0, 0.75]) * radius
    tip, dihedral = root * rng.uniform(0.25, 0.9), rng.uniform(-0.02, 0.16) * span
    wing = fin(root, tip, span, sweep, rng.uniform(0.035, 0.06), dihedral).move(y=level, z=at)
    parts += named("wing", both(wing))
    if level < 0 and sweep < 0.15 and rng.random() < 0.4:
        parts += _upper_wing(wing, span, at, radius)
    parts += _tail(rng, length, radius)
    kind = rng.choice(["none", "propeller", "under wing", "at rear"], p=[0.15, 0.25, 0.4, 0.2])
    if kind == "propeller":
        parts += named("engine", _propeller(rng, radius, -0.5 * length))
    elif kind == "under wing":
        size = rng.uniform(0.05, 0.08)
        for out in (0.36,) if rng.random() < 0.6 else (0.28, 0.58):
            y = level + out * dihedral - 1.1 * size
            z = at + out * sweep - 0.3 * root
            engine = _engine(size, rng.uniform(3.0, 5.0)).move(out * span, y, z)
            parts += named("engine", both(engine))
    elif kind == "at rear":
        size = rng.uniform(0.045, 0.07)
        engine = _engine(size, 4.5).move(1.05 * radius + 0.3 * size, 0.3 * radius, 0.24 * length)
        parts += named("engine", both(engine))
    return parts


def car(rng: Generator) -> Parts:
    """A saloon, estate, sports car, van or pick-up; front to -z."""
    kind = rng.choice(["saloon", "estate", "sports", "van", "pickup"])
    length = {"sports": 3.9, "van": 4.4, "pickup": 4.8}.get(kind, 4.3) * rng.uniform(0.88, 1.1)
    width, wheel = rng.uniform(1.55, 1.9), rng.uniform(0.28, 0.4)
    sill = wheel * rng.uniform(0.6, 0.9)
    low = kind == "sports"
    belt = 2 * wheel + (rng.uniform(0.02, 0.1) if low else rng.uniform(0.06, 0.28))
    half, drop = length / 2, rng.uniform(0.05, 0.2) * (belt - sill)
    side = [(-half, sill), (half, sill), (half, belt - 0.3 * drop), (0.8 * half, belt)]
    side += [(-0.35 * half, belt), (-0.92 * half, belt - drop), (-half, belt - 2 * drop)]
    # An outline in x-y, turned so that its -x looks to -z.
    body = extrude(_cut_corners(side), width, bevel=0.08).turn("y", -90)
    parts: Parts = [("body", body)]
    roof = rng.uniform(0.38, 0.6)
    front, rear, slope, lean = {
        "saloon": (-0.32, 0.62, 0.55, 0.45),
        "estate": (-0.32, 0.94, 0.5, 0.15),
        "sports": (-0.18, 0.7, 0.6, 0.6),
        "van": (-0.72, 0.96, 0.4, 0.03),
        "pickup": (-0.35, 0.18, 0.4, 0.08),
    }[kind]
    roof *= {"van": 1.6, "sports": 0.8}.get(kind, 1.0)
    top = belt + roof
    cabin = [(front * half, belt - 0.05), (rear * half, belt - 0.05)]
    cabin += [(rear * half - lean, top), (front * half + slope, top)]
    glass = extrude(_cut_corners(cabin), 0.92 * width, bevel=0.07).turn("y", -90)
    parts.append(("cabin", _narrowed(glass, belt, top, rng.uniform(0.74, 0.92))))
    if kind == "pickup":
        rim = box(0.08, 0.3, 0.74 * half).move(0.46 * width, belt + 0.1, 0.58 * half)
        parts += named("body", both(rim))
        parts.append(("body", box(0.9 * width, 0.3, 0.08).move(y=belt + 0.1, z=0.95 * half)))
    if low and rng.random() < 0.6:
        parts.append(("body", box(0.9 * width, 0.05, 0.22).move(y=belt + 0.25, z=0.88 * half)))
        post = box(0.06, 0.28, 0.1).move(0.3 * width, belt + 0.12, 0.88 * half)
        parts += named("body", both(post))
    tread = rng.uniform(0.18, 0.28)
    profile = [(0, 0), (0.6, 0), (0.62, 0.06), (0.9, 0), (1, 0.15), (1, 0.85), (0.9, 1), (0, 1)]
    tyre = lathe(np.array(profile) * (wheel, tread), 18).turn("z", 90)
    for z in (-rng.uniform(0.56, 0.68) * half, rng.uniform(0.54, 0.66) * half):
        placed = tyre.move(width / 2 + 0.04, wheel, z)
        parts += named("wheel", both(placed))
    return parts


def rocket(rng: Generator) -> Parts:
    """A body with a nose and three to five fins; with or without boosters and a nozzle."""
    height, radius = rng.uniform(1.0, 1.9), rng.uniform(0.12, 0.24)
    tail, shoulder = radius * rng.uniform(0.7, 1.0), radius * rng.uniform(0.75, 1.0)
    belly = [(0, 0), (tail, 0), (radius, 0.3 * height), (radius, 0.6 * height), (shoulder, height)]
    parts: Parts = [("body", lathe([*belly, (0, height)]))]
    tall = radius * rng.uniform(1.4, 3.5)
    ogive = curve([(shoulder, 0), (shoulder, 0.6 * tall), (0.0, tall)], 8)
    cone = [(0, -0.01), (shoulder, 0), (0, tall)]
    nose = lathe([(0, -0.01), *ogive[:-1], (0, tall)] if rng.random() < 0.65 else cone)
    parts.append(("nose", nose.move(y=height)))
    count, reach = int(rng.integers(3, 6)), radius * rng.uniform(0.8, 1.8)
    chord = height * rng.uniform(0.18, 0.34)
    blade = fin(chord, chord * rng.uniform(0.25, 0.9), reach, chord * rng.uniform(0.0, 0.9), 0.035)
    # The chord lies along z with its nose to -z: turn that up.
    blade = blade.turn("x", 90).move(x=0.75 * tail, y=chord * rng.uniform(0.3, 0.6))
    offset = rng.uniform(0, 360 / count)
    fins = [blade.turn("y", offset + 360 * i / count) for i in range(count)]
    parts += named("fin", fins)
    if rng.random() < 0.6:
        deep, wide = radius * rng.uniform(0.4, 0.9), tail * rng.uniform(0.6, 0.95)
        bell = [(0, -deep), (wide, -deep), (0.45 * tail, 0.01), (0, 0.01)]
        parts.append(("engine", lathe(bell)))
    if rng.random() < 0.4:
        pair = int(rng.choice([2, 4]))
        size, long = radius * rng.uniform(0.35, 0.6), height * rng.uniform(0.4, 0.75)
        profile = [(0, 0), (size, 0), (size, 0.85 * long), (0.5 * size, 0.95 * long), (0, long)]
        booster = lathe(profile, 14).move(x=radius + 0.85 * size, y=0.02)
        shift = offset + 180 / count
        parts += [("booster", booster.turn("y", shift + 360 * i / pair)) for i in range(pair)]
    return parts


def _hull(length: float, radius: float, nose: float, rear: float) -> Solid:
    """A fuselage along z: a blunt nose at -z, a tail that rises to a point at +z."""
    front = curve([(0.0, 0.0), (radius, 0.0), (radius, nose)], 6)[1:]
    back = curve([(radius, length - rear), (radius, length - 0.4 * rear), (0.02, length)], 6)
    hull = lathe([(0, 0), *front, *back, (0, length)]).move(y=-length / 2).turn("x", 90)
    vertices = hull.vertices.copy()
    along = np.clip((vertices[:, 2] - length / 2 + rear) / rear, 0, 1)
    vertices[:, 1] += 0.5 * radius * along**2
    return Solid(vertices, hull.faces)


def _upper_wing(wing: Solid, span: float, at: float, radius: float) -> Parts:
    """The second wing of a biplane and its struts."""
    gap = 2.4 * radius + 0.06
    strut = rod((0.6 * span, 0, at), (0.6 * span, gap, at), 0.014)
    post = rod((0.5 * radius, 0, at), (0.5 * radius, gap - 0.6 * radius, at), 0.014)
    solids = [*both(wing.move(y=gap)), *both(strut.move(y=-0.4 * radius)), *both(post)]
    return named("wing", solids)


def _tail(rng: Generator, length: float, radius: float) -> Parts:
    """A fin and two stabilisers: low, or on top of the fin."""
    rise, chord = rng.uniform(0.24, 0.42), rng.uniform(0.2, 0.32)
    sweep, slim = rng.uniform(0.05, 0.25), rng.uniform(0.4, 0.8)
    z = 0.5 * length - 0.55 * chord
    upright = fin(chord, slim * chord, rise, sweep, 0.03).turn("z", 90)
    reach = rng.uniform(0.28, 0.45)
    plane = fin(0.85 * chord, 0.5 * chord, reach, 0.7 * sweep, 0.026, rng.uniform(0, 0.06))
    on_top = rng.random() < 0.3
    y, back = (0.95 * rise, 0.9 * sweep) if on_top else (0.0, 0.0)
    foot = 0.4 * radius
    stabilisers = both(plane.move(y=foot + y, z=z + back))
    return named("tail", (upright.move(y=foot, z=z), *stabilisers))


def _engine(radius: float, slender: float) -> Solid:
    """A jet engine's pod along z."""
    long = radius * slender
    profile = [(0, 0.1), (0.75, 0.1), (0.85, 0), (1, 0.15), (1, 0.5), (0.6, 1), (0, 0.95)]
    pod = lathe(np.array(profile) * (radius, long), 14)
    return pod.move(y=-long / 2).turn("x", 90)


def _propeller(rng: Generator, radius: float, z: float) -> list[Solid]:
    """A cowl, a spinner and two to four blades in front of the nose."""
    cowl = frustum(0.55 * radius, 0.9 * radius, 1.3 * radius).turn("x", 90).move(z=z - 0.3 * radius)
    spinner = ellipsoid(0.3 * radius, 0.3 * radius, 0.55 * radius).move(z=z - 0.35 * radius)
    count, reach = int(rng.integers(2, 5)), radius * rng.uniform(1.5, 2.2)
    blade = slab(reach, 0.05, 0.022, power=3.0).turn("x", 25).move(x=reach / 2)
    turn = rng.uniform(0, 360)
    blades = [blade.turn("z", turn + 360 * i / count) for i in range(count)]
    return [cowl, spinner, *(b.move(z=z - 0.4 * radius) for b in blades)]


def _cut_corners(outline: list[tuple[float, float]]) -> np.ndarray:
    """The outline with its corners cut, so that it looks pressed rather than sawn."""
    points = np.array(outline)
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    cut = np.stack([points + 0.12 * (before - points), points + 0.12 * (after - points)], axis=1)
    return np.asarray(cut.reshape(-1, 2))


def _narrowed(solid: Solid, low: float, high: float, factor: float) -> Solid:
    """Draw a solid in towards x = 0, from full width at `low` to `factor` at `high`."""
    vertices = solid.vertices.copy()
    share = np.clip((vertices[:, 1] - low) / (high - low), 0, 1)
    vertices[:, 0] *= 1 - share * (1 - factor)
    return Solid(vertices, solid.faces)
