"""What belongs to a camera: its place, its light, its colours and its faults.

Cameras hang in groups around one site, say a campus or a shopping street. It is painted once as a
wide panorama: ground in perspective, and behind it walls, windows, hedges, parked cars or clutter.
Each camera looks at its own, overlapping part of it, and every picture of that camera is a crop
from a different spot: backgrounds resemble each other without being equal, as in real footage.
Colours are painted as a screen would show them (0 to 255).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from passerby.synthesis.cameras.captions import Caption
from passerby.synthesis.chance import generator, pick

Colour = np.ndarray  # [3] float, 0 to 255

HEIGHT, WIDTH = 640, 960  # of a camera's view, where a person is about 200 pixels tall
SITE_WIDTH = 1600
GROUND = 260  # the row where the ground begins
CAMERAS_PER_SITE = 8


@dataclass(frozen=True)
class Camera:
    """A camera and its place; what varies from moment to moment is spread around these values."""

    panorama: Image.Image
    pitch: float  # radians that it looks down
    nearest: float  # rows below GROUND where people stand, at least
    walkway: float  # radians: the yaw of most people who come towards the camera
    crossing: float  # how often people walk across instead
    sun: float  # radians: yaw of the light in view axes
    sun_height: float
    ambient: float  # 1: diffuse light from everywhere
    shade: float  # how often a person stands in a shadow
    gains: tuple[float, float, float]  # white balance: red, green and blue
    exposure: float
    gamma: float
    contrast: float
    saturation: float
    noise: float  # in screen values of 0 to 1
    blur: float  # radius in pixels at 256 rows
    rows: float  # sensor rows that a typical person fills
    quality: int  # of the video compression
    sharpening: float
    vignette: float
    interlaced: bool
    occluders: tuple[str, ...]
    crowding: float  # how often somebody else is in the picture
    haze: float = 0.0  # light that comes from nowhere in the scene: black is grey
    least_rows: float = 56  # sensor rows that the farthest person fills
    deep_shade: float = 0.0  # how often a passage lies in deep shade, beside the sun
    caption: Caption | None = None


def noise(rng: np.random.Generator, height: int, width: int, cell: float) -> np.ndarray:
    """Smooth noise [height, width] of mean 0 and deviation about 1; blobs are `cell` pixels."""
    grid = rng.standard_normal((int(height / cell) + 2, int(width / cell) + 2)).astype(np.float32)
    smooth = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(smooth) * 1.4


def _grain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise of several sizes, as of stone, soil or leaves."""
    return sum(
        (noise(rng, height, width, cell) * weight
         for cell, weight in ((1.6, 0.35), (5, 0.4), (18, 0.5), (90, 0.7))),
        np.zeros((height, width), np.float32),
    )  # fmt: skip


def _muted(rng: np.random.Generator, low: float, high: float, tint: float) -> Colour:
    """A greyish colour between two brightnesses."""
    return np.clip(rng.uniform(low, high) * (1 + rng.normal(0, tint, 3)), 8, 250)


def _vivid(rng: np.random.Generator) -> Colour:
    colour = rng.permutation([rng.uniform(120, 210), rng.uniform(60, 150), rng.uniform(30, 90)])
    grey = colour.mean()
    muted: Colour = grey + (colour - grey) * rng.uniform(0.2, 0.9)
    return muted


@dataclass(frozen=True)
class Site:
    """What the cameras of a site have in common."""

    warmth: float  # of its light: positive is reddish, negative bluish
    ground: str
    ground_colour: Colour
    walls: tuple[Colour, ...]
    glass: Colour
    things: tuple[Colour, ...]  # posts, bins, cars, posters
    backdrops: tuple["_Paint", ...]


Painter = Callable[[int, int], Image.Image]
_Paint = Callable[[np.random.Generator, np.ndarray, Site], None]


def choose_site(rng: np.random.Generator) -> Site:
    kinds = {"asphalt": 28.0, "slabs": 28, "lobby": 20, "bricks": 12, "grass": 8, "sand": 4}
    return Site(
        warmth=pick(rng, {1: 0.65, -1: 0.35}) * rng.uniform(0.14, 0.26),
        ground=pick(rng, kinds),
        ground_colour=_muted(rng, 80, 175, 0.015),
        walls=tuple(_muted(rng, 70, 205, 0.025) for _ in range(2)),
        glass=_muted(rng, 190, 240, 0.04) if rng.random() < 0.5 else _muted(rng, 30, 90, 0.08),
        things=tuple(
            _vivid(rng) if rng.random() < 0.3 else _muted(rng, 25, 210, 0.08) for _ in range(6)
        ),
        backdrops=tuple(pick(rng, _BACKDROPS) for _ in range(5)),
    )


def _near(rng: np.random.Generator, colour: Colour) -> Colour:
    """A colour like the given one."""
    return np.clip(colour * rng.uniform(0.92, 1.08) * (1 + rng.normal(0, 0.015, 3)), 8, 250)


def ground(rng: np.random.Generator, site: Site) -> np.ndarray:
    """The ground [HEIGHT - GROUND, SITE_WIDTH, 3] in perspective."""
    rows = HEIGHT - GROUND
    horizon = rng.uniform(60, 900)  # rows above the ground's far edge
    below = np.arange(rows, dtype=np.float32)[:, None]
    nearness = (horizon + below) / horizon
    x = (np.arange(SITE_WIDTH, dtype=np.float32) - SITE_WIDTH * rng.uniform(0.1, 0.9)) / nearness
    z = -horizon * rng.uniform(1.5, 4) / nearness
    turn = rng.uniform(-0.6, 0.6)
    x, z = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
    kind = site.ground
    base = _near(rng, site.ground_colour)
    grain = _grain(rng, rows, SITE_WIDTH)
    rough = {"asphalt": 7.0, "slabs": 6, "lobby": 2.5, "bricks": 8, "grass": 16, "sand": 8}[kind]
    if kind == "grass":
        base = np.array([88, 102, 62]) * rng.uniform(0.85, 1.2)
    if kind in ("sand", "bricks"):
        base = base * np.array([1.12, 0.98, 0.84])
    floor = base + grain[:, :, None] * rough
    if kind in ("slabs", "lobby", "bricks"):
        size = rng.uniform(34, 90) if kind != "bricks" else rng.uniform(14, 26)
        line = ((np.mod(x / size, 1) < 0.05) | (np.mod(z / size, 1) < 0.06))[:, :, None]
        floor = np.where(line, floor * rng.uniform(0.66, 1.2), floor)
        tile = np.sin(np.floor(x / size) * 12.99 + np.floor(z / size) * 78.2) * 43758.5
        floor += ((np.mod(tile, 1) - 0.5) * rng.uniform(0, 22))[:, :, None]
        if rng.random() < 0.25:
            checker = np.mod(np.floor(x / size) + np.floor(z / size), 2) < 1
            floor = np.where(checker[:, :, None], floor * rng.uniform(0.6, 0.85), floor)
    if rng.random() < 0.35:  # painted marks on the ground, or the border of a lawn or a kerb
        period, mark = rng.uniform(150, 420), rng.uniform(8, 26)
        colour = pick(rng, {(228, 228, 222): 3.0, (222, 176, 60): 2, (120, 120, 120): 2})
        stripe = (np.mod((x if rng.random() < 0.5 else z) / period, 1) < mark / period)[:, :, None]
        floor = np.where(stripe, 0.25 * floor + 0.75 * np.array(colour), floor)
    if kind == "lobby":  # a polished floor mirrors the lamps
        floor += (noise(rng, rows, SITE_WIDTH, 70).clip(0) * 26)[:, :, None]
    return floor


def _paint_wall(rng: np.random.Generator, wall: np.ndarray, site: Site) -> None:
    base = _near(rng, site.walls[int(rng.integers(len(site.walls)))])
    wall[:] = base + _grain(rng, *wall.shape[:2])[:, :, None] * 4
    if rng.random() < 0.4:
        rows, columns = np.mgrid[: wall.shape[0], : wall.shape[1]]
        course = rng.uniform(7, 14)
        shifted = columns + np.mod(np.floor(rows / course), 2) * course
        joints = (np.mod(rows / course, 1) < 0.18) | (np.mod(shifted / (2 * course), 1) < 0.09)
        wall[joints] *= rng.uniform(0.7, 1.2)


def _paint_windows(rng: np.random.Generator, wall: np.ndarray, site: Site) -> None:
    _paint_wall(rng, wall, site)
    left = int(rng.integers(0, 40))
    while left < wall.shape[1]:
        wide, gap = int(rng.integers(60, 190)), int(rng.integers(10, 50))
        glass = _near(rng, site.glass)
        area = wall[
            int(rng.integers(0, 40)) : GROUND - int(rng.integers(0, 30)), left : left + wide
        ]
        if area.size:
            area[:] = glass + _grain(rng, *area.shape[:2])[:, :, None] * rng.uniform(6, 26)
        left += wide + gap


def _paint_leaves(rng: np.random.Generator, wall: np.ndarray, site: Site) -> None:
    leaf = np.array([62, 84, 44]) * rng.uniform(0.6, 1.5) * (1 + rng.normal(0, 0.08, 3))
    high, wide = wall.shape[:2]
    depth = noise(rng, high, wide, 3) * 0.3 + noise(rng, high, wide, 14) * 0.3
    wall[:] = leaf * np.clip(1 + depth, 0.25, 2.2)[:, :, None]
    for _ in range(int(rng.integers(0, 3))):
        left = int(rng.integers(0, wall.shape[1]))
        wall[:, left : left + int(rng.integers(8, 26))] = _muted(rng, 35, 80, 0.08)


def _paint_clutter(rng: np.random.Generator, wall: np.ndarray, site: Site) -> None:
    """Shelves, posters, shop fronts: boxes of all colours over something dark or light."""
    _paint_wall(rng, wall, site)
    for _ in range(int(rng.integers(10, 40))):
        left, top = int(rng.integers(0, wall.shape[1])), int(rng.integers(0, GROUND - 20))
        wide, high = int(rng.integers(10, 110)), int(rng.integers(10, 120))
        colour = _near(rng, site.things[int(rng.integers(len(site.things)))])
        area = wall[top : top + high, left : left + wide]
        area[:] = colour + _grain(rng, *area.shape[:2])[:, :, None] * rng.uniform(2, 14)


def _paint_open(rng: np.random.Generator, wall: np.ndarray, site: Site) -> None:
    """A square that goes on into the distance: haze, far houses, sky."""
    haze = _near(rng, site.walls[0]) * 0.5 + 80
    fade = np.linspace(1.25, 0.85, GROUND)[:, None, None]
    wall[:] = haze * fade + noise(rng, GROUND, wall.shape[1], 30)[:, :, None] * 8
    for _ in range(int(rng.integers(2, 7))):
        left, wide = int(rng.integers(0, wall.shape[1])), int(rng.integers(30, 160))
        top = int(rng.integers(60, GROUND - 20))
        area = wall[top:, left : left + wide]
        area[:] = (
            _near(rng, site.walls[int(rng.integers(len(site.walls)))])
            + _grain(rng, *area.shape[:2])[:, :, None] * 9
        )


_BACKDROPS: dict[_Paint, float] = {
    _paint_wall: 22, _paint_windows: 26, _paint_leaves: 16, _paint_clutter: 20, _paint_open: 16,
}  # fmt: skip


def _furnish(rng: np.random.Generator, picture: Image.Image, site: Site) -> None:
    """Things that stand about: posts, bins, benches, signs and parked cars."""
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(4, 14))):
        left, foot = rng.uniform(0, SITE_WIDTH), GROUND + rng.uniform(-10, 190)
        wide, high = rng.uniform(5, 14), rng.uniform(100, 420)
        shape = pick(rng, {"post": 4.0, "box": 5, "car": 2, "rail": 2})
        colour = _near(rng, site.things[int(rng.integers(len(site.things)))])
        if shape == "box":
            wide, high = rng.uniform(24, 90), rng.uniform(30, 120)
        if shape == "car":
            _park(pen, rng, left, foot, colour)
            continue
        if shape == "rail":
            for step in range(0, 200, 16):
                pen.line((left + step, foot - 90, left + step, foot), tuple(map(int, colour)), 2)
            pen.line((left, foot - 90, left + 200, foot - 90), tuple(map(int, colour)), 4)
            continue
        pen.rectangle((left, foot - high, left + wide, foot), tuple(map(int, colour)))
        pen.rectangle(
            (left + wide * 0.7, foot - high, left + wide, foot), tuple(map(int, colour * 0.72))
        )


def _park(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, left: float, foot: float, colour: Colour
) -> None:
    long, high = rng.uniform(230, 380), rng.uniform(75, 120)
    body, glass = tuple(map(int, colour)), tuple(map(int, _muted(rng, 25, 80, 0.1)))
    roof = (left + long * 0.2, foot - high, left + long * 0.78, foot - high * 0.4)
    pen.rounded_rectangle(roof, 18, body)
    pen.rounded_rectangle((roof[0] + 12, roof[1] + 8, roof[2] - 12, roof[3]), 12, glass)
    pen.rounded_rectangle((left, foot - high * 0.58, left + long, foot - high * 0.12), 16, body)
    for wheel in (0.2, 0.8):
        x = left + long * wheel
        pen.ellipse((x - 20, foot - 36, x + 20, foot + 4), (22, 22, 24))


@lru_cache(maxsize=8)
def painted(seed: int, number: int) -> Image.Image:
    """A whole site, SITE_WIDTH pixels wide; about 100 ms, then remembered."""
    rng = generator(seed, "site", number)
    site = choose_site(rng)
    picture = np.empty((HEIGHT, SITE_WIDTH, 3), np.float32)
    edges = np.linspace(0, SITE_WIDTH, len(site.backdrops) + 1).astype(int)
    for left, right, paint in zip(edges[:-1], edges[1:], site.backdrops, strict=True):
        paint(rng, picture[:GROUND, left:right], site)
    picture[GROUND:] = ground(rng, site)
    for _ in range(int(rng.integers(0, 7))):  # shadows of trees and houses on the ground
        left, top = int(rng.integers(-200, SITE_WIDTH)), int(rng.integers(GROUND, HEIGHT))
        picture[top : top + int(rng.integers(20, 160)), max(0, left) : left + 420] *= rng.uniform(
            0.6, 0.9
        )
    painted = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    _furnish(rng, painted, site)
    return painted


@lru_cache(maxsize=24)
def install(seed: int, camera: int, paint: Painter = painted) -> Camera:
    """The camera with that number in the set with that seed; about 60 ms, then remembered.

    `paint` makes the panorama of a site, SITE_WIDTH by HEIGHT pixels, from the seed and its number.
    """
    number = max(0, camera - 1) // CAMERAS_PER_SITE
    site = choose_site(generator(seed, "site", number))
    rng = generator(seed, "camera", camera)
    pitch = pick(rng, {rng.uniform(0.08, 0.25): 6, rng.uniform(0.25, 0.5): 4})
    warmth, tint = site.warmth + rng.normal(0, 0.028), rng.normal(0, 0.01)
    kinds = {"none": 4.0, "pole": 2, "rail": 2, "car": 1.5, "bush": 2, "luggage": 1.5, "wall": 1}
    left = int(rng.integers(0, SITE_WIDTH - WIDTH))
    panorama = paint(seed, number).crop((left, 0, left + WIDTH, HEIGHT))
    if rng.random() < 0.5:
        panorama = panorama.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    # Automatic exposure follows the brightness of the place, but not all the way.
    brightness = float(np.mean((np.asarray(panorama.reduce(8), np.float32) / 255) ** 2))
    automatic = (0.2 / max(brightness, 0.01)) ** 0.6
    return Camera(
        panorama=panorama,
        pitch=pitch,
        nearest=10 + 420 * pitch,
        walkway=rng.uniform(-0.9, 0.9),
        crossing=rng.uniform(0.15, 0.6),
        sun=rng.uniform(-np.pi, np.pi),
        sun_height=rng.uniform(0.35, 1.2),
        ambient=rng.uniform(0.45, 0.9),
        shade=rng.uniform(0.0, 0.2),
        gains=(
            float(np.exp(warmth + tint / 2)),
            float(np.exp(-tint)),
            float(np.exp(-warmth + tint / 2)),
        ),
        exposure=automatic * float(np.exp(rng.normal(0.0, 0.08))),
        gamma=rng.uniform(0.93, 1.08),
        contrast=rng.uniform(0.93, 1.08),
        saturation=rng.uniform(0.85, 1.12),
        noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.02)))),
        blur=rng.uniform(0.3, 1.4),
        rows=float(np.exp(rng.uniform(np.log(80), np.log(256)))),
        quality=int(rng.integers(50, 93)),
        sharpening=max(0.0, rng.uniform(-1.2, 1.0)),
        vignette=rng.uniform(0, 0.3),
        interlaced=bool(rng.random() < 0.1),
        occluders=tuple(pick(rng, kinds) for _ in range(3)),
        crowding=rng.uniform(0.05, 0.35),
    )
