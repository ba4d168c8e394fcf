"""Things to sit on and to sit at: bench, chair, desk, stool, table."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from pcea.datasets.shapes.primitives import (
    Parts,
    Solid,
    both,
    box,
    curve,
    frustum,
    lathe,
    named,
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
    parts: Parts = []
    boards = int(rng.integers(2, 5)) if rng.random() < 0.5 else 1
    pitch = depth / boards
    for i in range(boards):
        board = slab(width, thick, pitch * (0.85 if boards > 1 else 1.0))
        z = (i - (boards - 1) / 2) * pitch
        parts.append(("seat", board.move(y=height - thick / 2, z=z)))
    under = height - thick
    style = rng.choice(["posts", "walls", "trestles"])
    if style == "posts":
        rows = (-1.0, 0.0, 1.0) if rng.random() < 0.3 else (-1.0, 1.0)
        parts += named("leg", _posts(rng, width * 0.84, depth * 0.8, under, rows))
    else:
        top = (1.0, 1.0) if style == "walls" else (1.0, 0.45)
        wall = box(rng.uniform(0.04, 0.1), under, depth * rng.uniform(0.75, 0.98), top)
        inset = rng.uniform(0.36, 0.46) * width
        parts += named("leg", both(wall.move(x=inset, y=under / 2)))
    if rng.random() < 0.6:
        rise, lean = rng.uniform(0.3, 0.5), rng.uniform(0, 15)
        rail = rng.choice(["panel", "rails"])
        backrest = _panel(width, rise) if rail == "panel" else _rails(rng, width, rise)
        parts += named("back", _behind(backrest, height, depth, lean))
        if rng.random() < 0.4:
            parts += _arms(rng, width, depth, height)
    return parts


def chair(rng: Generator) -> Parts:
    """A seat with a back: on posts, a sled or a star foot; with or without arms."""
    width, depth = rng.uniform(0.4, 0.58), rng.uniform(0.4, 0.54)
    height, thick = rng.uniform(0.36, 0.5), rng.uniform(0.03, 0.12)
    seat = slab(width, thick, depth, power=rng.choice([2.5, 5.0, 10.0]))
    parts: Parts = [("seat", seat.move(y=height - thick / 2))]
    under = height - thick
    style = rng.choice(["posts", "sled", "star"], p=[0.6, 0.2, 0.2])
    if style == "posts":
        posts = _posts(rng, width * 0.84, depth * 0.84, under)
        parts += named("leg", posts)
        if rng.random() < 0.35:
            parts += named("leg", _stretchers(width * 0.84, depth * 0.84, under * 0.4))
    elif style == "sled":
        parts += named("leg", _sled(rng, width * 0.86, depth * 0.9, under))
    else:
        parts += named("leg", _star(rng, width * 0.55, under))
    rise, lean = rng.uniform(0.34, 0.66), rng.uniform(0, 16)
    back_width = width * rng.uniform(0.75, 1.0)
    backrest = rng.choice(["panel", "bars", "rails", "shell"])
    if backrest == "panel":
        solids = _panel(back_width, rise)
    elif backrest == "bars":
        solids = _bars(rng, back_width, rise)
    elif backrest == "rails":
        solids = _rails(rng, back_width, rise)
    else:
        solids = _shell(rng, back_width, rise)
    parts += named("back", _behind(solids, height, depth, lean))
    if rng.random() < 0.45:
        parts += _arms(rng, width, depth, height)
    return parts


def desk(rng: Generator) -> Parts:
    """A top with drawers below it, on posts or walls; with or without a panel at the front."""
    width, depth = rng.uniform(1.0, 1.7), rng.uniform(0.5, 0.8)
    height, thick = rng.uniform(0.68, 0.8), rng.uniform(0.025, 0.06)
    under = height - thick
    top = slab(width, thick, depth, power=rng.choice([6.0, 14.0]))
    parts: Parts = [("top", top.move(y=height - thick / 2))]
    style = rng.choice(["posts", "walls"])
    if style == "posts":
        parts += named("leg", _posts(rng, width * 0.92, depth * 0.86, under))
    else:
        wall = box(rng.uniform(0.03, 0.06), under, depth * 0.92)
        parts += named("leg", both(wall.move(x=width * 0.46, y=under / 2)))
    layout = rng.choice(["one", "two", "flat"], p=[0.45, 0.25, 0.3])
    deep = depth * 0.86
    if layout == "flat":
        count, tall = int(rng.integers(1, 4)), rng.uniform(0.09, 0.15)
        wide = width * 0.84 / count
        for i in range(count):
            x = (i - (count - 1) / 2) * wide
            drawer = box(wide * 0.94, tall, deep).move(x, under - tall / 2)
            parts += _drawer(drawer, wide, tall)
    else:
        wide = width * rng.uniform(0.2, 0.3)
        count = int(rng.integers(2, 5))
        stack = under * rng.uniform(0.55, 0.9)
        tall = stack / count
        left = rng.random() < 0.5
        for i in range(count):
            y = under - (i + 0.5) * tall
            drawer = box(wide, tall * 0.92, deep).move(width * 0.43 - wide / 2, y)
            for name, solid in _drawer(drawer, wide, tall):
                pair = both(solid)
                parts += named(name, pair if layout == "two" else pair[left:][:1])
    if rng.random() < 0.4:
        drop = under * rng.uniform(0.3, 0.8)
        panel = box(width * 0.9, drop, 0.025)
        parts.append(("panel", panel.move(y=under - drop / 2, z=depth * 0.4)))
    return parts


def stool(rng: Generator) -> Parts:
    """A small seat without a back, on three or four posts or a foot; with or without a ring."""
    radius, height = rng.uniform(0.15, 0.24), rng.uniform(0.34, 0.78)
    thick = rng.uniform(0.03, 0.1)
    power = rng.choice([2.0, 2.0, 6.0])
    seat = slab(2 * radius, thick, 2 * radius * rng.uniform(0.85, 1.0), power)
    parts: Parts = [("seat", seat.move(y=height - thick / 2))]
    under = height - thick
    if rng.random() < 0.25:
        parts += named("leg", _pedestal(rng, radius * rng.uniform(0.75, 1.1), under))
        spread = None
    elif rng.random() < 0.4:
        spread = radius * rng.uniform(0.85, 1.25)
        parts += named("leg", _tripod(rng, radius * 0.7, spread, under))
    else:
        # Posts stand in the corners of a square seat, and further in below a round one.
        span = radius * (1.45 if power > 2 else 1.1)
        parts += named("leg", _posts(rng, span, 0.9 * span, under))
        spread = 0.67 * span
    if spread and rng.random() < 0.5:
        y = under * rng.uniform(0.25, 0.45)
        circle = ring(20) * spread * 0.95
        path = np.stack([circle[:, 0], np.full(20, y), circle[:, 1]], axis=1)
        parts.append(("leg", tube(path, 0.012, section=ring(8), loop=True)))
    return parts


def table(rng: Generator) -> Parts:
    """A round, oval or square top on posts, a trestle or a pedestal; with or without a shelf."""
    width = rng.uniform(0.6, 1.6)
    round_top = rng.random() < 0.4
    depth = width * (rng.uniform(0.7, 1.0) if round_top else rng.uniform(0.45, 1.0))
    height, thick = rng.uniform(0.35, 0.8), rng.uniform(0.025, 0.08)
    power = 2.0 if round_top else rng.choice([5.0, 14.0])
    top = slab(width, thick, depth, power)
    parts: Parts = [("top", top.move(y=height - thick / 2))]
    under = height - thick
    reach = 0.62 if round_top else 0.86
    style = rng.choice(["posts", "pedestal", "trestle"], p=[0.6, 0.22, 0.18])
    if style == "posts":
        parts += named("leg", _posts(rng, width * reach, depth * reach, under))
        if rng.random() < 0.3:
            apron = box(width * reach, under * 0.12, depth * reach)
            parts.append(("top", apron.move(y=under * 0.94)))
        if rng.random() < 0.4:
            shelf = slab(width * reach * 1.04, 0.025, depth * reach * 1.04, power)
            parts.append(("shelf", shelf.move(y=under * rng.uniform(0.2, 0.4))))
    elif style == "pedestal":
        parts += named("leg", _pedestal(rng, min(width, depth) * 0.36, under))
    else:
        wall = box(rng.uniform(0.05, 0.12), under, depth * 0.7, top=(1.0, rng.uniform(0.2, 1.0)))
        parts += named("leg", both(wall.move(x=width * 0.32, y=under / 2)))
        parts.append(("leg", box(width * 0.64, 0.07, 0.05).move(y=under * 0.35)))
    return parts


def _drawer(front: Solid, wide: float, tall: float) -> Parts:
    """A drawer with its knob on the side of the sitter (-z)."""
    low, high = front.vertices.min(0), front.vertices.max(0)
    x, y = (low + high)[:2] / 2
    knob = box(wide * 0.3, tall * 0.14, 0.03).move(x, y, low[2] - 0.012)
    return [("drawer", front), ("drawer", knob)]


def _posts(
    rng: Generator,
    width: float,
    depth: float,
    height: float,
    rows: tuple[float, ...] = (-1.0, 1.0),
) -> list[Solid]:
    """Upright or splayed, round or square, straight or tapered posts at a rectangle's rim."""
    thick = rng.uniform(0.018, 0.036) * (0.6 + height)
    tip = thick * rng.uniform(0.45, 1.0)
    splay = 1.0 + (rng.uniform(0.05, 0.3) if rng.random() < 0.4 else 0.0)
    square = rng.random() < 0.5
    x, z = width / 2, depth / 2
    return [
        rod(
            (i * x, height * 1.01, j * z),
            (i * x * splay, 0.0, j * z * splay),
            thick,
            tip,
            square,
        )
        for i in rows
        for j in (-1, 1)
    ]


def _tripod(rng: Generator, top: float, foot: float, height: float) -> list[Solid]:
    thick = rng.uniform(0.014, 0.024)
    angles = np.deg2rad(rng.uniform(0, 120) + np.array([0, 120, 240]))
    return [
        rod((top * c, height * 1.01, top * s), (foot * c, 0.0, foot * s), thick)
        for c, s in zip(np.cos(angles), np.sin(angles), strict=True)
    ]


def _pedestal(rng: Generator, foot: float, height: float) -> list[Solid]:
    """One column on a round foot or on a cross."""
    thick = foot * rng.uniform(0.1, 0.25)
    column = frustum(thick, thick * rng.uniform(0.7, 1.0), height)
    if rng.random() < 0.5:
        rise = height * rng.uniform(0.04, 0.12)
        return [column, lathe([(0, 0), (foot, 0), (foot, 0.3 * rise), (thick, rise), (0, rise)])]
    bar = box(2 * foot, 0.05, 0.07, top=(0.85, 1.0)).move(y=0.025)
    return [column, bar, bar.turn("y", 90)]


def _star(rng: Generator, foot: float, height: float) -> list[Solid]:
    """The foot of an office chair: spokes with castors, and a column."""
    spokes = int(rng.integers(4, 6))
    thick = rng.uniform(0.02, 0.035)
    hub = 0.12 * height + 0.03
    spoke = rod((0, hub + 0.02, 0), (0, hub - 0.02, -foot), thick, 0.6 * thick, square=True)
    castor = frustum(0.028, 0.028, 0.04, 10).turn("z", 90).move(0.02, 0.028, -foot)
    column = frustum(thick, 0.75 * thick, height - hub + 0.02).move(y=hub - 0.02)
    turned = [s.turn("y", 360 * i / spokes) for i in range(spokes) for s in (spoke, castor)]
    return [column, *turned]


def _sled(rng: Generator, width: float, depth: float, height: float) -> list[Solid]:
    """Two bent bars, each a rounded frame from the seat down, along the floor and up again."""
    r = rng.uniform(0.012, 0.02)
    x, z = width / 2, depth / 2
    front = curve([(x, height, -z), (x, r, -z), (x, r, -z), (x, r, -z * 0.4)], 8)
    if rng.random() < 0.5:
        rear = front[::-1] * (1, 1, -1)
        return [*both(tube(np.concatenate([front, rear]), r, section=ring(8)))]
    # A cantilever: the bars rise at the front only, and a bar behind joins them on the floor.
    foot = np.array([(x, r, z)])
    bar = tube(np.concatenate([front, foot]), 1.2 * r, section=ring(8))
    return [*both(bar), rod((-x, r, z), (x, r, z), 1.2 * r)]


def _stretchers(width: float, depth: float, y: float) -> list[Solid]:
    x, z = width / 2, depth / 2
    return [*both(rod((x, y, -z), (x, y, z), 0.012)), rod((-x, y, 0), (x, y, 0), 0.012)]


def _panel(width: float, rise: float) -> list[Solid]:
    return [slab(width, 0.045, rise, power=6.0).turn("x", 90).move(y=rise / 2)]


def _bars(rng: Generator, width: float, rise: float) -> list[Solid]:
    """Upright bars below a rail."""
    count = int(rng.integers(3, 7))
    x = width / 2 - 0.02
    bars = [rod((u, 0, 0), (u, rise, 0), 0.013) for u in np.linspace(-x, x, count)]
    return [*bars, _rail(width, rise * 0.16, rise * 0.95)]


def _rails(rng: Generator, width: float, rise: float) -> list[Solid]:
    """Level rails between two posts."""
    count = int(rng.integers(2, 5))
    post = box(0.035, rise, 0.035).move(x=width / 2 - 0.02, y=rise / 2)
    tall = rise / count
    return [*both(post), *(_rail(width, 0.55 * tall, (i + 0.62) * tall) for i in range(count))]


def _rail(width: float, tall: float, y: float) -> Solid:
    """A board across the back, hollowed a little towards the sitter."""
    x = width / 2
    path = curve([(-x, y, -0.015), (0, y, 0.05), (x, y, -0.015)], 7)
    return tube(path, 1.0, section=rectangle(0.026, tall), up=(0, 1, 0))


def _shell(rng: Generator, width: float, rise: float) -> list[Solid]:
    """A curved shell around the sitter's back, lower at its ends."""
    x, deep = width / 2, width * rng.uniform(0.25, 0.55)
    path = curve([(-x, 0, -deep), (-x, 0, 0.08), (x, 0, 0.08), (x, 0, -deep)], 11)
    tall = rise * (1 - 0.45 * np.abs(np.linspace(-1, 1, 11)) ** 2)
    wall = tube(path, 1.0, section=rectangle(0.035, 1.0), up=(0, 1, 0))
    vertices = wall.vertices.copy()
    # Four corners a ring, then the two tips.
    vertices[:, 1] = (vertices[:, 1] + 0.5) * np.concatenate([np.repeat(tall, 4), tall[[0, -1]]])
    return [Solid(vertices, wall.faces)]


def _behind(solids: list[Solid], height: float, depth: float, lean: float) -> list[Solid]:
    """Set a back on the rear edge of the seat, leaning away from the sitter."""
    return [s.turn("x", lean).move(y=height - 0.02, z=depth / 2 - 0.03) for s in solids]


def _arms(rng: Generator, width: float, depth: float, height: float) -> Parts:
    """Two arm rests: a rest on a post, a bent bar, or a padded side."""
    rise, x = rng.uniform(0.14, 0.26), width / 2 - 0.01
    z = depth / 2
    style = rng.choice(["post", "bar", "pad"])
    if style == "post":
        rest = slab(0.06, 0.03, depth * 0.95, power=4.0).move(x, height + rise)
        post = rod((x, height - 0.03, -z * 0.6), (x, height + rise, -z * 0.6), 0.017)
        solids = [*both(rest), *both(post)]
    elif style == "bar":
        y = height + rise
        path = curve([(x, height, -z * 0.8), (x, y + 0.12, -z), (x, y, z * 0.5), (x, y, z)], 9)
        solids = [*both(tube(path, 0.018, section=ring(8)))]
    else:
        pad = box(rng.uniform(0.06, 0.1), rise + 0.06, depth, top=(0.9, 0.95))
        solids = [*both(pad.move(x, height + rise / 2 - 0.03))]
    return named("arm", solids)
