"""A person before a camera: turned, seen in perspective, lit and drawn as a `Figure`.

View axes are those of drawn persons: x right, y up, z towards the viewer, in metres, the ground
under the hips at the origin; x and y are what the picture plane there shows, so that parts nearer
to the camera are larger.
"""

from dataclasses import dataclass, replace

import numpy as np

from passerby.synthesis.actors import Reach, Staged
from passerby.synthesis.drawn.drawing import Figure, Light, View, rotation
from passerby.synthesis.rendered.light import extent, shadow_map
from passerby.synthesis.rendered.person import Body, enacted, person, strike_pose
from passerby.synthesis.rendered.raster import interpolated, rasterise
from passerby.synthesis.wardrobe import Appearance

_SHADOWS = 112  # cells of a shadow map's side
_LEAST_STRIDE = 0.4  # of who walks on and on: also a narrow skirt allows it
_FAR = 9.0  # metres: the distance of who walks, as it is one picture near and far


@dataclass(frozen=True)
class Actor:
    """A posed person in view axes."""

    body: Body
    points: np.ndarray  # [n, 3] float32, not yet in perspective
    normals: np.ndarray  # [n, 3]
    seen: np.ndarray  # [n, 2] float32: x and y in perspective
    nearness: np.ndarray  # [n] float32: 1 / distance
    distance: float  # metres from the camera to the middle of the body
    joints: np.ndarray  # [17, 3] x and y in perspective, z

    @property
    def reach(self) -> Reach:
        """The tight box around the person, without what they carry in their hands."""
        (left, bottom), (right, top) = extent(self.seen[self.body.person.worn])
        return Reach(float(left), float(right), float(bottom), float(top))

    def depict(self, view: View, light: Light) -> Figure:
        """Draw the person into an empty picture."""
        who = self.body.person
        fine, across = view.fineness, view.scale * view.stretch
        spots = fine * np.stack([view.column + self.seen[:, 0] * across,
                                 view.row - self.seen[:, 1] * view.scale], 1)  # fmt: skip
        shape = (fine * view.height, fine * view.width)
        seen = rasterise(spots, self.nearness, who.surface, shape)
        values = np.concatenate([_lit(self, light)[:, None], who.texture.spots], 1)
        lit, column, row = interpolated(seen, spots, who.surface.faces, values, shape[1])
        albedo = who.texture.albedo(column, row, who.back[seen.triangles])
        depth = np.float32(self.distance) - 1 / seen.nearness
        radiance = albedo * np.clip(lit, 0.01, 2)[:, None]
        return _pooled(seen.places, radiance, depth, view)


def _pooled(places: np.ndarray, radiance: np.ndarray, depth: np.ndarray, view: View) -> Figure:
    """The figure that samples make: each pixel is the mean of its own, and filled by their share.

    places [k]: sample numbers, row by row; radiance: [k, 3]; depth: [k] metres.
    """
    shape, fine = (view.height, view.width), view.fineness
    mask = np.zeros(view.height * view.width, bool)
    if fine == 1:
        mask[places] = True
        return Figure(places, radiance, depth, mask.reshape(shape))
    row, column = np.divmod(places, fine * view.width)
    pixels, of = np.unique(row // fine * view.width + column // fine, return_inverse=True)
    count = np.bincount(of)
    means = [np.bincount(of, values) / count for values in (*radiance.T, depth)]
    cover = (count / fine**2).astype(np.float32)
    mask[pixels[cover >= 0.5]] = True
    pooled = np.stack(means[:3], 1).astype(np.float32)
    return Figure(pixels, pooled, means[3].astype(np.float32), mask.reshape(shape), cover)


def placed(body: Body, yaw: float, pitch: float, distance: float) -> Actor:
    """A body before a camera that looks down by `pitch` from `distance` metres.

    With a `yaw` of 0 the person faces the camera; radians, as in `drawing.solidify`.
    """
    turned = rotation(yaw, pitch).astype(np.float32).T
    points = body.points @ turned
    joints = body.joints @ turned
    # The camera looks at the middle of the body: what is straight ahead keeps its place.
    middle = np.float32((points[:, 1].min() + points[:, 1].max()) / 2)

    def perspective(spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nearness = 1 / np.maximum(np.float32(distance) - spots[:, 2], np.float32(0.3))
        larger = (nearness * np.float32(distance))[:, None]
        flat = spots[:, :2] - np.array([0, middle], np.float32)
        return flat * larger + np.array([0, middle], np.float32), nearness

    seen, nearness = perspective(points)
    flat_joints, _ = perspective(joints)
    return Actor(body, points, body.normals @ turned, seen, nearness, distance,
                 np.concatenate([flat_joints, joints[:, 2:]], 1))  # fmt: skip


def _lit(actor: Actor, light: Light) -> np.ndarray:
    """The light [n] that a white vertex sends on."""
    who = actor.body.person
    towards = np.array(light.direction, np.float32)
    towards /= np.linalg.norm(towards)
    sky = (0.66 + 0.34 * actor.normals[:, 1]) * (0.25 + 0.75 * who.open_sky)
    lit = light.ambient * sky
    if light.ambient < 0.9:
        cosine = actor.normals @ towards
        shadow = shadow_map(actor.points, who.surface, towards, _SHADOWS)
        lit = lit + (1 - light.ambient) * 1.35 * np.maximum(cosine, 0) * shadow.lit(actor.points)
    return np.maximum(lit, 0.02).astype(np.float32)


def rendered(rng: np.random.Generator, look: Appearance, numbers: tuple[int, ...]) -> Staged:
    """The person of that look in a pose that chance chooses; `numbers`: see `dress_rendered`.

    Raises:
        AssetsMissing: there is nothing to render persons from.
    """
    who = person(look, numbers)
    body = enacted(who, strike_pose(rng, who.outfit))
    distance = float(np.exp(rng.uniform(np.log(4), np.log(25))))
    return lambda yaw, pitch: placed(body, yaw, pitch, distance)


def rendered_walking(
    rng: np.random.Generator,
    look: Appearance,
    numbers: tuple[int, ...],
    step: float,
    stands: bool = False,
) -> Staged:
    """The person of that look who walks or stands; `step`: how far two steps are done, 0 to 1.

    Equal generators give the same person's arms at every step.

    Raises:
        AssetsMissing: there is nothing to render persons from.
    """
    who = person(look, numbers)
    stance = strike_pose(rng, who.outfit)
    stride = 0.0 if stands else max(stance.stride, _LEAST_STRIDE)
    body = enacted(who, replace(stance, phase=step, stride=stride))
    return lambda yaw, pitch: placed(body, yaw, pitch, _FAR)
