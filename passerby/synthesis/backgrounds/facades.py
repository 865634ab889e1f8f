"""Ground floors of houses: shops, dwellings, offices and halls, as a passer-by sees them."""

from typing import NamedTuple

import numpy as np

from passerby.synthesis.backgrounds.canvas import Canvas, Colour, dull, tinted, vivid
from passerby.synthesis.chance import pick


class Plot(NamedTuple):
    """Where a wall stands: from left to right, its foot, and the pixels of a metre there."""

    left: float
    right: float
    foot: float
    metre: float


def pane(canvas: Canvas, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    """Glass: it mirrors the sky above and shows a dim room below."""
    left, top, right, bottom = box
    sky, room = dull(rng, 120, 215, 0.04), dull(rng, 25, 90, 0.08)
    if rng.random() < 0.5:
        sky = tinted(room, rng.uniform(1, 1.8))
    canvas.fade(left, top, right, bottom, (sky, room))
    for _ in range(int(rng.integers(0, 3))):  # reflections of what stands opposite
        x = rng.uniform(left, right)
        wide = min(rng.uniform(4, 30), right - x)
        canvas.box(x, top, x + wide, bottom, tinted(sky, rng.uniform(0.5, 1.1)))


def _goods(
    canvas: Canvas, rng: np.random.Generator, box: tuple[float, float, float, float]
) -> None:
    """What a shop shows behind its window: shelves, dresses, posters."""
    left, top, right, bottom = box
    x = left + rng.uniform(2, 12)
    while x < right - 6:
        wide, high = rng.uniform(6, 34), rng.uniform(12, 0.7 * (bottom - top))
        foot = bottom - rng.uniform(2, 14)
        colour = vivid(rng) if rng.random() < 0.45 else dull(rng, 40, 230, 0.08)
        canvas.box(x, foot - high, min(x + wide, right - 2), foot, tinted(colour, 0.8))
        x += wide + rng.uniform(3, 26)


def _lettering(
    canvas: Canvas, rng: np.random.Generator, box: tuple[float, float, float, float]
) -> None:
    """A name over a shop, as one sees it from too far to read."""
    left, top, right, bottom = box
    colour = dull(rng, 190, 250) if rng.random() < 0.7 else vivid(rng)
    high = bottom - top
    x = left + rng.uniform(0.1, 0.4) * (right - left)
    for _ in range(int(rng.integers(4, 12))):
        wide = high * rng.uniform(0.3, 0.6)
        if x + wide > right:
            return
        if rng.random() < 0.85:
            canvas.box(x, top + 0.2 * high, x + 0.28 * wide, bottom - 0.2 * high, colour)
            level = top + rng.uniform(0.2, 0.65) * high
            canvas.box(x, level, x + wide * 0.8, level + 0.18 * high, colour)
        x += wide


def door(canvas: Canvas, rng: np.random.Generator, left: float, foot: float, metre: float) -> None:
    """A door of wood or of glass, in its frame, with a step."""
    wide, high = rng.uniform(0.9, 1.6) * metre, rng.uniform(2.0, 2.5) * metre
    frame, leaf = dull(rng, 60, 220), vivid(rng) if rng.random() < 0.3 else dull(rng, 35, 150, 0.1)
    canvas.box(left - 4, foot - high - 4, left + wide + 4, foot, frame)
    if rng.random() < 0.5:
        pane(canvas, rng, (left, foot - high, left + wide, foot - 3))
        canvas.line((left + wide / 2, foot - high), (left + wide / 2, foot), 2, frame)
    else:
        canvas.box(left, foot - high, left + wide, foot, leaf)
        for row in (0.12, 0.55):
            panel = tinted(leaf, rng.uniform(0.75, 1.2))
            canvas.box(left + wide * 0.15, foot - high * (1 - row), left + wide * 0.85,
                       foot - high * (0.65 - row), panel)  # fmt: skip
    canvas.box(left - 8, foot - 4, left + wide + 8, foot + 2, dull(rng, 100, 170))


def shop(canvas: Canvas, rng: np.random.Generator, plot: Plot) -> None:
    """A shop: windows with goods, a door, a sign, now and then an awning."""
    left, right, foot, metre = plot
    front = vivid(rng) if rng.random() < 0.35 else dull(rng, 30, 200, 0.08)
    top = foot - 2.6 * metre
    canvas.box(left, foot - 3.4 * metre, right, foot, front)
    x = left + 6
    while x < right - 20:
        wide = min(rng.uniform(0.9, 2.4) * metre, right - x - 6)
        sill = foot - rng.uniform(0.05, 0.7) * metre
        if rng.random() < 0.25 and wide > metre:
            door(canvas, rng, x, foot, metre)
            x += 1.7 * metre
            continue
        pane(canvas, rng, (x, top, x + wide, sill))
        if rng.random() < 0.75:
            _goods(canvas, rng, (x, top, x + wide, sill))
        canvas.box(x, sill, x + wide, sill + 4, tinted(front, 1.25))
        x += wide + rng.uniform(3, 14)
    sign = vivid(rng) if rng.random() < 0.6 else dull(rng, 25, 230)
    canvas.box(left, top - 0.55 * metre, right, top, sign)
    _lettering(canvas, rng, (left, top - 0.5 * metre, right, top - 0.05 * metre))
    if rng.random() < 0.3:
        _awning(canvas, rng, plot._replace(foot=top))


def _awning(canvas: Canvas, rng: np.random.Generator, plot: Plot) -> None:
    left, right, top, metre = plot
    one, other = vivid(rng), dull(rng, 180, 245)
    stripe, deep = rng.uniform(10, 26), rng.uniform(0.4, 0.8) * metre
    for number, x in enumerate(np.arange(left, right, stripe)):
        end, colour = min(x + stripe, right), one if number % 2 else other
        canvas.shape([(x, top), (end, top), (end + 4, top + deep), (x + 4, top + deep)], colour)
    canvas.box(left, top + deep, right, top + deep + 5, tinted(one, 0.6))


def house(canvas: Canvas, rng: np.random.Generator, plot: Plot) -> None:
    """Plaster, brick or panels with windows in frames, a door, a plinth and a rain pipe."""
    left, right, foot, metre = plot
    base = dull(rng, 70, 225, 0.06)
    if rng.random() < 0.35:
        base = tinted((rng.uniform(120, 175), rng.uniform(80, 115), rng.uniform(60, 95)), 1)
        _bricks(canvas, rng, (left, 0, right, foot), base)
    else:
        canvas.fade(left, 0, right, foot, (tinted(base, 1.05), tinted(base, 0.88)))
    canvas.box(left, foot - rng.uniform(0.2, 0.8) * metre, right, foot, tinted(base, 0.7))
    frame, x = dull(rng, 60, 245), left + rng.uniform(0.2, 1.0) * metre
    sill, high = rng.uniform(0.8, 1.3) * metre, rng.uniform(1.1, 1.7) * metre
    while x < right - metre:
        wide = rng.uniform(0.7, 1.5) * metre
        if rng.random() < 0.25:
            door(canvas, rng, x, foot, metre)
        else:
            box = (x, foot - sill - high, min(x + wide, right - 5), foot - sill)
            canvas.box(box[0] - 4, box[1] - 4, box[2] + 4, box[3] + 6, frame)
            pane(canvas, rng, box)
            middle = (box[0] + box[2]) / 2
            canvas.line((middle, box[1]), (middle, box[3]), 3, frame)
        x += wide + rng.uniform(0.5, 1.6) * metre
    pipe = rng.uniform(left, right)
    canvas.box(pipe, 0, pipe + 5, foot, tinted(base, rng.uniform(0.5, 1.2)))


def _bricks(
    canvas: Canvas, rng: np.random.Generator, box: tuple[float, float, float, float], base: Colour
) -> None:
    left, top, right, bottom = box
    canvas.box(left, top, right, bottom, base)
    course, joint = rng.uniform(6, 10), tinted(base, rng.uniform(0.7, 1.25))
    for number, y in enumerate(np.arange(top, bottom, course)):
        canvas.line((left, y), (right, y), 1, joint)
        for x in np.arange(left + (number % 2) * course, right, 2.2 * course):
            canvas.line((x, y), (x, y + course), 1, joint)


def office(canvas: Canvas, rng: np.random.Generator, plot: Plot) -> None:
    """Stone or concrete with large panes between pillars."""
    left, right, foot, metre = plot
    stone = dull(rng, 60, 200, 0.03)
    canvas.box(left, 0, right, foot, stone)
    step, pillar = rng.uniform(1.4, 3.2) * metre, rng.uniform(0.2, 0.6) * metre
    for x in np.arange(left, right, step):
        end = min(x + step - pillar, right)
        pane(canvas, rng, (x, 0, end, foot - rng.uniform(0.02, 0.5) * metre))
        for level in np.arange(foot - 2.4 * metre, 0, -1.4 * metre):
            canvas.line((x, level), (end, level), 3, tinted(stone, 0.6))
        canvas.box(end, 0, end + pillar * 0.3, foot, tinted(stone, 0.75))


def hall(canvas: Canvas, rng: np.random.Generator, plot: Plot) -> None:
    """A wall inside: panels, doors, lit boards, counters, columns."""
    left, right, foot, metre = plot
    base = dull(rng, 90, 235, 0.05)
    canvas.fade(left, 0, right, foot, (tinted(base, rng.uniform(0.8, 1.2)), tinted(base, 0.85)))
    for x in np.arange(left, right, rng.uniform(0.9, 2.5) * metre):
        canvas.line((x, 0), (x, foot), 2, tinted(base, 0.8))
    if rng.random() < 0.4:
        pane(canvas, rng, (left, 0, left + rng.uniform(0.3, 1) * (right - left), foot - 6))
    for _ in range(int(rng.integers(1, 5))):
        x, wide = rng.uniform(left, right), rng.uniform(0.5, 1.8) * metre
        end = min(x + wide, right)
        match pick(rng, {"board": 3.0, "counter": 2, "column": 2, "door": 1, "machine": 2}):
            case "board":
                level = foot - rng.uniform(1.2, 2.2) * metre
                face = tinted(vivid(rng), 1.15) if rng.random() < 0.6 else dull(rng, 180, 250)
                canvas.box(x, level - rng.uniform(0.4, 1) * metre, end, level, face)
                _lettering(canvas, rng, (x, level - 0.35 * metre, end, level - 0.1 * metre))
            case "counter":
                canvas.box(x, foot - 1.1 * metre, end, foot, dull(rng, 50, 200, 0.08))
                canvas.box(x, foot - 1.15 * metre, end, foot - 1.05 * metre, dull(rng, 120, 230))
            case "column":
                canvas.box(x, 0, x + 0.3 * wide, foot, tinted(base, 1.12))
                canvas.box(x + 0.3 * wide, 0, x + 0.45 * wide, foot, tinted(base, 0.68))
            case "door":
                door(canvas, rng, x, foot, metre)
            case _:
                canvas.box(x, foot - 1.8 * metre, x + 0.8 * metre, foot, vivid(rng))
                pane(canvas, rng, (x + 6, foot - 1.6 * metre, x + 0.55 * metre, foot - 0.5 * metre))
