"""Persons as small pictures: each is drawn once a direction, a step and a camera, then moved about.

Drawing anew for each frame would take fifty times as long as all else together.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.synthesis.actors import Staged
from passerby.synthesis.chance import generator
from passerby.synthesis.drawn.actor import drawn_walking
from passerby.synthesis.drawn.drawing import Light, View
from passerby.synthesis.motion.site import Site
from passerby.synthesis.rendered.actor import rendered_walking
from passerby.synthesis.streets import dress_street
from passerby.synthesis.wardrobe import Appearance

STEPS = 14  # pictures of two steps
STANDING = -1
_YAWS, _PITCH = 24, 0.08  # directions around a person; radians from one height to the next
_KEPT = 700  # some 80 MB


@dataclass(frozen=True)
class Pose:
    """How a person is seen. yaw: 0 faces the camera, pitch: the camera looks down; radians.
    step: of STEPS, or STANDING."""

    yaw: float
    pitch: float
    step: int


@dataclass(frozen=True, eq=False)
class Sprite:
    """A picture of a person. scale: pixels a metre; column, row: where in it the ground is that is
    under the hips."""

    picture: Image.Image  # RGBA, as a screen shows it
    scale: float
    column: float
    row: float


class Cast:
    """The persons of a site as one camera sees them.

    scale: pixels a metre of who is nearest; light: in its view axes.
    """

    def __init__(self, site: Site, scale: float, light: Light) -> None:
        self._site, self._scale, self._light = site, scale, light
        self._kept: OrderedDict[tuple[int, int, int, int], Sprite] = OrderedDict()

    def look(self, person: int) -> Appearance:
        """How a person is dressed: for the weather of the site."""
        return dress_street(self._site.seed, person, 0, 0)

    def sprite(self, person: int, pose: Pose) -> Sprite:
        """The picture of a person in the pose that is nearest to the asked one of those drawn."""
        yaw = round(pose.yaw / (2 * np.pi) * _YAWS) % _YAWS
        pitch = round(pose.pitch / _PITCH)
        key = person, yaw, pitch, pose.step
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            turned = yaw * 2 * np.pi / _YAWS, pitch * _PITCH
            self._kept[key] = self._drawn(person, turned, pose.step)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def _drawn(self, person: int, turned: tuple[float, float], step: int) -> Sprite:
        actor = self._staged(person, step)(*turned)
        left, right, bottom, top = actor.reach
        # Bags in a hand may reach beyond: what is empty is cut away afterwards.
        left, right, bottom, top = left - 0.4, right + 0.4, bottom - 0.25, top + 0.1
        scale = self._scale
        height, width = int((top - bottom) * scale), int((right - left) * scale)
        view = View(height, width, scale, 1.0, -left * scale, top * scale, 2)
        figure = actor.depict(view, self._light)
        pixels = np.zeros((height * width, 4), np.uint8)
        pixels[figure.pixels, :3] = np.sqrt(np.clip(figure.radiance, 0, 1)) * 255
        cover = 255 if figure.cover is None else 255 * figure.cover
        pixels[figure.pixels, 3] = cover
        picture = Image.fromarray(pixels.reshape(height, width, 4), "RGBA")
        box = _bounds(figure.mask)
        return Sprite(picture.crop(box), scale, view.column - box[0], view.row - box[1])

    def _staged(self, person: int, step: int) -> Staged:
        seed, stands = self._site.seed, step == STANDING
        rng, phase = generator(seed, "moment", person, 0, 2), max(step, 0) / STEPS
        if self._site.style == "rendered":
            numbers = (seed, person, 0, 0)
            return rendered_walking(rng, self.look(person), numbers, phase, stands)
        return drawn_walking(rng, self.look(person), phase, stands)


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is there."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
