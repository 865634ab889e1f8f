"""A whole site as its cameras see it: a row of houses or trees or a hall, ground, things, people.

The geometry is that of `scenes`: the ground begins at row GROUND, and whoever stands on it is the
larger the lower in the picture.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image

from passerby.synthesis.backgrounds.canvas import Canvas, dull, tinted
from passerby.synthesis.backgrounds.facades import Plot, hall, house, office, shop
from passerby.synthesis.backgrounds.outdoors import (
    HALL_THINGS,
    PARK_THINGS,
    STREET_THINGS,
    Thing,
    car,
    foliage,
    tree,
)
from passerby.synthesis.cameras.scenes import GROUND, HEIGHT, SITE_WIDTH, choose_site, ground, noise
from passerby.synthesis.chance import generator, pick
from passerby.synthesis.drawn.body import assemble
from passerby.synthesis.drawn.drawing import Light, View, render, solidify
from passerby.synthesis.drawn.pose import strike_pose
from passerby.synthesis.streets import dress_street

_Wall = Callable[[Canvas, np.random.Generator, Plot], None]
_METRE = 84.0  # pixels, at the row where the ground begins
_STRANGER = 1_000_000  # persons of backgrounds are 0 at moments from here on


@dataclass(frozen=True)
class Kind:
    """A kind of site: how often its walls, things and grounds are what."""

    walls: dict[_Wall, float]
    things: dict[Thing, float]
    grounds: dict[str, float]
    road: float  # how often a road lies before the walls
    people: tuple[int, int]


def _greenery(canvas: Canvas, rng: np.random.Generator, plot: Plot) -> None:
    """Lawn, hedges and trees, and the sky between them."""
    left, right, foot, metre = plot
    lawn = tinted((96, 112, 66), rng.uniform(0.7, 1.2))
    canvas.fade(left, 0, right, foot, (dull(rng, 170, 235, 0.03), tinted(lawn, 1.3)))
    canvas.fade(left, foot - rng.uniform(0.3, 1.2) * metre, right, foot, (tinted(lawn, 1.1), lawn))
    for x in np.arange(left, right, rng.uniform(1.2, 3) * metre):
        if rng.random() < 0.6:
            foliage(canvas, rng, (x, rng.uniform(0, foot - metre), x + 3 * metre, foot), 0.5)
        else:
            tree(canvas, rng, x, foot - rng.uniform(0, 30), metre)
    if rng.random() < 0.5:
        high = rng.uniform(0.6, 1.8) * metre
        foliage(canvas, rng, (left, foot - high, right, foot), 0.02)


_KINDS: dict[str, Kind] = {
    "street": Kind({shop: 5.0, house: 5, office: 2, _greenery: 1}, STREET_THINGS,
                   {"slabs": 5.0, "asphalt": 3, "bricks": 2}, 0.5, (2, 14)),
    "shops": Kind({shop: 8.0, office: 1, hall: 1}, HALL_THINGS,
                  {"lobby": 4.0, "slabs": 4}, 0.0, (6, 26)),
    "park": Kind({_greenery: 8.0, house: 1}, PARK_THINGS,
                 {"asphalt": 4.0, "sand": 2, "grass": 2, "slabs": 1}, 0.15, (0, 8)),
    "hall": Kind({hall: 8.0, office: 2, shop: 1}, HALL_THINGS,
                 {"lobby": 8.0, "slabs": 1}, 0.0, (3, 22)),
    "yard": Kind({house: 3.0, office: 4, hall: 1, _greenery: 1}, STREET_THINGS,
                 {"asphalt": 6.0, "bricks": 2}, 0.3, (0, 6)),
}  # fmt: skip


def _metre_at(foot: float) -> float:
    """Pixels of a metre where something stands with its foot in that row."""
    return _METRE + 0.14 * (foot - GROUND)


def _walls(canvas: Canvas, rng: np.random.Generator, kind: Kind, foot: float, metre: float) -> None:
    left = 0.0
    while left < SITE_WIDTH:
        right = min(left + rng.uniform(180, 560), SITE_WIDTH)
        pick(rng, kind.walls)(canvas, rng, Plot(left, right, foot, metre))
        left = right


def _road(canvas: Canvas, rng: np.random.Generator, top: float) -> None:
    """Asphalt with its lines between two kerbs, and cars that stand or drive on it."""
    asphalt = dull(rng, 60, 120, 0.015)
    canvas.fade(0, top, SITE_WIDTH, GROUND, (tinted(asphalt, 1.15), asphalt))
    canvas.box(0, top, SITE_WIDTH, top + 4, dull(rng, 130, 190, 0.02))
    middle = (top + GROUND) / 2
    for x in np.arange(rng.uniform(0, 60), SITE_WIDTH, 120):
        canvas.box(x, middle - 2, x + 60, middle + 2, (214, 212, 205))
    for x in np.arange(rng.uniform(-200, 200), SITE_WIDTH, rng.uniform(330, 700)):
        if rng.random() < 0.75:
            car(canvas, rng, x, rng.uniform(top + 14, GROUND - 4), 0.8 * _METRE)
    canvas.box(0, GROUND - 6, SITE_WIDTH, GROUND, dull(rng, 130, 190, 0.02))


def _furnish(canvas: Canvas, rng: np.random.Generator, kind: Kind) -> None:
    feet = np.sort(rng.uniform(GROUND - 4, GROUND + 150, int(rng.integers(3, 12))))
    for foot in feet:  # the nearest last
        pick(rng, kind.things)(canvas, rng, rng.uniform(0, SITE_WIDTH), foot, _metre_at(foot))


def _crowd(canvas: Canvas, rng: np.random.Generator, numbers: tuple[int, int], kind: Kind) -> None:
    """Other people of the site, here and there; drawn, as they are far away."""
    seed, site = numbers
    count = int(rng.integers(*kind.people))
    light = Light((0.4, 0.8, 0.45), rng.uniform(0.5, 0.9))
    feet = np.sort(GROUND + rng.uniform(-6, 170, count) * rng.uniform(0.3, 1, count))
    for number, foot in enumerate(feet.tolist()):
        look = dress_street(seed, 0, _STRANGER + 100 * site + number, site)
        parts = assemble(look, strike_pose(rng, look))
        solids = solidify(parts, rng.uniform(-np.pi, np.pi), 0.15)
        metre = 0.9 * _metre_at(foot)
        high, wide = int(2.2 * metre), int(1.5 * metre)
        # Twice as large, to come out smooth.
        view = View(2 * high, 2 * wide, 2 * metre, 1, wide, 1.9 * high)
        figure = render(parts, solids, look, view, light)
        screen = np.zeros((4 * high * wide, 3), np.uint8)
        screen[figure.pixels] = np.sqrt(np.clip(figure.radiance, 0, 1)) * 255
        colours = _halved(screen.reshape(2 * high, 2 * wide, 3))
        # Where half a pixel is the person, half of its colour is the empty picture's black.
        share = _halved(figure.mask.astype(np.uint8) * 255) / 255
        colours /= np.maximum(share, 0.2)[:, :, None]
        canvas.stencil(rng.uniform(-40, SITE_WIDTH - 20), foot - 0.95 * high, share, colours)


def _halved(picture: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(picture).reduce(2), np.float32)


def _polish(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Let a floor mirror what stands on it, the less the nearer to the camera."""
    rows = min(GROUND, HEIGHT - GROUND)
    mirrored = picture[GROUND - rows : GROUND][::-1]
    weight = np.linspace(rng.uniform(0.1, 0.4), 0, rows)[:, None, None]
    below = picture[GROUND : GROUND + rows]
    below += weight * (mirrored - below)


@lru_cache(maxsize=8)
def panorama(seed: int, number: int) -> Image.Image:
    """A whole site, SITE_WIDTH pixels wide; about 700 ms, then remembered."""
    rng = generator(seed, "site", number, 1)
    name = pick(rng, {"street": 38.0, "shops": 18, "hall": 18, "park": 13, "yard": 13})
    kind = _KINDS[name]
    canvas = Canvas(SITE_WIDTH, HEIGHT)
    if rng.random() < kind.road:
        top = GROUND - rng.uniform(50, 130)
        _walls(canvas, rng, kind, top, 0.75 * _METRE)
        _road(canvas, rng, top)
    else:
        _walls(canvas, rng, kind, GROUND, _METRE)
    site = replace(choose_site(rng), ground=pick(rng, kind.grounds))
    floor = ground(rng, site)
    canvas.lay(GROUND, floor)
    _furnish(canvas, rng, kind)
    _crowd(canvas, rng, (seed, number), kind)
    picture = canvas.finished(rng.uniform(0, 0.8))
    if site.ground == "lobby":
        _polish(picture, rng)
    # Light falls unevenly; below walls and things it is a little darker.
    picture *= (1 + 0.06 * noise(rng, HEIGHT, SITE_WIDTH, 160))[:, :, None]
    picture *= (1 + 0.025 * noise(rng, HEIGHT, SITE_WIDTH, 2.2))[:, :, None]
    near = np.exp(-np.abs(np.arange(HEIGHT) - GROUND) / 14)[:, None, None]
    picture *= 1 - 0.25 * near.astype(np.float32)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
