"""Things that live: animal and person."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from pcea.datasets.shapes.primitives import (
    Parts,
    Solid,
    both,
    curve,
    ellipsoid,
    frustum,
    lathe,
    named,
    ring,
    tube,
)


def animal(rng: Generator) -> Parts:
    """Four legs, anything from a dachshund to a giraffe, mid-stride; with or without a tail."""
    length, radius = rng.uniform(0.6, 1.1), rng.uniform(0.13, 0.24)
    leg = rng.uniform(0.25, 0.85)
    height = leg + 0.7 * radius
    half = length / 2
    girth = [0.8, 1.05, rng.uniform(0.75, 1.2), rng.uniform(0.6, 1.0), 0.8]
    arch = [0.15, 0.0, rng.uniform(-0.3, 0.3), 0.0, 0.05]
    # Rows of x, y, z and girth from the chest to the rump.
    control = [
        (0, height + radius * a, half * z, radius * g)
        for a, z, g in zip(arch, (-1, -0.5, 0, 0.5, 1), girth, strict=True)
    ]
    trunk = curve(control, 9)
    spine, girths = trunk[:, :3], trunk[:, 3]
    parts: Parts = [("torso", tube(spine, girths, ring(14), up=(0, 1, 0), rounded=True))]
    parts += named("head", _neck_and_head(rng, spine[0], radius, leg))
    thick, knee = radius * rng.uniform(0.26, 0.42), 0.48 * leg
    wide = 0.55 * radius
    for sign in (-1, 1):
        for z, bend in ((-0.88 * half, -0.04), (0.9 * half, 0.07)):
            stride = rng.uniform(-0.3, 0.3) * leg
            x = sign * wide
            hip = (x, height - 0.2 * radius, z)
            joint = (x, knee, z + 0.5 * stride - bend)
            foot = (x, thick, z + stride)
            radii = thick * np.array([1.25, 0.85, 0.7])
            limb = tube([hip, joint, foot], radii, up=(1, 0, 0), rounded=True)
            paw = ellipsoid(0.8 * thick, 0.6 * thick, 1.25 * thick, 10)
            parts += [("leg", limb), ("leg", paw.move(x, 0.6 * thick, z + stride - 0.4 * thick))]
    if rng.random() < 0.85:
        long = rng.uniform(0.15, 0.6)
        rump = spine[-1] + (0, 0.3 * radius, 0.75 * girths[-1])
        rise = rng.uniform(-0.7, 0.8) * long
        middle = rump + (0, 0.2 * rise, 0.7 * long)
        path = curve([rump - (0, 0, 0.06), middle, rump + (0, rise, 0.8 * long)], 8)
        taper = radius * np.linspace(0.26, rng.uniform(0.08, 0.3), 8)
        parts.append(("tail", tube(path, taper, up=(1, 0, 0), rounded=True)))
    return parts


def person(rng: Generator) -> Parts:
    """A standing, walking or waving figure, in trousers or a skirt; looks to -z."""
    leg, trunk = rng.uniform(0.75, 0.95), rng.uniform(0.5, 0.65)
    shoulder, hip = rng.uniform(0.19, 0.27), rng.uniform(0.14, 0.2)
    waist = min(shoulder, hip) * rng.uniform(0.75, 1.0)
    thick = rng.uniform(0.055, 0.085)
    neck = leg + trunk
    profile = [(0, -0.04), (0.8 * hip, -0.03), (hip, 0.08), (waist, 0.4 * trunk)]
    profile += [(0.95 * shoulder, 0.8 * trunk), (0.85 * shoulder, 0.95 * trunk), (0, trunk)]
    flat = rng.uniform(0.5, 0.68)
    torso = lathe(profile, 18, power=2.6).scale(z=flat).move(y=leg)
    parts: Parts = [("torso", torso)]
    if rng.random() < 0.3:
        hem, drop = hip * rng.uniform(1.2, 1.8), leg * rng.uniform(0.3, 0.65)
        skirt = frustum(hem, waist, drop + 0.25 * trunk, 18).scale(z=0.75)
        parts.append(("torso", skirt.move(y=leg - drop)))
    size = rng.uniform(0.1, 0.125)
    skull = ellipsoid(0.85 * size, 1.15 * size, 0.95 * size)
    parts.append(("head", skull.move(y=neck + 0.08 + size)))
    parts.append(("head", frustum(0.55 * size, 0.5 * size, 0.16, 12).move(y=neck - 0.04)))
    if rng.random() < 0.3:
        brim, crown = size * rng.uniform(1.2, 1.9), size * rng.uniform(0.6, 1.4)
        hat = [(0, 0), (brim, 0), (brim, 0.015), (0.95 * size, 0.02), (0.8 * size, crown)]
        parts.append(("head", lathe([*hat, (0, crown)]).move(y=neck + 0.08 + 1.5 * size)))
    parts += _legs(rng, leg, hip, thick)
    parts += _arms(rng, leg + 0.86 * trunk, 0.88 * shoulder, trunk, 0.75 * thick)
    return parts


def _neck_and_head(rng: Generator, chest: np.ndarray, radius: float, leg: float) -> list[Solid]:
    """A neck that rises forward, a skull, a snout, and ears or horns."""
    rise = rng.uniform(0.15, 0.3) + (rng.uniform(0.2, 0.9) * leg if rng.random() < 0.4 else 0.0)
    skull = chest + (0, rise, -rng.uniform(0.4, 1.0) * max(rise, 0.2))
    size = radius * rng.uniform(0.55, 0.85)
    neck = tube([chest, skull], [0.7 * radius, 0.6 * size], up=(1, 0, 0), rounded=True)
    head = ellipsoid(0.85 * size, size, 1.1 * size).move(*skull)
    long = size * rng.uniform(0.9, 2.2)
    end = skull + (0, -0.45 * long, -long)
    snout = tube([skull, end], [0.75 * size, 0.4 * size], up=(1, 0, 0), rounded=True)
    x, y, z = skull
    tall = size * rng.uniform(0.5, 1.6)
    if rng.random() < 0.6:
        flop = rng.uniform(-60, 40)
        ear = ellipsoid(0.32 * size, 0.6 * tall, 0.16 * size, 10).move(y=0.5 * tall)
        ear = ear.turn("z", flop - 30).move(x + 0.5 * size, y + 0.65 * size, z)
    else:
        ear = frustum(0.3 * size, 0.0, tall, 8).scale(z=0.6).turn("z", -rng.uniform(5, 35))
        ear = ear.move(x + 0.45 * size, y + 0.7 * size, z)
    return [neck, head, snout, *both(ear)]


def _legs(rng: Generator, leg: float, hip: float, thick: float) -> Parts:
    stance = rng.uniform(0.0, 0.1)
    stride = rng.uniform(0.0, 0.3) if rng.random() < 0.6 else 0.0
    parts: Parts = []
    for sign in (-1, 1):
        x = sign * 0.52 * hip
        forward = -sign * stride
        foot = np.array([x + sign * stance, 0.05, forward])
        knee = np.array([x + 0.5 * sign * stance, 0.52 * leg, 0.5 * forward - 0.25 * stride])
        radii = [1.1 * thick, 0.8 * thick, 0.6 * thick]
        limb = tube(np.array([(x, leg + 0.02, 0), knee, foot]), radii, up=(1, 0, 0), rounded=True)
        shoe = ellipsoid(0.75 * thick, 0.04, 1.7 * thick, 12)
        parts += [("leg", limb), ("leg", shoe.move(foot[0], 0.04, foot[2] - 0.9 * thick))]
    return parts


def _arms(rng: Generator, y: float, x: float, trunk: float, thick: float) -> Parts:
    parts: Parts = []
    for sign in (-1, 1):
        upper = fore = 0.52 * trunk
        raised = rng.random() < 0.25
        out = np.deg2rad(rng.uniform(80, 140) if raised else rng.uniform(8, 45))
        swing = rng.uniform(-0.5, 0.5)
        start = np.array([sign * x, y, 0.0])
        aim = np.array([sign * np.sin(out), -np.cos(out), swing])
        elbow = start + upper * aim / np.linalg.norm(aim)
        lift = np.deg2rad(rng.uniform(130, 175) if raised else rng.uniform(0, 40))
        reach = np.array([sign * np.sin(lift), -np.cos(lift), -rng.uniform(0.0, 1.0)])
        hand = elbow + fore * reach / np.linalg.norm(reach)
        # Two tubes rather than a bent one: the elbow may bend in any plane.
        parts.append(("arm", tube([start, elbow], [1.1 * thick, 0.85 * thick], rounded=True)))
        parts.append(("arm", tube([elbow, hand], [0.85 * thick, 0.65 * thick], rounded=True)))
        parts.append(("arm", ellipsoid(thick, thick, thick, 10).move(*hand)))
    return parts
