"""What stands outdoors: sky, trees, hedges, cars, posts, bins, fences."""

from collections.abc import Callable

import numpy as np

from passerby.synthesis.backgrounds.canvas import Canvas, dull, tinted, vivid
from passerby.synthesis.cameras.scenes import noise


def foliage(
    canvas: Canvas, rng: np.random.Generator, box: tuple[float, float, float, float], ragged: float
) -> None:
    """Leaves in a box; `ragged` 0 is a cut hedge, 1 the crown of a tree."""
    left, top, right, bottom = box
    wide, high = int(right - left), int(bottom - top)
    if wide < 8 or high < 8:
        return
    clumps = noise(rng, high, wide, max(6, high / 7))
    leaves = noise(rng, high, wide, 3.0)
    x = np.linspace(-1, 1, wide)[None] ** 2
    y = np.linspace(-1, 1, high)[:, None] ** 2
    round_ = 1 - ragged * (x + y)
    edge = round_ + ragged * (0.35 * clumps + 0.15 * leaves) + (1 - ragged) * 0.02 * leaves
    sun = np.linspace(1.25, 0.6, high)[:, None]
    light = np.clip(sun * (1 + 0.28 * clumps + 0.3 * leaves), 0.15, 2.4)[:, :, None]
    green = np.array([rng.uniform(52, 96), rng.uniform(74, 112), rng.uniform(34, 62)])
    if rng.random() < 0.15:  # autumn
        green = np.array([rng.uniform(110, 160), rng.uniform(75, 110), rng.uniform(30, 50)])
    canvas.stencil(left, top, np.clip(edge * 4, 0, 1), green * light)


def tree(canvas: Canvas, rng: np.random.Generator, left: float, foot: float, metre: float) -> None:
    """A trunk with its crown, mostly above the picture."""
    bark, thick = dull(rng, 45, 100, 0.08), rng.uniform(0.15, 0.45) * metre
    top = max(0.0, foot - 3.2 * metre)
    canvas.box(left, top, left + thick, foot, bark)
    canvas.box(left + 0.6 * thick, top, left + thick, foot, tinted(bark, 0.65))
    spread = rng.uniform(1.2, 2.6) * metre
    middle = left + thick / 2
    crown = (middle - spread, top - spread, middle + spread, top + rng.uniform(0.3, 1.1) * metre)
    foliage(canvas, rng, crown, 1.0)


def car(canvas: Canvas, rng: np.random.Generator, left: float, foot: float, metre: float) -> None:
    """A car from its side: body, glass, wheels, lamps, and the dark below it."""
    long, high = rng.uniform(3.7, 4.9) * metre, rng.uniform(1.4, 1.75) * metre
    body = vivid(rng) if rng.random() < 0.3 else dull(rng, 25, 235, 0.04)
    belt, low = foot - 0.62 * high, foot - 0.16 * high
    canvas.oval(left - 6, foot - 8, left + long + 6, foot + 8, (28, 28, 30))
    hood, boot = rng.uniform(0.2, 0.3), rng.uniform(0.02, 0.22)
    roof = [
        (left + long * hood, belt), (left + long * (hood + 0.13), foot - high),
        (left + long * (0.9 - boot), foot - high), (left + long * (1 - boot), belt),
    ]  # fmt: skip
    canvas.shape(roof, tinted(body, 1.1))
    inner = [(x + 5 * (1 if x < left + long / 2 else -1), max(y, foot - high + 6))
             for x, y in roof]  # fmt: skip
    canvas.shape(inner, dull(rng, 25, 110, 0.06))
    pillar = left + long * rng.uniform(0.5, 0.6)
    canvas.line((pillar, belt), (pillar, foot - high + 4), 4, tinted(body, 0.9))
    canvas.fade(left + 4, belt, left + long - 4, low, (tinted(body, 1.2), tinted(body, 0.6)))
    canvas.oval(left - 2, belt + 2, left + 16, low, tinted(body, 0.85))
    canvas.oval(left + long - 16, belt + 2, left + long + 2, low, tinted(body, 0.85))
    canvas.line((left + long * 0.5, belt), (left + long * 0.5, low), 1, tinted(body, 0.5))
    canvas.box(left, belt + 6, left + 10, belt + 14, (215, 210, 190))
    canvas.box(left + long - 10, belt + 6, left + long, belt + 14, (160, 30, 28))
    for wheel in (0.18, 0.81):
        x, radius = left + long * wheel, 0.32 * metre
        canvas.oval(x - radius, foot - 1.9 * radius, x + radius, foot + 0.1 * radius, (22, 22, 24))
        canvas.oval(x - 0.55 * radius, foot - 1.45 * radius, x + 0.55 * radius,
                    foot - 0.35 * radius, dull(rng, 90, 190))  # fmt: skip


def post(canvas: Canvas, rng: np.random.Generator, left: float, foot: float, metre: float) -> None:
    """A lamp post, a sign on its pole, or a bollard."""
    colour, thick = dull(rng, 40, 170), rng.uniform(0.05, 0.16) * metre
    high = rng.uniform(0.8, 1.1) * metre if rng.random() < 0.4 else 4 * metre
    top = max(0.0, foot - high)
    canvas.box(left, top, left + thick, foot, colour)
    canvas.box(left + 0.6 * thick, top, left + thick, foot, tinted(colour, 0.6))
    if high > 2 * metre and rng.random() < 0.5:
        level, side = foot - rng.uniform(2.0, 2.8) * metre, 0.3 * metre
        canvas.oval(left - side, level - side, left + side, level + side, vivid(rng))
        canvas.oval(left - 0.7 * side, level - 0.7 * side, left + 0.7 * side, level + 0.7 * side,
                    (232, 232, 228))  # fmt: skip


def bin_(canvas: Canvas, rng: np.random.Generator, left: float, foot: float, metre: float) -> None:
    """A bin, a box, a planter or a bench."""
    wide, high = rng.uniform(0.4, 1.6) * metre, rng.uniform(0.45, 1.1) * metre
    colour = vivid(rng) if rng.random() < 0.25 else dull(rng, 35, 150, 0.08)
    canvas.oval(left - 4, foot - 5, left + wide + 4, foot + 5, (40, 40, 42))
    canvas.fade(left, foot - high, left + wide, foot, (colour, tinted(colour, 0.6)))
    canvas.box(left - 2, foot - high - 4, left + wide + 2, foot - high + 3, tinted(colour, 1.25))
    if rng.random() < 0.3:
        crown = (left - 4, foot - high - 0.6 * metre, left + wide + 4, foot - high + 4)
        foliage(canvas, rng, crown, 0.8)


def fence(canvas: Canvas, rng: np.random.Generator, left: float, foot: float, metre: float) -> None:
    """Rails with their posts."""
    colour, long = dull(rng, 40, 210), rng.uniform(2, 6) * metre
    high, step = rng.uniform(0.8, 1.2) * metre, rng.uniform(0.1, 0.6) * metre
    for level in (high, 0.55 * high, 0.12 * high):
        canvas.line((left, foot - level), (left + long, foot - level), 3, colour)
    for x in np.arange(left, left + long, step):
        canvas.line((x, foot - high), (x, foot), 2, tinted(colour, 0.85))


Thing = Callable[[Canvas, np.random.Generator, float, float, float], None]
STREET_THINGS: dict[Thing, float] = {car: 3.0, post: 3, bin_: 3, tree: 1.5, fence: 1}
PARK_THINGS: dict[Thing, float] = {tree: 4.0, bin_: 2, post: 1, fence: 1.5}
HALL_THINGS: dict[Thing, float] = {bin_: 4.0, post: 1, fence: 1.5}
