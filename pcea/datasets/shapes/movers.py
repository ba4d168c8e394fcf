"""Vehicles and living beings: airplane, animal, car, person, rocket. All of them face -z."""

import numpy as np
from numpy.random import Generator

from pcea.datasets.shapes.solids import (
    Parts,
    around,
    both,
    box,
    curve,
    ellipsoid,
    extrude,
    fin,
    frustum,
    lathe,
    ring,
    rod,
    slab,
    tube,
)


def airplane(rng: Generator) -> Parts:
    """A glider, a propeller plane, a biplane or a jet with two or four engines."""
    length, radius = rng.uniform(1.4, 2.2), rng.uniform(0.09, 0.16)
    nose, rear = length * rng.uniform(0.1, 0.2), length * rng.uniform(0.25, 0.4)
    front = curve([(0, 0), (radius, 0), (radius, nose)], 6)
    back = curve([(radius, length - rear), (radius, length - 0.4 * rear), (0.02, length)], 6)
    hull = lathe([*front, *back]).move(y=-length / 2).turn("x", 90)
    yield "fuselage", hull.scale(y=rng.uniform(0.95, 1.2))
    if rng.random() < 0.4:
        canopy = ellipsoid(0.7 * radius, 0.8 * radius, 2.2 * radius)
        yield "fuselage", canopy.move(y=0.75 * radius, z=nose + radius - 0.5 * length)
    span, root = rng.uniform(0.65, 1.15), rng.uniform(0.28, 0.5)
    sweep, at = rng.uniform(0.0, 0.6) * span, rng.uniform(-0.15, 0.1) * length
    level, rise = rng.choice([-0.55, 0.0, 0.75]) * radius, rng.uniform(-0.02, 0.16) * span
    wing = fin(root, root * rng.uniform(0.25, 0.9), span, sweep, rng.uniform(0.035, 0.06), rise)
    yield "wing", both(wing.move(y=level, z=at))
    if level < 0 and sweep < 0.2:
        gap = 2.4 * radius + 0.06
        strut = rod((0.6 * span, level, at + 0.1), (0.6 * span, gap, at + 0.1), 0.014)
        yield "wing", both(wing.move(y=gap, z=at), strut)
    tall, chord, slope = rng.uniform(0.24, 0.42), rng.uniform(0.2, 0.32), rng.uniform(0.05, 0.25)
    upright = fin(chord, rng.uniform(0.4, 0.8) * chord, tall, slope, 0.03).turn("z", 90)
    plane = fin(0.85 * chord, 0.5 * chord, rng.uniform(0.28, 0.45), 0.7 * slope, 0.026)
    if rng.random() < 0.3:  # on top of the fin
        plane = plane.move(y=0.95 * tall, z=0.9 * slope)
    tail = [upright, *both(plane)]
    yield "tail", [solid.move(y=0.4 * radius, z=0.5 * length - 0.55 * chord) for solid in tail]
    kind = rng.choice(["none", "propeller", "under wing", "under wing", "at rear"])
    size = rng.uniform(0.05, 0.08)
    pod = np.array([(0.75, 0.1), (0.85, 0), (1, 0.15), (1, 0.5), (0.6, 1)]) * (size, 4 * size)
    jet = lathe(pod, segments=14).move(y=-2 * size).turn("x", 90)
    if kind == "propeller":
        blades, reach = int(rng.integers(2, 5)), radius * rng.uniform(1.5, 2.2)
        blade = slab(0.05, 0.022, reach, power=3.0).turn("z", 25).move(z=reach / 2)
        spinner = ellipsoid(0.3 * radius, 0.55 * radius, 0.3 * radius)
        solids = [spinner, *around(blade, blades, rng.uniform(0, 360))]
        cowl = frustum(0.9 * radius, 0.55 * radius, 1.3 * radius).move(y=-1.2 * radius)
        for solid in (cowl, *solids):
            yield "engine", solid.turn("x", -90).move(z=-0.5 * length)
    elif kind == "at rear":
        yield "engine", both(jet.move(1.05 * radius + 0.3 * size, 0.3 * radius, 0.24 * length))
    elif kind == "under wing":
        for out in (0.36,) if rng.random() < 0.6 else (0.28, 0.58):
            y, z = level + out * rise - 1.1 * size, at + out * sweep - 0.3 * root
            yield "engine", both(jet.move(out * span, y, z))


def animal(rng: Generator) -> Parts:
    """A walking animal on four legs, from a dachshund to a giraffe; with or without a tail."""
    half, radius = rng.uniform(0.3, 0.55), rng.uniform(0.13, 0.24)
    leg = rng.uniform(0.25, 0.85)
    height, thick = leg + 0.7 * radius, radius * rng.uniform(0.26, 0.42)
    # x, y, z and radius from the chest to the rump; both ends are narrower.
    girth = [0.3, 1.3, rng.uniform(0.9, 1.3), rng.uniform(0.9, 1.3), 0.3]
    arch = [0.15, 0.0, rng.uniform(-0.3, 0.3), 0.0, 0.05]
    stations = [
        (0, height + radius * a, half * z, radius * g)
        for a, z, g in zip(arch, (-1.2, -1, 0, 1, 1.2), girth, strict=True)
    ]
    trunk = curve(stations, 11)
    yield "torso", tube(trunk[:, :3], trunk[:, 3], ring(14))
    chest, rump = trunk[1, :3], trunk[-2, :3]
    rise = rng.uniform(0.15, 0.3) + (rng.uniform(0.2, 0.9) * leg if rng.random() < 0.4 else 0.0)
    skull = chest + (0, rise, -rng.uniform(0.4, 1.0) * max(rise, 0.2))
    size = radius * rng.uniform(0.55, 0.85)
    long, tall = size * rng.uniform(0.9, 2.2), size * rng.uniform(0.5, 1.6)
    yield "head", tube([chest, skull], [0.7 * radius, 0.6 * size])
    yield "head", ellipsoid(0.85 * size, size, 1.1 * size).move(*skull)
    yield "head", tube([skull, skull + (0, -0.45 * long, -long)], [0.75 * size, 0.4 * size])
    ear = ellipsoid(0.32 * size, 0.6 * tall, 0.16 * size, 10).move(y=0.5 * tall)
    horn = frustum(0.3 * size, 0.0, tall, 8)
    ear = (ear if rng.random() < 0.6 else horn).turn("z", rng.uniform(-70, 0))
    yield "head", [solid.move(*skull) for solid in both(ear.move(0.5 * size, 0.65 * size))]
    for x in (-0.55 * radius, 0.55 * radius):
        for z in (-0.88 * half, 0.9 * half):
            stride = rng.uniform(-0.3, 0.3) * leg
            knee = (x, 0.48 * leg, z + 0.5 * stride + 0.08 * z)
            path = [(x, height - 0.2 * radius, z), knee, (x, 0.5 * thick, z + stride)]
            paw = ellipsoid(0.8 * thick, 0.6 * thick, 1.25 * thick, 10)
            yield "leg", tube(path, thick * np.array([1.25, 0.85, 0.7]), up=(1, 0, 0))
            yield "leg", paw.move(x, 0.6 * thick, z + stride - 0.4 * thick)
    if rng.random() < 0.85:
        long = rng.uniform(0.2, 0.6)
        rise = rng.uniform(-0.7, 0.8) * long
        bend = [rump, rump + (0, 0.2 * rise, 0.7 * long), rump + (0, rise, long)]
        yield "tail", tube(curve(bend, 8), radius * np.linspace(0.26, rng.uniform(0.08, 0.3), 8))


def car(rng: Generator) -> Parts:
    """A sedan, estate, sports car, van or pick-up."""
    kind = rng.choice(["sedan", "estate", "sports", "van", "pickup"])
    # Length, height of the cabin, its front and rear edge, and how far each leans in.
    length, roof, front, rear, slope, lean = {
        "sedan": (4.3, 0.5, -0.32, 0.62, 0.55, 0.45),
        "estate": (4.3, 0.5, -0.32, 0.94, 0.5, 0.15),
        "sports": (3.9, 0.4, -0.18, 0.7, 0.6, 0.6),
        "van": (4.4, 0.8, -0.72, 0.96, 0.4, 0.03),
        "pickup": (4.8, 0.5, -0.35, 0.18, 0.4, 0.08),
    }[kind]
    half, width = length / 2 * rng.uniform(0.88, 1.1), rng.uniform(1.55, 1.9)
    wheel = rng.uniform(0.28, 0.4)
    sill, belt = wheel * rng.uniform(0.6, 0.9), 2 * wheel + rng.uniform(0.02, 0.25)
    drop, top = rng.uniform(0.05, 0.2) * (belt - sill), belt + roof * rng.uniform(0.8, 1.2)
    side = [(-half, sill), (half, sill), (half, belt - 0.3 * drop), (0.8 * half, belt)]
    side += [(-0.35 * half, belt), (-0.92 * half, belt - drop), (-half, belt - 2 * drop)]
    cabin = [(front * half, belt - 0.05), (rear * half, belt - 0.05)]
    cabin += [(rear * half - lean, top), (front * half + slope, top)]
    # Outlines in x-y, turned so that their -x becomes -z.
    yield "body", extrude(side, width, bevel=0.08).turn("y", -90)
    glass = extrude(cabin, rng.uniform(0.74, 0.92) * width, bevel=0.1)
    yield "cabin", glass.turn("y", -90)
    if kind == "pickup":
        yield "body", both(box(0.08, 0.3, 0.74 * half).move(0.46 * width, belt + 0.1, 0.58 * half))
        yield "body", box(0.9 * width, 0.3, 0.08).move(y=belt + 0.1, z=0.95 * half)
    if kind == "sports":
        yield "body", box(0.9 * width, 0.05, 0.22).move(y=belt + 0.25, z=0.88 * half)
        yield "body", both(box(0.06, 0.28, 0.1).move(0.3 * width, belt + 0.12, 0.88 * half))
    profile = np.array([(0.6, 0), (0.62, 0.06), (0.9, 0), (1, 0.15), (1, 0.85), (0.9, 1)])
    tire = lathe(profile * (wheel, rng.uniform(0.18, 0.28)), segments=18).turn("z", 90)
    for z in (-rng.uniform(0.56, 0.68) * half, rng.uniform(0.54, 0.66) * half):
        yield "wheel", both(tire.move(width / 2 + 0.04, wheel, z))


def person(rng: Generator) -> Parts:
    """A standing, walking or waving figure, in trousers or a skirt, with or without a hat."""
    leg, trunk, thick = rng.uniform(0.75, 0.95), rng.uniform(0.5, 0.65), rng.uniform(0.055, 0.085)
    shoulder, hip = rng.uniform(0.19, 0.27), rng.uniform(0.14, 0.2)
    waist, neck = min(shoulder, hip) * rng.uniform(0.75, 1.0), leg + trunk
    profile = [(0.8 * hip, -0.03), (hip, 0.08), (waist, 0.4 * trunk)]
    profile += [(0.95 * shoulder, 0.8 * trunk), (0.85 * shoulder, 0.95 * trunk), (0, trunk)]
    yield "torso", lathe(profile, power=2.6).scale(z=rng.uniform(0.5, 0.68)).move(y=leg)
    if rng.random() < 0.3:
        drop = leg * rng.uniform(0.3, 0.65)
        skirt = frustum(hip * rng.uniform(1.2, 1.8), waist, drop + 0.25 * trunk, 18)
        yield "torso", skirt.scale(z=0.75).move(y=leg - drop)
    size = rng.uniform(0.1, 0.125)
    yield "head", ellipsoid(0.85 * size, 1.15 * size, 0.95 * size).move(y=neck + 0.08 + size)
    yield "head", frustum(0.55 * size, 0.5 * size, 0.16, 12).move(y=neck - 0.04)
    if rng.random() < 0.3:
        brim, crown = size * rng.uniform(1.2, 1.9), size * rng.uniform(0.6, 1.4)
        hat = [(brim, 0), (brim, 0.015), (0.95 * size, 0.02), (0.8 * size, crown)]
        yield "head", lathe(hat).move(y=neck + 0.08 + 1.5 * size)
    stance, stride = rng.uniform(0.0, 0.1), max(0.0, rng.uniform(-0.2, 0.3))
    for side in (-1, 1):
        x = 0.52 * hip * side
        foot = np.array([x + stance * side, 0.05, -stride * side])
        knee = (x + 0.5 * stance * side, 0.52 * leg, -0.5 * stride * side - 0.25 * stride)
        yield "leg", tube([(x, leg + 0.02, 0), knee, foot], thick * np.array([1.1, 0.8, 0.6]))
        yield "leg", ellipsoid(0.75 * thick, 0.04, 1.7 * thick, 12).move(*foot - (0, 0, thick))
        # An arm hangs or is raised. It has two rods, as the elbow may bend in any plane.
        raised = rng.random() < 0.25
        out = np.deg2rad(rng.uniform(80, 140) if raised else rng.uniform(8, 45))
        lift = np.deg2rad(rng.uniform(130, 175) if raised else rng.uniform(0, 40))
        start = np.array([side * 0.88 * shoulder, leg + 0.86 * trunk, 0.0])
        elbow = start + 0.5 * trunk * np.array([side * np.sin(out), -np.cos(out), 0.0])
        reach = np.array([side * np.sin(lift), -np.cos(lift), -rng.uniform(0.0, 1.0)])
        hand = elbow + 0.5 * trunk * reach / np.linalg.norm(reach)
        yield "arm", rod(start, elbow, 0.85 * thick, 0.65 * thick)
        yield "arm", rod(elbow, hand, 0.65 * thick, 0.5 * thick)
        for place, radius in ((elbow, 0.65 * thick), (hand, 0.8 * thick)):
            yield "arm", ellipsoid(radius, radius, radius, 10).move(*place)


def rocket(rng: Generator) -> Parts:
    """A body with a nose and three to five fins; with or without boosters and a nozzle."""
    height, radius = rng.uniform(1.0, 1.9), rng.uniform(0.12, 0.24)
    tail, shoulder = radius * rng.uniform(0.7, 1.0), radius * rng.uniform(0.75, 1.0)
    yield (
        "body",
        lathe([(tail, 0), (radius, 0.3 * height), (radius, 0.6 * height), (shoulder, height)]),
    )
    tall, bulge = radius * rng.uniform(1.4, 3.5), rng.uniform(0.0, 0.6)
    nose = curve([(shoulder, 0), (shoulder, bulge * tall), (0, tall)], 8)
    yield "nose", lathe(nose).move(y=height)
    count, chord = int(rng.integers(3, 6)), height * rng.uniform(0.18, 0.34)
    tip, sweep = chord * rng.uniform(0.0, 0.9, 2)
    # The chord lies along z with its nose to -z; this turns the nose up.
    blade = fin(chord, tip + 0.02, radius * rng.uniform(0.8, 1.8), sweep, 0.035).turn("x", 90)
    offset = rng.uniform(0, 360 / count)
    yield "fin", around(blade.move(x=0.75 * tail, y=0.45 * chord), count, offset)
    if rng.random() < 0.6:
        deep, wide = radius * rng.uniform(0.4, 0.9), tail * rng.uniform(0.6, 0.95)
        yield "engine", lathe([(wide, -deep), (0.45 * tail, 0.01)])
    if rng.random() < 0.4:
        size, long = radius * rng.uniform(0.35, 0.6), height * rng.uniform(0.4, 0.75)
        profile = [(size, 0), (size, 0.85 * long), (0.5 * size, 0.95 * long), (0, long)]
        booster = lathe(profile, segments=14).move(x=radius + 0.85 * size, y=0.02)
        yield "booster", around(booster, int(rng.choice([2, 4])), offset + 180 / count)
