"""Frames of one camera, with the truth about each: who is where, and how much of them is seen."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from passerby.synthesis.chance import generator
from passerby.synthesis.drawn.drawing import Light
from passerby.synthesis.motion.passages import frames_of
from passerby.synthesis.motion.places import Place, Thing, place_of
from passerby.synthesis.motion.plan import INSIDE, WALL, Floats, Plan, Viewpoint
from passerby.synthesis.motion.site import Site
from passerby.synthesis.motion.sprites import STANDING, STEPS, Cast, Pose, Sprite
from passerby.synthesis.motion.walks import Walk

_TWO_STEPS = 1.3  # metres
_STANDS = 0.25  # metres a second: who is slower stands
_NEAREST = 4.0  # metres from the camera: sprites are not drawn finer than they are there
_LEAST_ROWS = 6  # pixels: of whom less would be seen nothing is drawn
_SHEET = 256  # pixels that a sheet of noise is larger than a frame


@dataclass(frozen=True)
class Box:
    """The truth about a person in a frame.

    walk: number of the walk; left, top, width, height: of the whole person in pixels, cut to the
    picture; visibility: the share of the person's pixels that the picture shows, 0 to 1.
    """

    walk: int
    left: float
    top: float
    width: float
    height: float
    visibility: float


@dataclass(frozen=True, eq=False)
class Filmed:
    """A frame [height, width, 3] uint8, RGB, and the boxes in it."""

    pixels: NDArray[np.uint8]
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class _Presence:
    """A walk in one frame."""

    walk: int
    person: int
    pose: Pose
    column: float
    row: float
    depth: float
    scale: float  # pixels a metre
    z: float


def film(site: Site, plan: Plan, walks: list[Walk], view: Viewpoint) -> Iterator[Filmed]:
    """All frames of a camera, from the first to the last."""
    place = place_of(site.seed, plan, view)
    cast = Cast(site, view.focal / _NEAREST, _light(site, view))
    present = _presences(site, walks, view)
    lens = _Lens(site, view)
    for frame in range(site.frames):
        scene = _Scene(place)
        nearest_last = sorted(present.get(frame, []), key=lambda one: -one.depth)
        things = list(place.things)
        for one in nearest_last:
            while things and things[0].depth > one.depth:
                scene.put_thing(things.pop(0))
            scene.put_person(one, cast.sprite(one.person, one.pose))
        for thing in things:
            scene.put_thing(thing)
        yield Filmed(lens.photograph(scene.pixels, frame), scene.boxes())


def _light(site: Site, view: Viewpoint) -> Light:
    """Lamps of the hall: from above and from one side of the world, in the camera's view axes."""
    rng = generator(site.seed, "site", 2, 2)
    side = rng.uniform(-np.pi, np.pi) + view.yaw
    height = rng.uniform(0.6, 1.1)
    level = np.cos(height)
    direction = (level * np.sin(side), np.sin(height), level * np.cos(side))
    return Light((float(direction[0]), float(direction[1]), float(direction[2])),
                 float(rng.uniform(0.5, 0.8)))  # fmt: skip


def _presences(site: Site, walks: list[Walk], view: Viewpoint) -> dict[int, list[_Presence]]:
    """By frame: who may be in the picture."""
    found = dict[int, list[_Presence]]()
    for number, walk in enumerate(walks):
        frames = frames_of(site, walk)
        if not len(frames):
            continue
        seconds = frames / site.rate
        x, z = walk.at(seconds)
        column, row, depth = view.project(np.stack([x, np.zeros_like(x), z], -1))
        scale = view.focal / np.maximum(depth, 0.1)
        near = (depth > 1.5) & (z < INSIDE - 0.01)
        near &= (column > -scale) & (column < view.width + scale)
        near &= row - 2.3 * scale < view.height
        poses = _poses(walk, seconds, (x, z), view)
        for at in np.flatnonzero(near).tolist():
            one = _Presence(
                number, walk.person, poses[at], float(column[at]), float(row[at]),
                float(depth[at]), float(scale[at]), float(z[at]),
            )  # fmt: skip
            found.setdefault(int(frames[at]), []).append(one)
    return found


def _poses(walk: Walk, seconds: Floats, spot: tuple[Floats, Floats], view: Viewpoint) -> list[Pose]:
    """How the camera sees a person at each time."""
    heading, gone, speed = walk.moves(seconds)
    towards = np.stack([view.x - spot[0], view.z - spot[1]], -1)
    distance = np.linalg.norm(towards, axis=-1)
    towards /= np.maximum(distance, 1e-6)[:, None]
    right = np.stack([-towards[:, 1], towards[:, 0]], -1)  # as the camera sees it
    yaw = np.arctan2((heading * right).sum(-1), (heading * towards).sum(-1))
    pitch = np.arctan2(view.y - 0.9, distance)
    step = np.floor(np.mod(gone / _TWO_STEPS, 1) * STEPS).astype(int) % STEPS
    step = np.where(speed < _STANDS, STANDING, step)
    return [Pose(*values) for values in zip(yaw.tolist(), pitch.tolist(), step.tolist(),
                                            strict=True)]  # fmt: skip


class _Scene:
    """A frame that is being put together, the farthest first."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.pixels = place.picture.copy()
        self._owner = np.full(self.pixels.shape[:2], -1, np.int16)
        self._put: list[tuple[_Presence, tuple[int, int, int, int], int]] = []

    def put_thing(self, thing: Thing) -> None:
        """An obstacle hides what is behind it."""
        height, width = thing.colours.shape[:2]
        area = slice(thing.top, thing.top + height), slice(thing.left, thing.left + width)
        self.pixels[area] = thing.colours
        self._owner[area] = -1

    def put_person(self, one: _Presence, sprite: Sprite) -> None:
        """A person, with the dark at their feet."""
        ratio = one.scale / sprite.scale
        wide, high = (max(1, round(side * ratio)) for side in sprite.picture.size)
        left, top = round(one.column - sprite.column * ratio), round(one.row - sprite.row * ratio)
        frame_high, frame_wide, _ = self.pixels.shape
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + wide, frame_wide), min(top + high, frame_high)
        if x1 - x0 < 1 or y1 - y0 < _LEAST_ROWS:
            return
        small = np.asarray(sprite.picture.resize((wide, high), Image.Resampling.BILINEAR))
        whole = int(np.count_nonzero(small[..., 3] > 127))
        shown = small[y0 - top : y1 - top, x0 - left : x1 - left]
        cover = shown[..., 3:].astype(np.uint16)
        colours = shown[..., :3].astype(np.uint16)
        if one.z > WALL:  # in a door: seen through its opening only, and dark
            cover = cover * self._place.openings[y0:y1, x0:x1, None]
            colours = (colours * (1 - 0.5 * (one.z - WALL) / (INSIDE - WALL))).astype(np.uint16)
        else:
            self._darken_ground(one)
        area = self.pixels[y0:y1, x0:x1]
        area[:] = (colours * cover + area * (255 - cover)) // 255
        owner = self._owner[y0:y1, x0:x1]
        owner[cover[..., 0] > 127] = len(self._put)
        self._put.append((one, (left, top, left + wide, top + high), whole))

    def _darken_ground(self, one: _Presence) -> None:
        """The soft dark patch under a person in any light."""
        wide, high = 0.32 * one.scale, 0.32 * one.scale * max(float(np.sin(one.pose.pitch)), 0.15)
        rows = np.arange(max(0, int(one.row - 2 * high)),
                         min(self.pixels.shape[0], int(one.row + 2 * high) + 1))  # fmt: skip
        columns = np.arange(max(0, int(one.column - 2 * wide)),
                            min(self.pixels.shape[1], int(one.column + 2 * wide) + 1))  # fmt: skip
        if not len(rows) or not len(columns):
            return
        patch = np.exp(
            -(((rows - one.row) / high) ** 2)[:, None] - ((columns - one.column) / wide) ** 2
        )
        area = self.pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        area[:] = area * (1 - 0.4 * patch[..., None])

    def boxes(self) -> tuple[Box, ...]:
        """Of all that were put, by number of the walk."""
        height, width, _ = self.pixels.shape
        seen = np.bincount(self._owner[self._owner >= 0], minlength=len(self._put))
        boxes = []
        for number, (one, (left, top, right, bottom), whole) in enumerate(self._put):
            x0, y0 = max(left, 0), max(top, 0)
            cut = min(right, width) - x0, min(bottom, height) - y0
            share = min(1.0, float(seen[number]) / max(whole, 1))
            boxes.append(Box(one.walk, x0, y0, *cut, share))
        return tuple(sorted(boxes, key=lambda box: box.walk))


class _Lens:
    """What the camera makes of a scene: light that changes, white balance, noise."""

    def __init__(self, site: Site, view: Viewpoint) -> None:
        rng = generator(site.seed, "camera", view.camera, 3)
        self._rate, self._seed, self._camera = site.rate, site.seed, view.camera
        warmth = rng.normal(0, 0.1)
        tint = np.array([warmth, rng.normal(0, 0.03), -warmth])
        self._gains = np.exp(tint + rng.normal(-0.1, 0.12))
        self._period, self._shift = rng.uniform(50, 160), rng.uniform(0, 6)
        self._depth = rng.uniform(0.03, 0.12)
        # A lamp that goes on or off; the automatic exposure follows it half of the way.
        length = site.minutes * 60
        self._switch = float(rng.uniform(0.15, 0.85) * length)
        self._step = float(np.log(rng.choice([0.62, 0.8, 1.25, 1.45])))
        side = site.height + _SHEET, site.width + _SHEET
        grain = rng.standard_normal((*side, 1)) + 0.4 * rng.standard_normal((*side, 3))
        noise = 128 + grain * rng.uniform(1.0, 3.0)
        self._noise = Image.fromarray(np.clip(noise + 0.5, 0, 255).astype(np.uint8))

    def photograph(self, scene: NDArray[np.uint8], frame: int) -> NDArray[np.uint8]:
        """The frame [height, width, 3] of a scene."""
        height, width = scene.shape[:2]
        levels = np.arange(256) * (self._gains * self._level(frame / self._rate))[:, None]
        # Bright light saturates softly, as in any camera's tone curve.
        table = 255 * (1 - np.exp(-levels / 150)) / (1 - np.exp(-255 * 1.25 / 150))
        lit = Image.fromarray(scene).point(np.clip(table, 0, 255).astype(int).ravel().tolist())
        rng = generator(self._seed, "moment", self._camera, frame, 3)
        x, y = rng.integers(_SHEET, size=2)
        grain = self._noise.crop((int(x), int(y), int(x) + width, int(y) + height))
        return np.asarray(ImageChops.add(lit, grain, 1, -128))

    def _level(self, seconds: float) -> float:
        """How bright it is, 1 usually."""
        slow = self._depth * np.sin(2 * np.pi * seconds / self._period + self._shift)
        since = seconds - self._switch
        step = 0.0
        if since > 0:
            step = self._step * min(since / 0.4, 1.0) * (0.5 + 0.5 * float(np.exp(-since / 6)))
        return float(np.exp(slow + step))
