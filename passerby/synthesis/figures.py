"""One picture of one person by one camera at one moment: everything else, put together.

`draw` is the whole generator. It knows the person's appearance and the camera's place by their
numbers, rolls what belongs to the moment (pose, direction, crop, light, who walks past), draws
the scene in linear light and lets the lens photograph it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import simplejpeg
from PIL import Image

from passerby.synthesis.actors import Reach, Staged, drawn
from passerby.synthesis.backgrounds import install_rendered
from passerby.synthesis.chance import generator
from passerby.synthesis.clothes import change
from passerby.synthesis.drawing import Figure, Light, View
from passerby.synthesis.lens import expose, photograph
from passerby.synthesis.obstacles import obstruct
from passerby.synthesis.rendered.actor import rendered
from passerby.synthesis.scenes import GROUND, HEIGHT, WIDTH, Camera, install
from passerby.synthesis.streets import dress_street, install_street, shade
from passerby.synthesis.truth import Truth, truth_of
from passerby.synthesis.variety import Box, Style, dress_varied, install_varied, vary_box
from passerby.synthesis.wardrobe import Appearance, dress

DISTRACTOR, JUNK = 0, -1
_STRANGERS = 24  # rendered people of a site who walk past again and again: each takes long to dress

_INSTALL: dict[Style, Callable[[int, int], Camera]] = {
    "plain": install, "varied": install_varied, "street": install_street,
    "rendered": install_rendered,
}  # fmt: skip


def _detect(rng: np.random.Generator, reach: Reach, junk: bool) -> Box:
    """Boxes of a detector are never quite right; those of junk are plainly wrong."""
    left, right, bottom, top = reach
    high = (top - bottom) / float(np.clip(rng.normal(0.945, 0.035), 0.78, 1.08))
    wide = max((right - left) / rng.uniform(0.84, 1.08), high * rng.uniform(0.29, 0.38))
    wide = min(wide, 0.62 * high)
    centre = (left + right) / 2 + wide * rng.normal(0, 0.05)
    middle = (bottom + top) / 2 + high * rng.normal(0, 0.02)
    if junk:
        grown = rng.uniform(1.8, 3.2) if rng.random() < 0.4 else rng.uniform(0.35, 0.65)
        wide, high = wide * grown, high * grown
        centre, middle = centre + wide * rng.normal(0, 0.3), middle + high * rng.normal(0, 0.35)
    elif rng.random() < 0.06:  # the legs lie outside of the camera's picture
        cut = high * rng.uniform(0.1, 0.35)
        middle, high = middle + cut / 2, high - cut
    return Box(centre - wide / 2, middle - high / 2, wide, high)


def _light(rng: np.random.Generator, camera: Camera) -> Light:
    sun = camera.sun + rng.normal(0, 0.25)
    level = np.cos(camera.sun_height)
    direction = (level * np.sin(sun), np.sin(camera.sun_height), level * np.cos(sun))
    ambient = float(np.clip(camera.ambient + rng.normal(0, 0.1), 0.25, 0.95))
    return Light((float(direction[0]), float(direction[1]), float(direction[2])), ambient)


def _yaw(passage: np.random.Generator, rng: np.random.Generator, camera: Camera) -> float:
    """Most people come or go along the walkway, some across it; nobody walks quite straight."""
    yaw = camera.walkway + np.pi * (passage.random() < 0.5)
    if passage.random() < camera.crossing:
        yaw += np.pi / 2
    turning = 0.9 if rng.random() < 0.3 else 0.3
    return float(yaw + passage.normal(0, 0.3) + rng.normal(0, turning))


def _background(
    rng: np.random.Generator, camera: Camera, box: Box, height: int, width: int
) -> np.ndarray:
    """A crop [height, width, 3] of the camera's panorama in linear light."""
    pixels = rng.uniform(85, 135)  # per metre in the panorama: how near the person is
    wide, high = box.wide * pixels, box.high * pixels
    shrink = min(1.0, (HEIGHT - 1) / high, (WIDTH - 1) / wide)
    wide, high = wide * shrink, high * shrink
    foot = GROUND + camera.nearest + rng.uniform(0, 70)
    top = float(np.clip(foot - (box.bottom + box.high) * pixels, 0, HEIGHT - high))
    left = rng.uniform(0, WIDTH - wide)
    crop = camera.panorama.resize(
        (width, height), Image.Resampling.BILINEAR, box=(left, top, left + wide, top + high)
    )
    screen = np.asarray(crop, np.float32) / 255
    scene: np.ndarray = screen * screen
    return scene


def _cast_shadow(scene: np.ndarray, figure: Figure, view: View, light: Light, pitch: float) -> None:
    """Darken the ground where the figure keeps the light away, by its own sheared silhouette."""
    height, width = figure.mask.shape
    # A spot at height h throws its shadow h * back behind the person and h * lean to the left.
    steep = max(light.direction[1], 0.2)
    back = light.direction[2] / steep * max(float(np.sin(pitch)), 0.08)
    back = float(np.clip(back, -0.9, 0.9))
    back = back if abs(back) > 0.04 else 0.04
    lean = -light.direction[0] / steep * view.stretch / back
    # In the picture with half the rows: (x, y) on the ground <- (x', y') in the silhouette.
    silhouette = Image.fromarray(figure.mask.astype(np.uint8) * 255).reduce(2)
    foot = view.row / 2
    matrix = (1, lean, -lean * foot, 0, 1 / back, foot * (1 - 1 / back))
    shadow = silhouette.transform(
        silhouette.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    dark = np.asarray(shadow.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    scene *= 1 - dark[:, :, None] * ((1 - light.ambient) * 0.85 / 255)


def _ground_contact(scene: np.ndarray, view: View, pitch: float) -> None:
    """The soft dark patch under a person in any light."""
    height, width = scene.shape[:2]
    wide, high = view.scale * view.stretch * 0.3, view.scale * 0.3 * max(np.sin(pitch), 0.15)
    top, bottom = int(max(0, view.row - 2 * high)), int(min(height, view.row + 2 * high))
    if top >= bottom:
        return
    x = (np.arange(width, dtype=np.float32) - view.column) / wide
    y = (np.arange(top, bottom, dtype=np.float32) - view.row) / high
    patch = np.exp(-(y * y)[:, None] - (x * x)[None])
    scene[top:bottom] *= 1 - 0.45 * patch[:, :, None]


def _place(scene: np.ndarray, figure: Figure) -> None:
    scene.reshape(-1, 3)[figure.pixels] = figure.radiance


def _somebody(
    rng: np.random.Generator, staged: Staged, camera: Camera, view: View, light: Light
) -> Figure:
    """Another passer-by, half in the picture, a little before or behind the person."""
    actor = staged(rng.uniform(-np.pi, np.pi), camera.pitch)
    nearer = rng.uniform(0.75, 1.25)
    aside = rng.choice([-1, 1]) * rng.uniform(0.4, 0.75) * view.width
    other = replace(
        view,
        scale=view.scale * nearer,
        column=view.column + aside,
        row=view.row + (nearer - 1) * view.height * 0.4,
    )
    return actor.depict(other, light)


def _look(
    seed: int, person: int, moment: int, style: Style, *, site: int, day: int = 0
) -> Appearance:
    """Who it is; `moment` only matters for people who are somebody else each time."""

    def wear(number: int) -> Appearance:
        if style in ("street", "rendered"):
            return dress_street(seed, person, number, site)
        return (dress_varied if style == "varied" else dress)(seed, person, number)

    if person <= 0:
        return wear(moment)
    return change(wear(0), (seed, person, day), wear) if day else wear(0)


def _staged(
    rng: np.random.Generator, look: Appearance, style: Style, numbers: tuple[int, ...]
) -> Staged:
    """A person in a pose; `numbers`: what the chance of a body and its cloth depends on."""
    return rendered(rng, look, numbers) if style == "rendered" else drawn(rng, look)


@dataclass(frozen=True)
class Observation:
    """A picture [height, width, 3] uint8, RGB, and what is true of the person in it."""

    picture: np.ndarray
    truth: Truth


def observe(
    seed: int,
    person: int,
    camera: int,
    moment: int,
    *,
    height: int = 256,
    width: int = 128,
    style: Style = "plain",
    site: int = 0,
    day: int = 0,
) -> Observation:
    """A picture that depends on nothing but the arguments, and its truth.

    Persons from 1 look the same in all their pictures of one `day`, and wear other clothes on
    another. Person 0 is a distractor, somebody else at each moment, and person -1 is junk: a box
    that cuts anybody badly or misses. In the style "street" people of one `site` dress for the same
    weather.

    Raises `ValueError` for a negative seed, camera, moment, site or day, a person below -1, or less
    than 16 pixels.
    """
    if min(seed, camera, moment, site, day) < 0 or person < JUNK or min(height, width) < 16:
        raise ValueError(
            "expected seed, camera, moment, site and day from 0, person from -1 and at least 16 "
            f"pixels, got {seed=}, {person=}, {camera=}, {moment=}, {site=}, {day=}, {height=}, "
            f"{width=}"
        )
    place = _INSTALL[style](seed, camera)
    on_day = (day,) if day else ()  # so that days do not change what is drawn without them
    passage = generator(seed, "passage", person, camera, *on_day)
    rng = generator(seed, "moment", person, camera, moment, *on_day)
    look = _look(seed, person, camera * 1_000_003 + moment, style, site=site, day=day)
    light = _light(rng, place)
    shaded = bool(place.deep_shade) and passage.random() < place.deep_shade
    if shaded:
        light = replace(light, ambient=0.92)
    nobody = 0 if person > 0 else camera * 1_000_003 + moment
    staged = _staged(rng, look, style, (seed, person, nobody, day))
    pitch = float(np.clip(place.pitch + rng.normal(0, 0.04), 0, 0.9))
    actor = staged(_yaw(passage, rng, place), pitch)
    box = _detect(rng, actor.reach, person == JUNK)
    if style != "plain":
        box = vary_box(rng, box)
    scale = height / box.high
    across = width / box.wide
    foot = (box.bottom + box.high) * scale
    view = View(height, width, scale, across / scale, -box.left * across, foot)
    scene = _background(rng, place, box, height, width)
    _ground_contact(scene, view, pitch)
    figure = actor.depict(view, light)
    _cast_shadow(scene, figure, view, light, pitch)
    company = rng.random()
    figures = [figure]
    if company < place.crowding:
        stranger = int(rng.integers(0, 1 << 30))
        stranger %= _STRANGERS if style == "rendered" else 1 << 30
        passer_by = _look(seed, DISTRACTOR, stranger, style, site=site)
        past = _staged(rng, passer_by, style, (seed, DISTRACTOR, stranger, 0))
        other = _somebody(rng, past, place, view, light)
        figures.insert(int(company < place.crowding * 0.4), other)  # in front: drawn last
    for one in figures:
        _place(scene, one)
    hidden = _obstruct(scene, rng, place)
    if figures[-1] is not figure:
        hidden |= figures[-1].mask
    if shaded:
        shade(scene, rng)
    truth = truth_of(figure, actor.joints, view, hidden)
    return Observation(photograph(scene, place, expose(rng, place), rng), truth)


def _obstruct(scene: np.ndarray, rng: np.random.Generator, place: Camera) -> np.ndarray:
    """Put obstacles before the figures, in `scene` itself; which pixels [h, w] they cover."""
    clear = scene.copy()
    obstruct(scene, rng, place)
    covered: np.ndarray = (scene != clear).any(-1)
    return covered


def encode(picture: np.ndarray, rng: np.random.Generator) -> bytes:
    """The picture as a JPEG file of a quality between 60 and 95."""
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(picture), quality=int(rng.integers(60, 96)), colorspace="RGB",
        colorsubsampling="420",
    )  # fmt: skip
    return data


def draw(
    seed: int,
    person: int,
    camera: int,
    moment: int,
    *,
    height: int = 256,
    width: int = 128,
    style: Style = "plain",
    site: int = 0,
    day: int = 0,
) -> np.ndarray:
    """The picture [height, width, 3] uint8, RGB; arguments and errors as for `observe`."""
    return observe(
        seed, person, camera, moment, height=height, width=width, style=style, site=site, day=day
    ).picture


def photo(
    seed: int,
    person: int,
    camera: int,
    moment: int,
    *,
    height: int = 256,
    width: int = 128,
    style: Style = "plain",
    site: int = 0,
    day: int = 0,
) -> bytes:
    """The same picture as a JPEG file; arguments and errors as for `observe`."""
    picture = draw(
        seed, person, camera, moment, height=height, width=width, style=style, site=site, day=day
    )
    return encode(picture, generator(seed, "file", person, camera, moment))


def contact_sheet(
    persons: Sequence[int], cameras: Sequence[int], moments: int = 2, seed: int = 0
) -> np.ndarray:
    """Pictures side by side, uint8 RGB: a row per person, a column per camera and moment."""
    rows = [
        [draw(seed, person, camera, moment) for camera in cameras for moment in range(moments)]
        for person in persons
    ]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])
