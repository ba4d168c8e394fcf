"""Objects that stand in a room, from bench to vase. A person who uses one faces -z."""

import numpy as np
from numpy.random import Generator

from pcea.datasets.shapes.solids import (
    Array,
    Parts,
    Solid,
    around,
    both,
    box,
    curve,
    ellipsoid,
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


def bottle(rng: Generator) -> Parts:
    """A slim or wide, round or square bottle; with or without a cap."""
    radius, height, rise = rng.uniform(0.1, 0.2), rng.uniform(0.35, 0.65), rng.uniform(0.06, 0.25)
    mouth, waist = radius * rng.uniform(0.25, 0.45), radius * rng.uniform(0.8, 1.05)
    shoulder = [(radius, height), (radius, height + 0.7 * rise), (mouth, height + 0.4 * rise)]
    body = [(0.92 * radius, 0), (radius, 0.03), (waist, height / 2), *curve(shoulder, 7)]
    top = height + rise
    yield "body", lathe([*body, (mouth, top)], rng.choice([2.0, 2.0, 5.0]))
    end, lip = top + rng.uniform(0.05, 0.23), mouth * rng.uniform(1.0, 1.25)
    yield "neck", lathe([(mouth, top - 0.01), (mouth, end - 0.03), (lip, end - 0.025), (lip, end)])
    if rng.random() < 0.65:
        wide, tall = lip * rng.uniform(0.85, 1.3), rng.uniform(0.03, 0.07)
        yield "cap", lathe([(wide, 0), (wide, 0.8 * tall), (0.85 * wide, tall)]).move(y=end - 0.01)


def chair(rng: Generator) -> Parts:
    """A seat with a back, on posts, a sled base or a star base; with or without arms."""
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
    """A top with drawers below it, on posts or side walls; with or without a panel at the front."""
    width, depth = rng.uniform(1.0, 1.7), rng.uniform(0.5, 0.8)
    height, thick = rng.uniform(0.68, 0.8), rng.uniform(0.025, 0.06)
    under = height - thick
    yield "top", slab(width, thick, depth, rng.choice([6.0, 14.0])).move(y=height - thick / 2)
    yield "leg", _legs(rng, ["posts", "walls"], width * 0.92, depth * 0.86, under)
    # Drawers lie side by side below the top, or one above the other on one or both sides.
    count, flat, pair = int(rng.integers(1, 5)), rng.random() < 0.3, rng.random() < 0.4
    wide = width * (0.84 / count if flat else rng.uniform(0.2, 0.3))
    tall = rng.uniform(0.09, 0.15) if flat else under * rng.uniform(0.55, 0.9) / count
    knob = box(wide * 0.3, tall * 0.14, 0.03).move(z=-depth * 0.43 - 0.012)
    drawer = [box(wide * 0.94, tall * 0.92, depth * 0.86), knob]
    for i in range(count):
        x = (i - (count - 1) / 2) * wide if flat else width * 0.43 - wide / 2
        placed = [solid.move(x, under - (0.5 if flat else i + 0.5) * tall) for solid in drawer]
        yield "drawer", both(*placed) if pair and not flat else placed
    if rng.random() < 0.4:
        drop = under * rng.uniform(0.3, 0.8)
        yield "panel", box(width * 0.9, drop, 0.025).move(y=under - drop / 2, z=depth * 0.4)


def guitar(rng: Generator) -> Parts:
    """An acoustic or electric guitar that stands on its body; its strings face -z."""
    electric = rng.random() < 0.5
    width, tall = rng.uniform(0.34, 0.42), rng.uniform(0.42, 0.52)
    depth = rng.uniform(0.05, 0.07) if electric else rng.uniform(0.09, 0.14)
    # Half of the outline from below to the neck; an electric one is cut away beside it.
    half = [(0.0, -1.0), (0.6, -0.95), (0.95, -0.6), (0.92, -0.2), (rng.uniform(0.6, 0.72), 0.15)]
    tips = [(0.75, 0.45), (0.74, 0.75), (0.5, 0.97), (0.2, 1.0)]
    if electric:
        tips = [(0.78, 0.4), (0.72, rng.uniform(0.55, 0.85)), (0.5, 0.72), (0.32, 0.42)]
    outline = np.array([*half, *tips, *((-x, y) for x, y in [*half, *tips][:0:-1])])
    front = -depth / 2
    yield "body", extrude(outline * (width / 2, tall / 2), depth, 0.012).move(y=tall / 2)
    yield "body", box(0.36 * width, 0.03, 0.024).move(y=0.27 * tall, z=front - 0.008)
    hole = frustum(0.13 * width, 0.13 * width, 0.012).turn("x", 90)
    pickup = box(0.2, 0.035, 0.02)
    yield "body", (pickup if electric else hole).move(y=0.55 * tall, z=front - 0.006)
    start, end, thick = 0.66 * tall, tall + rng.uniform(0.4, 0.55), rng.uniform(0.05, 0.065)
    neck = box(thick, end - start, 0.035, top=0.8)
    yield "neck", neck.move(y=(start + end) / 2, z=front - 0.008)
    long, wide, lean = rng.uniform(0.13, 0.2), thick * rng.uniform(0.55, 0.9), 0.03 * electric
    plate = [(-0.45 * thick, 0), (0.45 * thick, 0), (wide + lean, 0.3 * long)]
    plate += [(wide + lean, long), (lean - wide, long), (lean - wide, 0.3 * long)]
    head = [extrude(plate, 0.025)]
    for y in (0.35 * long, 0.6 * long, 0.85 * long):
        head.append(rod((lean - wide - 0.03, y, 0), (lean + wide + 0.03, y, 0), 0.009))
    tilt = rng.uniform(4, 16)
    yield "head", [solid.turn("x", tilt).move(y=end - 0.01, z=front - 0.006) for solid in head]


def lamp(rng: Generator) -> Parts:
    """A lamp on a table or the floor, on a jointed or bent arm, or on the ceiling."""
    style = rng.choice(["table", "floor", "joint", "bend", "ceiling"])
    radius, tall = rng.uniform(0.16, 0.3), rng.uniform(0.16, 0.32)
    foot, rise = radius * rng.uniform(0.5, 0.85), rng.uniform(0.02, 0.08)
    thick = rng.uniform(0.012, 0.028)
    base = slab(2 * foot, rise, 2 * foot, rng.choice([2.0, 6.0])).move(y=rise / 2)
    reach, height = rng.uniform(0.3, 0.6), rng.uniform(0.45, 0.9)
    head, tilt = np.array([0.0, height, -reach]), rng.uniform(0, 45)
    if style == "joint":
        elbow = np.array([0, height * rng.uniform(0.6, 1.1), rng.uniform(0.0, 0.25)])
        poles = [rod((0, rise / 2, 0), elbow, thick), rod(elbow, head, thick)]
        poles.append(ellipsoid(1.8 * thick, 1.8 * thick, 1.8 * thick, 10).move(*elbow))
    elif style == "bend":
        bend = [(0, rise / 2, 0), (0, 1.4 * height, 0.1), (0, 1.3 * height, -reach), head]
        poles = [tube(curve(bend, 14), thick)]
    else:
        tilt, high = 0.0, height + (0.7 if style == "floor" else 0.0)
        head = np.array([0, high + 0.5 * tall, 0])
        poles = [frustum(thick, thick, high + 0.1, 10)]
        if style == "table":
            belly = curve([(0.5 * foot, 0), (2 * foot, 0.25 * high), (thick, 0.55 * high)], 10)
            base = lathe(belly)
        elif style == "ceiling":
            poles = [frustum(thick, thick, height, 8).move(y=head[1] - 0.1)]
            base = base.move(y=head[1] + height - 0.12)
    yield "base", base
    yield "pole", poles
    # A hollow cone, bell or drum that opens downward, below the head, and its bulb.
    top, middle = radius * rng.uniform(0.3, 0.95), radius * rng.uniform(0.4, 1.1)
    shade = _wall(curve([(radius, -tall), (middle, -0.5 * tall), (top, 0)], 6), 0.02)
    bulb = ellipsoid(0.3 * top, 0.3 * tall, 0.3 * top, 10).move(y=-0.4 * tall)
    yield "shade", [solid.turn("x", tilt).move(*head) for solid in (shade, bulb)]


def mug(rng: Generator) -> Parts:
    """A straight, flared or bulging cup with an angular, ear-shaped or ring-shaped handle."""
    height, radius = rng.uniform(0.6, 1.2), rng.uniform(0.32, 0.5)
    rim, belly = radius * rng.uniform(0.85, 1.2), rng.uniform(0.0, 0.14)
    t = np.linspace(0, 1, 8)
    outline = np.stack(
        [radius + (rim - radius) * t + belly * np.sin(np.pi * t), t * height], axis=1
    )
    yield "body", _cup(outline, rng.uniform(0.025, 0.06), rng.choice([2.0] * 5 + [4.0]))
    low, high = rng.uniform(0.12, 0.3) * height, rng.uniform(0.7, 0.92) * height
    from_x, to_x = (np.interp(y, outline[:, 1], outline[:, 0]) - 0.03 for y in (high, low))
    out, bend = max(from_x, to_x) + rng.uniform(0.2, 0.42), 0.12 * (high - low)
    style = rng.choice(["ear", "ring", "angular"])
    if style == "ear":
        corners = curve(
            [(from_x, high), (1.4 * out, high + 0.1), (1.3 * out, low), (to_x, low)], 14
        )
    elif style == "ring":
        angle = np.linspace(0.5, -0.5, 14) * np.pi
        center = np.array([(from_x + to_x) / 2, (low + high) / 2])
        size = out - center[0], (high - low) / 2
        corners = center + size * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    else:
        corners = np.array([(from_x, high), (out - bend, high), (out, high - bend)])
        corners = np.concatenate([corners, [(out, low + bend), (out - bend, low), (to_x, low)]])
    section = ring(10) * (1.0, rng.uniform(0.9, 1.6))
    yield "handle", tube(np.insert(corners, 2, 0.0, axis=1), rng.uniform(0.035, 0.06), section)


def plant(rng: Generator) -> Parts:
    """A pot with blades, with leaves along stems, or with the crown of a small tree."""
    radius, height = rng.uniform(0.16, 0.26), rng.uniform(0.22, 0.4)
    rim, soil, power = radius * rng.uniform(1.05, 1.45), 0.88 * height, rng.choice([2.0, 2.0, 8.0])
    pot = [(radius, 0), (rim, 0.8 * height), (1.06 * rim, 0.8 * height), (1.06 * rim, height)]
    yield "pot", lathe([*pot, (0.85 * rim, height), (0.85 * rim, soil)], power)
    style = rng.choice(["blades", "leaves", "cone", "ball"])
    if style == "blades":
        count, long = int(rng.integers(6, 13)), rng.uniform(0.45, 0.9)
        yield "stem", frustum(0.35 * radius, 0.2 * radius, 0.12, 10).move(y=soil - 0.01)
        for i in range(count):
            reach, droop = rng.uniform(0.35, 0.8), rng.uniform(0.3, 1.0)
            rib = long * curve([(0, 0, 0), (0, 0.8, 0.15), (0, droop, reach)], 7)
            yield "leaf", _leaf(rib, 0.1).turn("y", 360 * i / count).move(y=soil + 0.05)
    elif style == "leaves":
        for _ in range(int(rng.integers(1, 4))):
            (x, z), tall = rng.uniform(-0.5, 0.5, 2) * radius, rng.uniform(0.45, 0.95)
            top = (2 * x, soil + tall, 2 * z + 0.1)
            stem = curve([(x, soil - 0.02, z), (x, soil + 0.6 * tall, z), top], 8)
            yield "stem", tube(stem, np.linspace(0.022, 0.012, 8))
            for i, place in enumerate(stem[2:]):
                rib = curve([(0, 0, 0), (0, 0.5, 0.4), (0, rng.uniform(-0.2, 0.6), 1.0)], 6)
                leaf = _leaf(rib * rng.uniform(0.22, 0.38), rng.uniform(0.12, 0.2))
                yield "leaf", leaf.turn("y", 137.5 * i + rng.uniform(-25, 25)).move(*place)
    else:
        tall = rng.uniform(0.3, 0.7)
        yield "stem", frustum(0.17 * radius, 0.12 * radius, tall + 0.1, 10).move(y=soil - 0.02)
        for i in range(int(rng.integers(2, 6))):
            size = rng.uniform(0.16, 0.3)
            x, y, z = rng.uniform(-0.16, 0.16, 3) + (0, soil + tall + 0.15, 0)
            ball = ellipsoid(size, 0.9 * size, size, 12).move(x, y, z)
            cone = frustum(size, 0, 1.4 * size, 14).move(y=soil + tall + 0.15 * i)
            yield "leaf", cone if style == "cone" else ball


def stool(rng: Generator) -> Parts:
    """A small round or square seat without a back; with or without a footrest ring."""
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
    """A round, oval or square top on posts, side walls or a pedestal; with or without a shelf."""
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


def vase(rng: Generator) -> Parts:
    """A bulging body and an open neck; with or without two handles."""
    height, radius = rng.uniform(0.5, 0.9), rng.uniform(0.16, 0.34)
    foot, throat = radius * rng.uniform(0.45, 0.8), radius * rng.uniform(0.3, 0.65)
    # The control point that makes the curve reach the radius.
    belly = 2 * radius - (foot + throat) / 2, height * rng.uniform(0.4, 0.75)
    outline = curve([(foot, 0), belly, (throat, height)], 12)
    wall, power = rng.uniform(0.018, 0.03), rng.choice([2.0] * 5 + [4.0])
    yield "body", _cup(outline, wall, power)
    long, lip = rng.uniform(0.06, 0.4), throat * rng.uniform(0.95, 1.8)
    neck = [(throat, height), (throat, height + 0.6 * long), (lip, height + long)]
    yield "neck", _wall(curve(neck, 7), wall, power)
    if rng.random() < 0.35:
        x, y = outline[int(rng.uniform(5, 8))]
        out, top = max(x, lip) + rng.uniform(0.05, 0.2), height + 0.6 * long
        bend = [(throat * 0.98, top, 0), (out, top + 0.1, 0), (out + 0.05, y + 0.1, 0)]
        handle = tube(curve([*bend, (x - 0.02, y, 0)], 10), rng.uniform(0.02, 0.035), ring(8))
        yield "handle", [handle, handle.scale(x=-1)]


def _legs(
    rng: Generator, styles: list[str], width: float, depth: float, height: float
) -> list[Solid]:
    """The legs of a seat or a table top, in one of the styles."""
    style = rng.choice(styles)
    x, z, thick = width / 2, depth / 2, rng.uniform(0.018, 0.036) * (0.6 + height)
    if style == "walls":
        wall = box(rng.uniform(0.04, 0.1), height, depth, top=rng.uniform(0.5, 1.0))
        return both(wall.move(x=x * 0.95, y=height / 2))
    if style == "tripod":
        return around(rod((0, height, 0.7 * x), (0, 0, 1.2 * x), 0.6 * thick), 3)
    if style == "pedestal":
        foot, rise = 0.8 * min(x, z), height * rng.uniform(0.04, 0.12)
        column = frustum(thick, thick * rng.uniform(0.7, 1.0), height)
        if rng.random() < 0.5:
            return [column, lathe([(foot, 0), (foot, 0.3 * rise), (thick, rise)])]
        bar = box(2 * foot, 0.05, 0.07, top=0.9).move(y=0.025)
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
    """Two armrests: a rest on a post, a bent bar, or a padded side."""
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


def _cup(outline: Array, wall: float, power: float) -> Solid:
    """A hollow body with a floor; `outline` is its outside, from the floor up to the rim."""
    inside = outline[::-1] - (wall, 0)
    inside = inside[inside[:, 1] > outline[0, 1] + wall]
    foot = (max(outline[0, 0] - wall, 0.2 * wall), outline[0, 1] + wall)
    return lathe([*outline, *inside, foot], power, 24)


def _wall(outline: Array, thick: float, power: float = 2.0) -> Solid:
    """A wall around the axis that is open at both ends."""
    return lathe([*outline, *(outline[::-1] - (thick, 0))], power, 24, loop=True)


def _leaf(rib: Array, width: float) -> Solid:
    """A flat, pointed leaf along its midrib (K, 3), which bends in the plane x = 0."""
    size = width * np.sin(np.linspace(0.25, 0.97, len(rib)) * np.pi) ** 0.8
    return tube(rib, size, rectangle(0.14, 1.0), up=(1, 0, 0))
