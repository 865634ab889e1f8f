"""How the hall looks to a camera: floor and wall in its perspective, doors, pillars, planters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.synthesis.cameras.scenes import GROUND, SITE_WIDTH, noise, painted
from passerby.synthesis.chance import generator
from passerby.synthesis.motion.plan import (
    DOOR_HEIGHT,
    DOOR_WIDTH,
    WALL,
    Floats,
    Obstacle,
    Plan,
    Viewpoint,
)

Colours = NDArray[np.uint8]

_METRE = 84.0  # pixels in the painted wall
_FINE = 2  # samples along a pixel's side
_TEXTURE = 512
_FRAME = 0.09  # metres: of a door


@dataclass(frozen=True, eq=False)
class Thing:
    """An obstacle in the picture: colours [h, w, 3] whose upper left pixel is at left, top."""

    colours: Colours
    left: int
    top: int
    depth: float


@dataclass(frozen=True, eq=False)
class Place:
    """What a camera sees of the empty hall.

    picture: [height, width, 3] uint8; openings: [height, width] bool: the insides of doors;
    things: obstacles, the farthest first.
    """

    picture: Colours
    openings: NDArray[np.bool_]
    things: tuple[Thing, ...]


def place_of(seed: int, plan: Plan, view: Viewpoint) -> Place:
    """The empty hall before a camera; some 200 ms."""
    height, width = view.height * _FINE, view.width * _FINE
    columns = (np.arange(width) + 0.5) / _FINE
    rows = (np.arange(height) + 0.5) / _FINE
    right, up, ahead = view.axes
    across = ((columns - view.width / 2) / view.focal)[None, :, None] * right
    rays = across - ((rows - view.height / 2) / view.focal)[:, None, None] * up + ahead
    to_wall = (WALL - view.z) / np.maximum(rays[..., 2], 1e-6)
    to_floor = np.where(rays[..., 1] < -1e-6, -view.y / np.minimum(rays[..., 1], -1e-6), np.inf)
    wall_x, wall_y = view.x + to_wall * rays[..., 0], view.y + to_wall * rays[..., 1]
    on_floor = to_floor < to_wall
    reach = np.where(on_floor, to_floor, 0)
    colours = np.where(
        on_floor[..., None],
        _floor(seed, view.x + reach * rays[..., 0], view.z + reach * rays[..., 2]),
        _wall(seed, plan, (wall_x, wall_y), view.place),
    )
    inside = np.zeros_like(on_floor)
    for x in plan.doors:
        beside, above = np.abs(wall_x - x) - DOOR_WIDTH / 2, wall_y - DOOR_HEIGHT
        frame = ~on_floor & (beside < _FRAME) & (above < _FRAME)
        colours[frame] = (96, 92, 86)
        opening = frame & (beside < 0) & (above < 0)
        colours[opening] = (26 + 9 * np.clip(wall_y[opening], 0, 3))[:, None]
        inside |= opening
    picture = Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8)).reduce(_FINE)
    things = [
        _thing(generator(seed, "texture", number, 3), view, one)
        for number, one in enumerate(plan.obstacles)
    ]
    seen = sorted((one for one in things if one), key=lambda one: -one.depth)
    return Place(np.asarray(picture), inside[::_FINE, ::_FINE], tuple(seen))


def _texture(seed: int, number: int) -> Floats:
    """Stains and grain [_TEXTURE, _TEXTURE], mean 0."""
    rng = generator(seed, "texture", number, 2)
    fine, coarse = noise(rng, _TEXTURE, _TEXTURE, 2), noise(rng, _TEXTURE, _TEXTURE, 40)
    return (fine * 0.4 + coarse * 0.8).astype(np.float64)


def _spots(texture: Floats, a: Floats, b: Floats, fine: float) -> Floats:
    """Values of a texture at metres a and b; it goes on as its own mirror image."""
    rows, columns = (
        np.abs((value * fine).astype(np.int64) % (2 * _TEXTURE) - _TEXTURE) % _TEXTURE
        for value in (a, b)
    )
    found: Floats = texture[rows, columns]
    return found


def _floor(seed: int, x: Floats, z: Floats) -> Floats:
    """Slabs with joints [..., 3]."""
    rng = generator(seed, "site", 1, 2)
    size = float(rng.choice([0.6, 0.9, 1.2]))
    base = rng.uniform(105, 165) * (1 + rng.normal(0, 0.03, 3))
    tile = np.mod(np.sin(np.floor(x / size) * 12.99 + np.floor(z / size) * 78.2) * 43758.5, 1)
    value = (tile - 0.5) * rng.uniform(4, 16) + 6 * _spots(_texture(seed, 0), x, z, 24)
    joint = (np.mod(x / size, 1) < 0.03) | (np.mod(z / size, 1) < 0.03)
    # The wall keeps light away from the ground before it.
    near = 1 - 0.25 * np.exp(-np.abs(WALL - z) / 0.7)
    return (base + value[..., None]) * (np.where(joint, 0.82, 1.0) * near)[..., None]


def _wall(seed: int, plan: Plan, spot: tuple[Floats, Floats], place: int) -> Floats:
    """A painted front [..., 3], and plain wall above it."""
    front = np.asarray(painted(seed, place).crop((0, 0, SITE_WIDTH, GROUND)), np.float64)
    x, y = spot
    column = (x - plan.centres[place]) * _METRE + SITE_WIDTH / 2
    column = np.abs((column.astype(np.int64) + SITE_WIDTH) % (2 * SITE_WIDTH) - SITE_WIDTH)
    row = np.clip(GROUND - 1 - y * _METRE, 0, GROUND - 1).astype(np.int64)
    colours = front[row, np.clip(column, 0, SITE_WIDTH - 1)]
    above = y > GROUND / _METRE
    colours[above] = front[:40].mean((0, 1)) * 0.85
    grain: Floats = 3 * _spots(_texture(seed, 1), x, y, 40)[..., None]
    return colours + grain


def _thing(rng: np.random.Generator, view: Viewpoint, obstacle: Obstacle) -> Thing | None:
    """An obstacle as an upright picture; None where the camera does not see it."""
    foot = np.array([obstacle.x, 0.0, obstacle.z])
    column, bottom, depth = view.project(foot)
    _, top, _ = view.project(foot + np.array([0, obstacle.height, 0]))
    half = obstacle.width / 2 * view.focal / max(float(depth), 0.1)
    left, right = round(float(column) - half), round(float(column) + half)
    upper, lower = max(round(float(top)), 0), min(round(float(bottom)), view.height)
    if depth < 1 or right <= 0 or left >= view.width or lower <= upper or right <= left:
        return None
    across = np.linspace(-1, 1, right - left)
    lit = 0.55 + 0.45 * np.sqrt(1 - across**2)
    colours = np.ones((lower - upper, right - left, 1)) * lit[None, :, None]
    colours = colours * rng.uniform(60, 150) * (1 + rng.normal(0, 0.06, 3))
    if obstacle.height < 2:  # a planter: leaves in its upper half
        rows = max(1, (lower - upper) // 2)
        leaves = np.array([52, 84, 40]) * (1 + 0.35 * noise(rng, rows, right - left, 3)[..., None])
        colours[:rows] = leaves
    cut = slice(max(-left, 0), (right - left) - max(right - view.width, 0))
    shown = np.clip(colours[:, cut], 0, 255).astype(np.uint8)
    return Thing(shown, max(left, 0), upper, float(depth))
