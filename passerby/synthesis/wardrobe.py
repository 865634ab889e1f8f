"""Who a person is: body, hair, clothes and bags, fixed for every camera and moment.

A person is a number. The number (with the seed of the set) seeds a random generator, and this
file draws an `Appearance` from it: nothing else is remembered about anybody. Frequencies follow
what streets look like: many black, blue, grey and white tops over dark trousers, few orange ones.
Many people therefore share their main colours and differ in pattern, cut, hair, shoes and bags,
which is what makes re-identification harder than comparing colours.

Colours are albedos in linear light: the fraction of red, green and blue light that is reflected.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np

from passerby.synthesis.chance import generator, pick


class Piece(IntEnum):
    """What a visible spot of a figure belongs to; indexes `Appearance.pieces`."""

    SKIN = 0
    HAIR = 1
    UPPER = 2
    INNER = 3
    LOWER = 4
    SHOES = 5
    BAG = 6
    HAT = 7
    SCARF = 8
    LEGS = 9  # socks, tights or bare skin below shorts and skirts


@dataclass(frozen=True)
class Cloth:
    """One surface: two colours, how they alternate, and how strongly it folds."""

    colour: tuple[float, float, float]
    second: tuple[float, float, float]
    pattern: str = "plain"
    period: float = 0.08  # metres from one stripe, check or dot to the next
    share: float = 0.5  # part of a period that has the second colour
    folds: float = 0.5


@dataclass(frozen=True)
class Appearance:
    """Everything that stays the same when a person is seen again. Lengths in metres."""

    stature: float
    girth: float  # 1 is average
    shoulders: float  # width, 1 is average
    hips: float  # width, 1 is average
    hair: str  # bald, short, full, bob, long, bun, tail
    beard: bool
    hat: str  # none, cap, beanie, brim
    sleeve: float  # 0 none, 0.5 to the elbow, 1 to the wrist
    hem: float  # where the upper garment ends: fraction of the stature
    thickness: float  # of the upper garment
    opening: float  # half width of an open jacket, 0 when it is closed
    neckline: float
    outfit: str  # trousers, shorts, skirt, dress
    leg_end: float  # of shorts, skirt or dress: fraction of the stature
    flare: float  # how wide the trousers or the skirt are
    bag: str  # none, backpack, shoulder, cross, handbag
    bag_side: int  # -1 right, +1 left
    bag_size: float
    scarf: bool
    print_box: tuple[float, float, float, float]  # chest print: centre, height, half sizes
    print_place: str  # none, chest, back
    texture: int  # offset into the shared fold texture
    gait: float  # length of the stride, 1 is average
    pieces: tuple[Cloth, ...]


Palette = dict[tuple[int, int, int], float]

# Albedos as they look on a screen (0 to 255), with how often they are worn.
_UPPER: Palette = {
    (24, 24, 27): 14, (48, 50, 55): 6, (112, 115, 120): 6, (168, 170, 172): 5,
    (232, 232, 228): 12, (28, 38, 78): 8, (44, 84, 156): 8, (122, 166, 214): 6,
    (172, 28, 34): 8, (108, 22, 38): 4, (34, 92, 54): 5, (96, 106, 58): 4,
    (116, 78, 50): 5, (204, 178, 132): 5, (230, 150, 170): 4, (204, 56, 120): 3,
    (230, 198, 58): 4, (228, 112, 34): 4, (98, 58, 136): 3.5, (46, 150, 150): 3.5,
}  # fmt: skip
_LOWER: Palette = {
    (26, 26, 29): 20, (34, 44, 74): 17, (56, 82, 132): 16, (108, 142, 186): 9,
    (70, 72, 76): 7, (140, 140, 140): 5, (190, 164, 122): 9, (104, 94, 62): 5,
    (88, 60, 42): 5, (228, 224, 218): 5, (124, 34, 44): 2, (42, 78, 52): 2,
}  # fmt: skip
_SHOES: Palette = {
    (22, 22, 24): 40, (84, 56, 38): 14, (225, 225, 222): 20, (110, 110, 114): 10,
    (40, 52, 92): 6, (170, 40, 44): 4, (160, 130, 90): 6,
}  # fmt: skip
_BAG: Palette = {
    (24, 24, 27): 36, (46, 54, 84): 12, (104, 70, 44): 12, (90, 92, 96): 8, (168, 36, 40): 8,
    (70, 92, 62): 6, (196, 170, 128): 6, (224, 222, 214): 5, (60, 110, 180): 4,
    (222, 130, 40): 3,
}  # fmt: skip
_HAIR: Palette = {
    (26, 20, 18): 34, (52, 36, 26): 26, (92, 62, 40): 16, (158, 122, 76): 12,
    (206, 178, 128): 5, (140, 138, 136): 8, (214, 212, 208): 4, (128, 56, 32): 3,
}  # fmt: skip
_SKIN: Palette = {
    (236, 196, 172): 30, (222, 176, 146): 30, (196, 146, 112): 18, (150, 104, 74): 10,
    (104, 70, 50): 8, (70, 46, 34): 4,
}  # fmt: skip

_PATTERNS = {
    "plain": 52, "stripes": 11, "pinstripes": 5, "checks": 8, "dots": 4,
    "block": 8, "yoke": 5, "sleeves": 5, "mottled": 4,
}  # fmt: skip


def dyed(rng: np.random.Generator, palette: Palette) -> tuple[float, float, float]:
    """A colour of the palette, varied a little so that no two blacks are quite the same."""
    screen = np.array(pick(rng, palette), dtype=np.float64) / 255
    screen = screen * rng.uniform(0.84, 1.16) * (1 + rng.normal(0, 0.045, 3)) + 0.01
    red, green, blue = np.clip(screen, 0.05, 0.95) ** 2
    return float(red), float(green), float(blue)


def _contrasting(
    rng: np.random.Generator,
    palette: Palette,
    colour: tuple[float, float, float],
) -> tuple[float, float, float]:
    """Another colour of the palette that can be told from the first in a small picture."""
    second = dyed(rng, palette)
    for _ in range(8):
        if np.abs(np.sqrt(second) - np.sqrt(colour)).max() > 0.22:
            break
        second = dyed(rng, palette)
    return second


def _upper(rng: np.random.Generator) -> Cloth:
    colour = dyed(rng, _UPPER)
    pattern = pick(rng, _PATTERNS)
    period = {"pinstripes": 0.05, "dots": 0.09, "checks": 0.11}.get(pattern, 0.1)
    return Cloth(
        colour=colour,
        second=_contrasting(rng, _UPPER, colour),
        pattern=pattern,
        period=period * rng.uniform(0.8, 1.5),
        share=rng.uniform(0.3, 0.55),
        folds=rng.uniform(0.4, 1.0),
    )


def _lower(rng: np.random.Generator, outfit: str, upper: Cloth) -> Cloth:
    if outfit == "dress":
        return upper
    palette = _LOWER if outfit != "skirt" else _LOWER | {(168, 30, 36): 5, (200, 176, 190): 4}
    colour = dyed(rng, palette)
    chances = {"plain": 90.0, "checks": 3, "side stripe": 5, "mottled": 2}
    if outfit == "skirt":
        chances = {"plain": 60, "checks": 14, "stripes": 12, "dots": 8, "mottled": 6}
    return Cloth(
        colour=colour,
        second=_contrasting(rng, palette, colour),
        pattern=pick(rng, chances),
        period=rng.uniform(0.08, 0.14),
        share=rng.uniform(0.3, 0.5),
        folds=rng.uniform(0.3, 0.9),
    )


def _plain(rng: np.random.Generator, palette: Palette) -> Cloth:
    colour = dyed(rng, palette)
    return Cloth(colour, _contrasting(rng, palette, colour), folds=0.3)


def _leg_end(rng: np.random.Generator, outfit: str) -> float:
    """How far down the lower garment reaches, as a fraction of the stature."""
    if outfit == "trousers":
        return 0.03
    if outfit == "shorts":
        return rng.uniform(0.26, 0.36)
    return pick(rng, {rng.uniform(0.3, 0.38): 3, rng.uniform(0.16, 0.28): 2, 0.09: 1})


def _hem(rng: np.random.Generator, long_sleeves: bool, outfit: str) -> float:
    """Coats cover the thighs, jackets and shirts the hips, tucked shirts end at the waist."""
    if outfit == "dress":
        return 0.52
    if not long_sleeves:
        return rng.uniform(0.47, 0.57)
    return pick(rng, {rng.uniform(0.46, 0.54): 75, rng.uniform(0.3, 0.42): 25})


@lru_cache(maxsize=4096)
def dress(seed: int, person: int, moment: int = 0) -> Appearance:
    """The appearance of a person; `moment` only matters for people who are nobody in particular.

    The same arguments always give the same appearance.
    """
    rng = generator(seed, "person", person, moment)
    outfit = pick(rng, {"trousers": 74, "shorts": 10, "skirt": 8, "dress": 8})
    womanly = outfit in ("skirt", "dress") or rng.random() < 0.42
    upper = _upper(rng)
    lower = _lower(rng, outfit, upper)
    sleeve = pick(rng, {rng.uniform(0.22, 0.4): 34, 0.97: 60, 0.02: 6 if womanly else 1})
    long_sleeves = sleeve > 0.9
    hem = _hem(rng, long_sleeves, outfit)
    skin = Cloth(dyed(rng, _SKIN), (0.3, 0.1, 0.08), folds=0.0)
    bare = outfit != "trousers" and rng.random() < 0.65
    legs = skin if bare else _plain(rng, _SHOES)
    hair = {"short": 30.0, "full": 8, "bob": 22, "long": 28, "bun": 10, "tail": 12}
    if not womanly:
        hair = {"bald": 10, "short": 62, "full": 20, "long": 3, "tail": 2}
    pieces = {
        Piece.SKIN: skin,
        Piece.HAIR: Cloth(dyed(rng, _HAIR), (0.1, 0.1, 0.1), folds=0.6),
        Piece.UPPER: upper,
        Piece.INNER: Cloth(
            _contrasting(rng, _UPPER, upper.colour), (0.8, 0.8, 0.8), folds=0.4, period=0.08
        ),
        Piece.LOWER: lower,
        Piece.SHOES: _plain(rng, _SHOES),
        Piece.BAG: _plain(rng, _BAG),
        Piece.HAT: _plain(rng, _UPPER),
        Piece.SCARF: _plain(rng, _UPPER),
        Piece.LEGS: legs,
    }
    jacket = long_sleeves and outfit != "dress"
    return Appearance(
        stature=rng.normal(1.64, 0.06) if womanly else rng.normal(1.77, 0.07),
        girth=float(np.clip(rng.lognormal(0.0, 0.14), 0.8, 1.5)),
        shoulders=rng.uniform(0.86, 0.98) if womanly else rng.uniform(0.98, 1.15),
        hips=rng.uniform(0.98, 1.18) if womanly else rng.uniform(0.88, 1.02),
        hair=pick(rng, hair),
        beard=bool(not womanly and rng.random() < 0.3),
        hat=pick(rng, {"none": 82, "cap": 8, "beanie": 6, "brim": 4}),
        sleeve=sleeve,
        hem=hem,
        thickness=rng.uniform(0.006, 0.03) if long_sleeves else rng.uniform(0.0, 0.01),
        opening=rng.uniform(0.02, 0.075) if jacket and rng.random() < 0.38 else 0.0,
        neckline=rng.uniform(0.0, 0.09),
        outfit=outfit,
        leg_end=_leg_end(rng, outfit),
        flare=rng.uniform(0.8, 1.35),
        bag=pick(
            rng, {"none": 46, "backpack": 20, "shoulder": 14, "cross": 10, "handbag": 10}
        ),
        bag_side=1 if rng.random() < 0.5 else -1,
        bag_size=rng.uniform(0.75, 1.25),
        scarf=bool(rng.random() < (0.14 if long_sleeves else 0.02)),
        print_box=(
            rng.normal(0, 0.015), rng.uniform(0.68, 0.75),
            rng.uniform(0.03, 0.08), rng.uniform(0.02, 0.06),
        ),
        print_place=pick(rng, {"none": 68, "chest": 22, "back": 10}),
        texture=int(rng.integers(0, 1 << 16)),
        gait=rng.uniform(0.8, 1.2),
        pieces=tuple(pieces[piece] for piece in Piece),
    )  # fmt: skip
