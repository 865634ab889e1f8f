"""The style "varied": the same persons and places, made as unlike each other as real sets are.

Real sets differ in what the plain style keeps alike: some are orange and overexposed, some grey and
hazy, some 40 rows tall, some cut off at the knees. A network that is to be used on cameras it was
never trained on must have seen all of that. Each function here takes what the plain style made and
changes it, with chance of its own, so that the plain style stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from passerby.synthesis.cameras.scenes import CAMERAS_PER_SITE, Camera, Painter, install, painted
from passerby.synthesis.chance import generator, pick
from passerby.synthesis.wardrobe import Appearance, Cloth, Piece, dress

Style = Literal["plain", "varied", "street", "rendered", "mixed"]


@dataclass(frozen=True)
class Box:
    """What a detector cut out around a person, in metres in the picture plane.

    The origin is the point on the ground under the hips.
    """

    left: float
    bottom: float
    wide: float
    high: float


@lru_cache(maxsize=24)
def install_varied(seed: int, camera: int, paint: Painter = painted) -> Camera:
    """The camera with that number, at a site of its own, so that no background tells persons.

    About 150 ms, then remembered; `paint` as for `install`.
    """
    plain = install(seed, camera * CAMERAS_PER_SITE, paint)
    rng = generator(seed, "style", camera)
    steep = pick(rng, {rng.uniform(0.05, 0.3): 6, rng.uniform(0.3, 0.7): 4})
    # Painted places are dull; sunlit stone is brighter than most clothes, and asphalt darker.
    lifted, steepened = rng.uniform(-15, 45), float(np.exp(rng.normal(0.1, 0.2)))
    table = [int(np.clip((value - 128) * steepened + 128 + lifted, 0, 255)) for value in range(256)]
    panorama = plain.panorama.point(table * 3)
    brightness = float(np.mean((np.asarray(panorama.reduce(8), np.float32) / 255) ** 2))
    warmth, tint = rng.normal(0.04, 0.09), rng.normal(0, 0.025)
    return replace(
        plain,
        panorama=panorama,
        pitch=steep,
        nearest=10 + 380 * steep,
        sun_height=rng.uniform(0.3, 1.3),
        ambient=rng.uniform(0.25, 0.95),
        shade=rng.uniform(0, 0.2),
        gains=(
            float(np.exp(warmth + tint / 2)),
            float(np.exp(-tint)),
            float(np.exp(-warmth + tint / 2)),
        ),
        exposure=(0.25 / max(brightness, 0.02)) ** 0.4 * float(np.exp(rng.normal(0.2, 0.17))),
        gamma=float(np.exp(rng.normal(0, 0.1))),
        contrast=float(np.exp(rng.normal(0.05, 0.12))),
        saturation=rng.uniform(0.1, 0.5) if rng.random() < 0.05 else rng.uniform(0.6, 1.3),
        noise=float(np.exp(rng.uniform(np.log(0.003), np.log(0.02)))),
        blur=float(np.exp(rng.uniform(np.log(0.2), np.log(1.6)))),
        rows=float(np.exp(rng.uniform(np.log(48), np.log(256)))),
        quality=int(rng.integers(35, 95)),
        sharpening=max(0.0, rng.uniform(-1.5, 2.0)),
        haze=max(0.0, rng.uniform(-0.1, 0.05)),
        least_rows=32,
    )


@lru_cache(maxsize=4096)
def dress_varied(seed: int, person: int, moment: int = 0) -> Appearance:
    """A person in the muted, folded and faded clothes that streets are full of."""
    plain = dress(seed, person, moment)
    rng = generator(seed, "style", 0, person, moment)
    muted = rng.uniform(0.4, 1.05)
    pieces = list(plain.pieces)
    for piece in (Piece.UPPER, Piece.INNER, Piece.LOWER, Piece.SHOES, Piece.BAG, Piece.SCARF):
        pieces[piece] = _worn(rng, pieces[piece], muted)
    if plain.outfit == "dress":
        pieces[Piece.LOWER] = pieces[Piece.UPPER]
    return replace(plain, pieces=tuple(pieces))


def _worn(rng: np.random.Generator, cloth: Cloth, muted: float) -> Cloth:
    """The cloth with less colour, another brightness, more folds and milder patterns."""
    first, second = np.sqrt(cloth.colour), np.sqrt(cloth.second)
    second = first + (second - first) * rng.uniform(0.5, 1.0)
    saturation = muted * rng.uniform(0.7, 1.2)
    brightness = float(np.exp(rng.normal(0, 0.22)))

    def changed(screen: np.ndarray) -> tuple[float, float, float]:
        grey = screen.mean()
        red, green, blue = np.clip((grey + (screen - grey) * saturation) * brightness, 0.06, 0.96)
        return float(red**2), float(green**2), float(blue**2)

    return replace(
        cloth,
        colour=changed(first),
        second=changed(second),
        folds=cloth.folds * rng.uniform(1.0, 2.2),
    )


def vary_box(rng: np.random.Generator, box: Box) -> Box:
    """A box as another detector, or a hurried hand, would have drawn it."""
    high = box.high * float(np.exp(rng.normal(0.02, 0.06)))
    wide = box.wide * float(np.exp(rng.normal(0.05, 0.15)))
    wide = float(np.clip(wide, 0.27 * high, 0.75 * high))
    centre = box.left + box.wide / 2 + wide * rng.normal(0, 0.05)
    middle = box.bottom + box.high / 2 + high * rng.normal(0, 0.025)
    return Box(centre - wide / 2, middle - high / 2, wide, high)
