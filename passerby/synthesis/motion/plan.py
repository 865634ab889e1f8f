"""The ground plan of a site, and what a camera on it sees of a spot.

A site is a long hall: a back wall, and along it places where cameras hang, too far apart to see the
same ground but for pairs that overlap. World axes: x along the wall, y up, z from the cameras to
the wall, in metres; people walk between z = 0 and the wall, and come and go by doors in it and by
both ends of the hall.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.synthesis.chance import generator
from passerby.synthesis.motion.site import Site

Floats = NDArray[np.float64]

WALL = 6.0  # z of the back wall
INSIDE = 7.3  # z at which who comes through a door begins and ends to walk
DOOR_WIDTH, DOOR_HEIGHT = 1.5, 2.3
_BEYOND = 30.0  # metres from the outermost places to the ends of the hall
_APART = (46.0, 72.0)  # metres from place to place
_WIDE_ANGLE = np.radians(62.0)


@dataclass(frozen=True)
class Viewpoint:
    """A pinhole camera above the hall.

    camera: its number, from 1; place: the number of the place it looks at, from 0 (two of one place
    overlap); x, y, z: where it hangs; yaw: to the right of straight at the wall, pitch: down, both
    in radians; focal: pixels; width, height: of its picture.
    """

    camera: int
    place: int
    x: float
    y: float
    z: float
    yaw: float
    pitch: float
    focal: float
    width: int
    height: int

    @property
    def axes(self) -> Floats:
        """[3, 3]: right, up and ahead as rows, in world axes."""
        sin_y, cos_y, sin_p, cos_p = (
            np.sin(self.yaw), np.cos(self.yaw), np.sin(self.pitch), np.cos(self.pitch),
        )  # fmt: skip
        return np.array(
            [
                [cos_y, 0, -sin_y],
                [sin_y * sin_p, cos_p, cos_y * sin_p],
                [sin_y * cos_p, -sin_p, cos_y * cos_p],
            ]
        )

    def project(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Column, row and depth (metres ahead) [...] of points [..., 3]; behind it depth is < 0."""
        right, up, ahead = np.moveaxis((points - (self.x, self.y, self.z)) @ self.axes.T, -1, 0)
        depth = np.where(np.abs(ahead) < 1e-6, 1e-6, ahead)
        column = self.width / 2 + self.focal * right / depth
        return column, self.height / 2 - self.focal * up / depth, ahead

    def sees(self, x: Floats, z: Floats, stature: float) -> NDArray[np.bool_]:
        """Whether most of a person who stands there is in the picture and before the wall [...]."""
        middle, _, depth = self.project(np.stack([x, np.full_like(x, stature / 2), z], -1))
        _, head, _ = self.project(np.stack([x, np.full_like(x, stature), z], -1))
        _, foot, _ = self.project(np.stack([x, np.zeros_like(x), z], -1))
        shown = np.minimum(foot, self.height) - np.maximum(head, 0)
        within = (middle > 0) & (middle < self.width) & (depth > 0.5) & (z < WALL)
        seen: NDArray[np.bool_] = within & (shown > 0.5 * np.maximum(foot - head, 1e-6))
        return seen


@dataclass(frozen=True)
class Obstacle:
    """A pillar or a planter that hides who walks behind it; metres."""

    x: float
    z: float
    width: float
    height: float


@dataclass(frozen=True)
class Plan:
    """A hall. ends: x of both; doors: x of those in the back wall; centres: x of the places."""

    viewpoints: tuple[Viewpoint, ...]
    centres: tuple[float, ...]
    doors: tuple[float, ...]
    ends: tuple[float, float]
    obstacles: tuple[Obstacle, ...]

    def overlapping(self) -> list[tuple[int, int]]:
        """Pairs of cameras that see the same ground."""
        places = {one.camera: one.place for one in self.viewpoints}
        return [(a, b) for a in places for b in places if a < b and places[a] == places[b]]


def plan_of(site: Site) -> Plan:
    """The ground plan of a site; of every four cameras the first two overlap, from three on."""
    rng = generator(site.seed, "site", 0, 2)
    shared = [site.cameras > 2 and number % 4 == 2 for number in range(1, site.cameras + 1)]
    steps = rng.uniform(*_APART, size=site.cameras - sum(shared))
    centres = tuple((np.cumsum(steps) - steps[0]).tolist())
    viewpoints, place = list[Viewpoint](), -1
    for number, joins in enumerate(shared, 1):
        place += not joins
        paired = joins or (number < site.cameras and shared[number])
        viewpoints.append(_viewpoint(site, number, place, centres[place], 1 if joins else -paired))
    doors, obstacles = list[float](), list[Obstacle]()
    for centre in centres:
        doors += [centre + offset for offset in rng.choice([-3.5, 0.0, 3.5], 2, replace=False)]
        obstacles += _obstacles(rng, centre)
    ends = centres[0] - _BEYOND, centres[-1] + _BEYOND
    return Plan(tuple(viewpoints), centres, tuple(sorted(doors)), ends, tuple(obstacles))


def _viewpoint(site: Site, number: int, place: int, centre: float, side: int) -> Viewpoint:
    """A camera; side: 0 of one that is alone, -1 left or 1 right of a pair that overlaps."""
    rng = generator(site.seed, "camera", number, 2)
    aside = side * rng.uniform(3.5, 4.8) if side else rng.uniform(-1.5, 1.5)
    away, high = rng.uniform(3.6, 5.2), rng.uniform(2.6, 3.3)
    # Towards a spot between the walkways, near the middle of the place.
    aim = -aside + rng.normal(0, 0.4) if side else -aside + rng.uniform(-2.0, 2.0)
    yaw = float(np.arctan2(aim, away + 2.5))
    reach = float(np.hypot(aim, away + 2.5))
    pitch = float(np.arctan2(high - 0.85, reach))
    focal = site.width / 2 / float(np.tan(_WIDE_ANGLE / 2))
    return Viewpoint(
        number, place, centre + aside, high, -away, yaw, pitch, focal, site.width, site.height
    )


def _obstacles(rng: np.random.Generator, centre: float) -> list[Obstacle]:
    """Before the walkways, and between them, but not on the way to a door."""
    pillars = rng.choice([-5.2, -1.75, 1.75, 5.2], 2, replace=False)
    found = [Obstacle(centre + float(x), 2.75, rng.uniform(0.35, 0.55), 6.0) for x in pillars[:1]]
    found.append(
        Obstacle(centre + float(pillars[1]), 2.75, rng.uniform(0.9, 1.4), rng.uniform(0.6, 1.0))
    )
    found.append(Obstacle(centre + rng.uniform(-3, 3), 0.1, rng.uniform(0.25, 0.4), 6.0))
    return found
