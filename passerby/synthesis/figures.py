"""One picture of one person by one camera at one moment: everything else, put together.

`draw` is the whole generator. It knows the person's appearance and the camera's place by their
numbers, rolls what belongs to the moment (pose, direction, crop, light, who walks past), draws
the scene in linear light and lets the lens photograph it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import simplejpeg

from passerby.synthesis.actors import Reach, Staged
from passerby.synthesis.backgrounds import install_rendered
from passerby.synthesis.cameras.lens import expose, photograph
from passerby.synthesis.cameras.obstacles import obstruct
from passerby.synthesis.cameras.scenes import Camera, install
from passerby.synthesis.cameras.surroundings import background, cast_shadow, ground_contact
from passerby.synthesis.chance import generator
from passerby.synthesis.clothes import change
from passerby.synthesis.drawn.actor import drawn
from passerby.synthesis.drawn.drawing import Figure, Light, View
from passerby.synthesis.rendered.actor import rendered
from passerby.synthesis.streets import dress_street, install_street, shade
from passerby.synthesis.truth import Truth, truth_of
from passerby.synthesis.variety import Box, Style, dress_varied, install_varied, vary_box
from passerby.synthesis.wardrobe import Appearance, dress

DISTRACTOR, JUNK = 0, -1
_SHARP_BLUR, _SHARP_ROWS = 0.5, 128
_STRANGERS = 24  # rendered people of a site who walk past again and again: each takes long to dress

_INSTALL: dict[Style, Callable[[int, int], Camera]] = {
    "plain": install, "varied": install_varied, "street": install_street,
    "rendered": install_rendered, "mixed": install_rendered,
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


def _place(scene: np.ndarray, figure: Figure) -> None:
    pixels = scene.reshape(-1, 3)
    radiance = figure.radiance
    if figure.cover is not None:
        cover = figure.cover[:, None]
        radiance = cover * radiance + (1 - cover) * pixels[figure.pixels]
    pixels[figure.pixels] = radiance


def _fineness(camera: Camera) -> int:
    """More samples where neither blur nor few rows hide the steps of an edge: one camera in six."""
    return 2 if camera.blur < _SHARP_BLUR and camera.rows > _SHARP_ROWS else 1


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
        if style in ("street", "rendered", "mixed"):
            return dress_street(seed, person, number, site)
        return (dress_varied if style == "varied" else dress)(seed, person, number)

    if person <= 0:
        return wear(moment)
    return change(wear(0), (seed, person, day), wear) if day else wear(0)


def _staged(
    rng: np.random.Generator, look: Appearance, style: Style, numbers: tuple[int, ...]
) -> Staged:
    """A person in a pose; `numbers`: what the chance of a body and its cloth depends on."""
    _, person, nobody, _ = numbers
    if style == "rendered" or (style == "mixed" and (person + nobody) % 2):
        return rendered(rng, look, numbers)
    return drawn(rng, look)


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
    view = View(height, width, scale, across / scale, -box.left * across, foot, _fineness(place))
    scene = background(rng, place, box, height, width)
    ground_contact(scene, view, pitch)
    figure = actor.depict(view, light)
    cast_shadow(scene, figure, view, light, pitch)
    company = rng.random()
    figures = [figure]
    if company < place.crowding:
        stranger = int(rng.integers(0, 1 << 30))
        stranger %= _STRANGERS if style in ("rendered", "mixed") else 1 << 30
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
    persons: Sequence[int],
    cameras: Sequence[int],
    moments: int = 2,
    seed: int = 0,
    *,
    style: Style = "plain",
) -> np.ndarray:
    """Pictures side by side, uint8 RGB: a row per person, a column per camera and moment."""
    columns = [(camera, moment) for camera in cameras for moment in range(moments)]
    rows = [
        [draw(seed, person, camera, moment, style=style) for camera, moment in columns]
        for person in persons
    ]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])
