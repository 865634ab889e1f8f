"""The style "street": varied, and what networks were seen to fail on upon real cameras.

Whole cameras that are orange or overexposed; sun and deep shade under one camera; sites in winter,
where most people wear something dark and differ in cut, bag, shoes and hair; captions burnt into
the picture; crops some fifty rows tall. Each function takes what the varied style made and changes
it, with chance of its own, so that the varied style stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from passerby.synthesis.cameras.captions import choose_caption
from passerby.synthesis.cameras.scenes import Camera, Painter, painted
from passerby.synthesis.chance import generator, pick
from passerby.synthesis.variety import dress_varied, install_varied
from passerby.synthesis.wardrobe import Appearance, Cloth, Palette, Piece, dyed

# How people of a site dress: all of them for the same weather, some in the same dress.
_SEASONS = {"winter": 40.0, "between": 30, "summer": 25, "uniform": 5}
_DARK_CLOTHED = {"winter": 0.85, "between": 0.45, "summer": 0.1, "uniform": 0.3}

_DARK_UPPER: Palette = {
    (34, 34, 37): 30, (50, 52, 57): 18, (38, 44, 72): 16, (70, 72, 76): 11, (68, 54, 45): 8,
    (60, 64, 48): 7, (92, 94, 98): 5, (78, 34, 40): 3, (104, 88, 68): 2,
}  # fmt: skip
_DARK_LOWER: Palette = {
    (34, 34, 38): 38, (42, 50, 76): 26, (60, 64, 72): 13, (54, 74, 110): 13, (66, 55, 46): 5,
    (78, 80, 66): 5,
}  # fmt: skip
_DARK_SHOES: Palette = {
    (30, 30, 32): 62, (62, 44, 34): 16, (215, 215, 212): 10, (96, 96, 100): 8, (40, 50, 84): 4,
}  # fmt: skip
_DARK_BAG: Palette = {
    (32, 32, 35): 50, (40, 46, 70): 12, (84, 58, 40): 12, (80, 82, 86): 10, (150, 40, 42): 5,
    (62, 78, 58): 5, (176, 154, 120): 6,
}  # fmt: skip


@lru_cache(maxsize=24)
def install_street(seed: int, camera: int, paint: Painter = painted) -> Camera:
    """The camera with that number; about 150 ms, then remembered; `paint` as for `install`."""
    return afflict(install_varied(seed, camera, paint), generator(seed, "street", camera), camera)


def afflict(varied: Camera, rng: np.random.Generator, camera: int) -> Camera:
    """The camera with the faults that real ones were seen to have; each is rolled apart."""
    gains = np.log(varied.gains)
    if rng.random() < 0.25:  # an automatic white balance that went wrong, lamps of sodium, dusk
        warmth = rng.uniform(0.18, 0.5) * pick(rng, {1: 0.75, -1: 0.25})
        gains = gains + np.array([warmth, 0, -warmth])
    if rng.random() < 0.08:
        tint = rng.uniform(0.08, 0.2) * pick(rng, {1: 0.6, -1: 0.4})
        gains = gains + np.array([-tint / 2, tint, -tint / 2])
    sunlit = rng.random() < 0.4
    # Automatic exposure that follows the shade burns out the sun; the reverse leaves all black.
    metering = pick(rng, {"right": 0.77, "over": 0.15, "under": 0.0 if sunlit else 0.1})
    stops = {"right": 0.0, "over": rng.uniform(0.5, 1.1), "under": -rng.uniform(0.3, 0.6)}
    tiny = rng.random() < 0.15
    return replace(
        varied,
        gains=tuple(np.exp(gains).tolist()),
        exposure=varied.exposure * float(np.exp(stops[metering])),
        ambient=rng.uniform(0.2, 0.45) if sunlit else varied.ambient,
        deep_shade=rng.uniform(0.25, 0.75) if sunlit else 0.0,
        rows=rng.uniform(44, 62) if tiny else varied.rows,
        caption=choose_caption(rng, camera) if rng.random() < 0.2 else None,
    )


def season(seed: int, site: int) -> str:
    """How people of that site dress: winter, between, summer or uniform."""
    return pick(generator(seed, "street", 0, site), _SEASONS)


@lru_cache(maxsize=4096)
def dress_street(seed: int, person: int, moment: int = 0, site: int = 0) -> Appearance:
    """A person dressed as people of the site are; `moment` as in `dress`."""
    varied = dress_varied(seed, person, moment)
    kind = season(seed, site)
    rng = generator(seed, "street", 1, person, moment)
    look = varied
    if rng.random() < _DARK_CLOTHED[kind]:
        look = _darkly(rng, varied)
    if kind == "winter":
        look = _warmly(rng, look)
    if kind == "uniform" and rng.random() < 0.7:
        look = _alike(look, dress_varied(seed, 1, 1_000_000 + site))
    return look


def _darkly(rng: np.random.Generator, look: Appearance) -> Appearance:
    """The person in plain dark clothes; body, hair and cut stay."""
    pieces = list(look.pieces)
    worn = {Piece.UPPER: (_DARK_UPPER, 1.0), Piece.LOWER: (_DARK_LOWER, 0.85),
            Piece.SHOES: (_DARK_SHOES, 0.9), Piece.BAG: (_DARK_BAG, 0.8),
            Piece.HAT: (_DARK_UPPER, 0.7), Piece.LEGS: (_DARK_LOWER, 0.0)}  # fmt: skip
    if look.outfit in ("skirt", "dress"):  # tights
        worn[Piece.LEGS] = (_DARK_LOWER, 0.6)
    for piece, (palette, chance) in worn.items():
        if rng.random() < chance:
            # Of ten coats one has a pattern, and that a faint one.
            pattern = pieces[piece].pattern if rng.random() < 0.1 else "plain"
            pieces[piece] = _cloth(rng, pieces[piece], palette, pattern)
    if look.outfit == "dress":
        pieces[Piece.LOWER] = pieces[Piece.UPPER]
    bare = look.print_place if rng.random() < 0.2 else "none"
    return replace(look, pieces=tuple(pieces), print_place=bare)


def _cloth(rng: np.random.Generator, cloth: Cloth, palette: Palette, pattern: str) -> Cloth:
    colour = dyed(rng, palette)
    red, green, blue = np.clip(np.sqrt(colour) * rng.uniform(1.2, 1.8) + 0.04, 0, 1) ** 2
    second = (float(red), float(green), float(blue))
    return replace(cloth, colour=colour, second=second, pattern=pattern, folds=cloth.folds * 1.3)


def _warmly(rng: np.random.Generator, look: Appearance) -> Appearance:
    """Sleeves, long trousers, jackets and coats; hoods, hats and scarves."""
    outfit = "trousers" if look.outfit == "shorts" or rng.random() < 0.6 else look.outfit
    cut = pick(rng, {"jacket": 55.0, "short coat": 28, "coat": 17})
    hems = {"jacket": (0.44, 0.53), "short coat": (0.33, 0.43), "coat": (0.2, 0.32)}
    hats = {"none": 62.0, "beanie": 15, "hood": 14, "cap": 5, "brim": 4}
    return replace(
        look,
        outfit=outfit,
        leg_end=0.03 if outfit == "trousers" else look.leg_end,
        sleeve=0.97,
        hem=rng.uniform(*hems[cut]),
        thickness=rng.uniform(0.018, 0.045),
        opening=look.opening if rng.random() < 0.6 else 0.0,
        neckline=rng.uniform(0, 0.03),
        hat=pick(rng, hats),
        scarf=bool(rng.random() < 0.28),
    )


def _alike(look: Appearance, other: Appearance) -> Appearance:
    """The person in the clothes of `other`, with hair, shoes and bag of their own."""
    pieces = list(look.pieces)
    for piece in (Piece.UPPER, Piece.LOWER, Piece.INNER):
        pieces[piece] = other.pieces[piece]
    return replace(
        look,
        pieces=tuple(pieces),
        outfit=other.outfit,
        leg_end=other.leg_end,
        hem=other.hem,
        sleeve=other.sleeve,
        opening=other.opening,
        print_box=other.print_box,
        print_place=other.print_place,
    )


def shade(scene: np.ndarray, rng: np.random.Generator) -> None:
    """Put a person and most of what is around into the deep shade of a house or a tree.

    Changes `scene` [height, width, 3], linear light, in place. Shade is bluish: the sky lights it.
    """
    height, width = scene.shape[:2]
    dark = rng.uniform(0.2, 0.45) * np.array([0.92, 1.0, 1.1], np.float32)
    weight = np.ones((height, width, 1), np.float32)
    if rng.random() < 0.4:  # the edge of the shadow is in the picture, beside the person
        x = np.arange(width, dtype=np.float32)[None] / width - 0.5
        y = np.arange(height, dtype=np.float32)[:, None] / height - 0.5
        slope, side = rng.normal(0, 0.5), pick(rng, {1: 0.5, -1: 0.5})
        away = side * (x + slope * y) - rng.uniform(0.22, 0.4)
        weight = 1 - np.clip(away * rng.uniform(8, 40), 0, 1)[:, :, None]
    scene *= 1 - weight * (1 - dark)
