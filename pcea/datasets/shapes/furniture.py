"""Things to sit on and to sit at: bench, chair, desk, stool, table. The sitter looks to -z."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from pcea.datasets.shapes.solids import (
    Parts,
    Solid,
    around,
    both,
    box,
    curve,
    extrude,
    frustum,
    lathe,
    rectangle,
    ring,
    rod,
    slab,
    tube,
)


def bench(rng: Generator) -> Parts:
    """A long seat of boards or in one piece; with or without a back and arms."""
    width, depth = rng.uniform(1.0, 1.7), rng.uniform(0.34, 0.5)
    height, thick = rng.uniform(0.36, 0.5), rng.uniform(0.035, 0.08)
    boards = int(rng.integers(2, 5)) if rng.random() < 0.5 else 1
    pitch = depth / boards
    board = slab(width, thick, pitch * (0.85 if boards > 1 else 1.0)).move(y=height - thick / 2)
    yield "seat", [board.move(z=(i - (boards - 1) / 2) * pitch) for i in range(boards)]
    yield "leg", _legs(rng, ["posts", "walls"], width * 0.84, depth * 0.84, height - thick)
    if rng.random() < 0.6:
        yield "back", _back(rng, ["panel", "rails"], width, height, depth)
        if rng.random() < 0.4:
            yield "arm", _arms(rng, width, height, depth)


def chair(rng: Generator) -> Parts:
    """A seat with a back: on posts, a sled or a star foot; with or without arms."""
    width, depth = rng.uniform(0.4, 0.58), rng.uniform(0.4, 0.54)
    height, thick = rng.uniform(0.36, 0.5), rng.uniform(0.03, 0.12)
    seat = slab(width, thick, depth, power=rng.choice([2.5, 5.0, 10.0]))
    yield "seat", seat.move(y=height - thick / 2)
    styles = ["posts", "posts", "sled", "star"]
    yield "leg", _legs(rng, styles, width * 0.84, depth * 0.84, height - thick)
    styles = ["panel", "bars", "rails", "shell"]
    yield "back", _back(rng, styles, width * rng.uniform(0.75, 1.0), height, depth)
    if rng.random() < 0.45:
        yield "arm", _arms(rng, width, height, depth)


def desk(rng: Generator) -> Parts:
    """A top with drawers below it, on posts or walls; with or without a panel at the front."""
    width, depth = rng.uniform(1.0, 1.7), rng.uniform(0.5, 0.8)
    height, thick = rng.uniform(0.68, 0.8), rng.uniform(0.025, 0.06)
    under = height - thick
    yield "top", slab(width, thick, depth, rng.choice([6.0, 14.0])).move(y=height - thick / 2)
    yield "leg", _legs(rng, ["posts", "walls"], width * 0.92, depth * 0.86, under)
    # Drawers lie side by side below the top, or one above the other on one or both sides.
    count, flat = int(rng.integers(1, 5)), rng.random() < 0.3
    wide = width * (0.84 / count if flat else rng.uniform(0.2, 0.3))
    tall = rng.uniform(0.09, 0.15) if flat else under * rng.uniform(0.55, 0.9) / count
    deep = depth * 0.86
    knob = box(wide * 0.3, tall * 0.14, 0.03).move(z=-deep / 2 - 0.012)
    drawer = [box(wide * 0.94, tall * 0.92, deep), knob]
    for i in range(count):
        x = (i - (count - 1) / 2) * wide if flat else width * 0.43 - wide / 2
        placed = [solid.move(x, under - (0.5 if flat else i + 0.5) * tall) for solid in drawer]
        yield "drawer", placed
        if not flat and width > 1.4:
            yield "drawer", [solid.scale(x=-1) for solid in placed]
    if rng.random() < 0.4:
        drop = under * rng.uniform(0.3, 0.8)
        yield "panel", box(width * 0.9, drop, 0.025).move(y=under - drop / 2, z=depth * 0.4)


def stool(rng: Generator) -> Parts:
    """A small seat without a back, round or square; with or without a ring to rest the feet on."""
    radius, height = rng.uniform(0.15, 0.24), rng.uniform(0.34, 0.78)
    thick, power = rng.uniform(0.03, 0.1), rng.choice([2.0, 2.0, 6.0])
    seat = slab(2 * radius, thick, 2 * radius * rng.uniform(0.85, 1.0), power)
    yield "seat", seat.move(y=height - thick / 2)
    # Posts stand in the corners of a square seat, and further in below a round one.
    span = radius * (1.45 if power > 2 else 1.15)
    yield "leg", _legs(rng, ["posts", "tripod", "pedestal"], span, span, height - thick)
    if rng.random() < 0.5:
        circle = np.insert(ring(20) * 0.65 * span, 1, height * rng.uniform(0.25, 0.45), axis=1)
        yield "leg", tube(circle, 0.012, ring(8), loop=True)


def table(rng: Generator) -> Parts:
    """A round, oval or square top on posts, walls or a pedestal; with or without a shelf."""
    width, height, thick = rng.uniform(0.6, 1.6), rng.uniform(0.35, 0.8), rng.uniform(0.025, 0.08)
    power = rng.choice([2.0, 5.0, 14.0])
    reach, depth = 0.62 if power == 2 else 0.86, width * rng.uniform(0.5, 1.0)
    yield "top", slab(width, thick, depth, power).move(y=height - thick / 2)
    under, wide, deep = height - thick, width * reach, depth * reach
    yield "leg", _legs(rng, ["posts", "posts", "walls", "pedestal"], wide, deep, under)
    if rng.random() < 0.3:
        yield "top", box(wide, under * 0.12, deep).move(y=under * 0.94)
    if rng.random() < 0.3:
        shelf = slab(wide * 1.04, 0.025, deep * 1.04, power)
        yield "shelf", shelf.move(y=under * rng.uniform(0.2, 0.4))


def _legs(
    rng: Generator, styles: list[str], width: float, depth: float, height: float
) -> list[Solid]:
    """What carries a seat or a top, in one of the styles."""
    style = rng.choice(styles)
    x, z, thick = width / 2, depth / 2, rng.uniform(0.018, 0.036) * (0.6 + height)
    if style == "walls":
        wall = box(rng.uniform(0.04, 0.1), height, depth, top=(1.0, rng.uniform(0.4, 1.0)))
        return both(wall.move(x=x * 0.95, y=height / 2))
    if style == "tripod":
        return around(rod((0, height, 0.7 * x), (0, 0, 1.2 * x), 0.6 * thick), 3)
    if style == "pedestal":
        foot, rise = 0.8 * min(x, z), height * rng.uniform(0.04, 0.12)
        column = frustum(thick, thick * rng.uniform(0.7, 1.0), height)
        if rng.random() < 0.5:
            return [column, lathe([(foot, 0), (foot, 0.3 * rise), (thick, rise)])]
        bar = box(2 * foot, 0.05, 0.07, top=(0.85, 1.0)).move(y=0.025)
        return [column, bar, bar.turn("y", 90)]
    if style == "star":
        spoke = rod((0, 0.12, 0), (0, 0.05, -x * 1.3), thick, 0.6 * thick, square=True)
        castor = frustum(0.028, 0.028, 0.04, 10).turn("z", 90).move(0.02, 0.028, -x * 1.3)
        spokes = int(rng.integers(4, 6))
        column = frustum(thick, 0.75 * thick, height - 0.1).move(y=0.1)
        return [column, *around(spoke, spokes), *around(castor, spokes)]
    if style == "sled":
        r = rng.uniform(0.012, 0.02)
        bend = curve([(x, height, -z), (x, r, -z), (x, r, -z), (x, r, 0)], 8)
        # A frame that rises again behind, or a cantilever with a bar behind.
        if rng.random() < 0.5:
            return both(tube(np.concatenate([bend, bend[-2::-1] * (1, 1, -1)]), r, ring(8)))
        bars = both(tube([*bend, (x, r, z)], r, ring(8)))
        return [*bars, rod((-x, r, z), (x, r, z), r)]
    splay = 1.0 + (rng.uniform(0.05, 0.3) if rng.random() < 0.4 else 0.0)
    tip, square = thick * rng.uniform(0.45, 1.0), rng.random() < 0.5
    posts = [
        rod((x, height * 1.01, side * z), (x * splay, 0, side * z * splay), thick, tip, square)
        for side in (-1, 1)
    ]
    if rng.random() < 0.3:
        posts.append(rod((x, 0.4 * height, -z), (x, 0.4 * height, z), 0.012))
    return both(*posts)


def _back(
    rng: Generator, styles: list[str], width: float, height: float, depth: float
) -> list[Solid]:
    """A back in one of the styles, on the rear edge of a seat, leaning away from the sitter."""
    style, rise, lean = rng.choice(styles), rng.uniform(0.34, 0.6), rng.uniform(0, 16)
    x, count = width / 2, int(rng.integers(3, 7))
    # A rail is a board across the back, hollowed a little towards the sitter.
    bow = curve([(-x, 0, -0.015), (0, 0, 0.05), (x, 0, -0.015)], 7)
    if style == "panel":
        solids = [slab(width, 0.045, rise, power=6.0).turn("x", 90).move(y=rise / 2)]
    elif style == "bars":
        places = np.linspace(0.02 - x, x - 0.02, count)
        rail = tube(bow, 1.0, rectangle(0.026, rise * 0.16)).move(y=rise * 0.95)
        solids = [*(rod((place, 0, 0), (place, rise, 0), 0.013) for place in places), rail]
    elif style == "rails":
        rail = tube(bow, 1.0, rectangle(0.026, 1.1 * rise / count))
        post = box(0.035, rise, 0.035).move(x=x - 0.02, y=rise / 2)
        solids = both(post) + [rail.move(y=rise * (i + 1) / count) for i in range(0, count, 2)]
    else:  # a shell, lower at its ends
        deep, angle = width * rng.uniform(0.25, 0.55), np.linspace(0, np.pi, 13)
        path = np.stack([x * np.cos(angle), 0 * angle, deep * (np.sin(angle) - 1)], axis=1)
        shell = tube(path, 1.0, rectangle(0.035, rise)).move(y=rise / 2)
        vertices = shell.vertices * (1, 1, 1)
        vertices[:, 1] *= 1 - 0.45 * (vertices[:, 0] / x) ** 2
        solids = [Solid(vertices, shell.faces)]
    return [solid.turn("x", lean).move(y=height - 0.02, z=depth / 2 - 0.03) for solid in solids]


def _arms(rng: Generator, width: float, height: float, depth: float) -> list[Solid]:
    """Two arm rests: a rest on a post, a bent bar, or a padded side."""
    x, y, z = width / 2 - 0.01, height + rng.uniform(0.14, 0.26), depth / 2
    style = rng.choice(["post", "bar", "pad"])
    if style == "post":
        rest = slab(0.06, 0.03, depth * 0.95, power=4.0).move(x, y)
        return both(rest, rod((x, height - 0.03, -z * 0.6), (x, y, -z * 0.6), 0.017))
    if style == "bar":
        bend = [(x, height, -z * 0.8), (x, y + 0.12, -z), (x, y, z * 0.5), (x, y, z)]
        return both(tube(curve(bend, 9), 0.018, ring(8)))
    side = [(-z, height - 0.05), (z, height - 0.05), (z * 0.95, y), (-z * 0.95, y)]
    return both(extrude(side, rng.uniform(0.06, 0.1)).turn("y", 90).move(x))
