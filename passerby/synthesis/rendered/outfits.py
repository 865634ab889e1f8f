"""Who wears what: the look of a drawn person made a body, a plausible outfit and its garments.

Names are those of MakeHuman's garments; "close" stands for cloth made of the base mesh's own close
cover, as sweaters, padded jackets, leggings, wide trousers and shorts are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from passerby.synthesis.chance import generator, pick
from passerby.synthesis.rendered.body.shape import Build
from passerby.synthesis.wardrobe import Appearance, Cloth, Piece

CLOSE = "close"
_SUIT = "male_elegantsuit01"

_LONG = {
    "male_casualsuit02": 3.0,
    "male_casualsuit03": 3,
    "male_casualsuit05": 3,
    CLOSE: 3,
}
_SHORT = {"male_casualsuit04": 4.0, "male_casualsuit06": 4, "female_casualsuit01": 1}
_HAIR = {
    "bald": {"": 1.0},
    "short": {"short01": 3.0, "short02": 3, "short03": 2, "short04": 3},
    "full": {"afro01": 2.0, "short02": 2, "short01": 1},
    "bob": {"bob01": 2.0, "bob02": 2},
    "long": {"long01": 3.0, "braid01": 1},
    "bun": {"short03": 1.0, "ponytail01": 1},
    "tail": {"ponytail01": 3.0, "braid01": 1},
}

Rgb = tuple[float, float, float]

# From light to dark, as they look on a screen (0 to 255); every stretch of it is as likely.
_SKINS = np.array([(240, 205, 182), (226, 180, 150), (203, 154, 118), (164, 114, 82),
                   (112, 76, 54), (66, 44, 34)]) / 255  # fmt: skip
_GREY_HAIR: Mapping[Rgb, float] = {
    (150, 148, 146): 3.0,
    (205, 203, 200): 2,
    (90, 86, 82): 1,
}
_NATURAL_HAIR: Mapping[Rgb, float] = {
    (34, 27, 24): 4.0, (60, 43, 32): 4, (92, 66, 46): 3, (138, 106, 70): 2, (186, 156, 110): 1.5,
    (120, 66, 40): 0.6,
}  # fmt: skip
_DARK_HAIR: Mapping[Rgb, float] = {(24, 20, 19): 6.0, (40, 30, 26): 2, (66, 46, 36): 1}
_SUITS: Mapping[Rgb, float] = {
    (38, 38, 42): 4.0,
    (44, 50, 70): 4,
    (84, 86, 92): 2,
    (72, 60, 50): 1,
}
_SHIRTS: Mapping[Rgb, float] = {
    (226, 226, 224): 5.0,
    (168, 188, 212): 2,
    (60, 60, 64): 1,
}
_WARNING: Mapping[Rgb, float] = {(214, 214, 60): 3.0, (226, 120, 44): 2}

# What is carried, by who carries it.
_ADULT = {"none": 40.0, "backpack": 20, "shoulder": 9, "cross": 10, "handbag": 4, "shopping": 9,
          "briefcase": 3, "trolley": 3.5, "pram": 1.5}  # fmt: skip
_WOMAN = {"none": 27.0, "backpack": 13, "shoulder": 21, "cross": 12, "handbag": 11, "shopping": 9,
          "briefcase": 0.5, "trolley": 3.5, "pram": 3}  # fmt: skip
_CHILD = {"none": 62.0, "backpack": 34, "cross": 4}
_SUITED = {"none": 42.0, "briefcase": 26, "cross": 14, "backpack": 10, "trolley": 8}


@dataclass(frozen=True)
class Outfit:
    """Everything that stays the same when a person is seen again."""

    look: Appearance
    build: Build
    top: str  # a garment, or CLOSE
    bottom: str  # a garment, CLOSE, or "" under skirts and dresses
    shoes: str
    hair: str  # "" bald
    thickness: float  # metres that close tops stand off the body
    width: float  # metres that close trousers do
    carried: str  # see `bags`
    hood_down: bool

    @property
    def womanly(self) -> bool:
        """Whether the body is rather a woman's."""
        return self.build.manly < 0.5


@dataclass(frozen=True)
class _Body:
    """What of a person no day changes."""

    build: Build
    skin: Cloth
    hair: Cloth
    mesh: str  # of the hair

    @property
    def child(self) -> bool:
        """Whether the body is a child's."""
        return self.build.age < 0.56


def _linear(colour: np.ndarray) -> Rgb:
    red, green, blue = np.clip(colour, 0.03, 0.97) ** 2
    return float(red), float(green), float(blue)


def _dyed(rng: np.random.Generator, colours: Mapping[Rgb, float]) -> Rgb:
    chosen = np.array(pick(rng, colours)) / 255
    return _linear(chosen * rng.uniform(0.88, 1.14) * (1 + rng.normal(0, 0.03, 3)))


def _body(rng: np.random.Generator, look: Appearance, womanly: bool) -> _Body:
    """Age, shape, skin and hair, which go together."""
    ages = {
        rng.uniform(0.4, 0.55): 7,
        rng.uniform(0.6, 0.8): 77,
        rng.uniform(0.84, 1.0): 16,
    }
    age, usual, tone = pick(rng, ages), 1.64 if womanly else 1.77, rng.random()
    # The darker the skin, the more often the face and the frame are African ones.
    african, asian, european = rng.dirichlet([0.2 + 3 * tone**2, 0.9, 0.2 + 2.4 * (1 - tone)])
    steps = tone * (len(_SKINS) - 1)
    first = min(int(steps), len(_SKINS) - 2)
    colour = _SKINS[first] + (steps - first) * (_SKINS[first + 1] - _SKINS[first])
    colours = _DARK_HAIR if tone > 0.5 or asian > 0.5 else _NATURAL_HAIR
    if age > 0.84 and rng.random() < 0.75:
        colours = _GREY_HAIR
    # Brighter or darker, but of no other hue: violet hair and green skin are not chance's to give.
    shade = np.array(pick(rng, colours)) / 255 * rng.uniform(0.85, 1.15)
    hair = replace(look.pieces[Piece.HAIR], colour=_linear(shade))
    build = Build(
        manly=float(np.clip((0.0 if womanly else 1.0) + rng.normal(0, 0.12), 0, 1)),
        age=age,
        muscle=float(rng.beta(3, 3)),
        weight=float(np.clip(0.45 + 0.9 * (look.girth - 1), 0.1, 1.0)),
        height=float(np.clip(0.5 + (look.stature - usual) / 0.4, 0.05, 0.95)),
        proportions=rng.uniform(0.3, 0.9),
        ancestry=(float(african), float(asian), float(european)),
    )
    skin = replace(look.pieces[Piece.SKIN], colour=_linear(colour * rng.uniform(0.95, 1.05)))
    return _Body(build, skin, hair, pick(rng, _HAIR[look.hair]))


def _calm(cloth: Cloth) -> Cloth:
    return replace(cloth, pattern="plain")


def _matched(rng: np.random.Generator, look: Appearance) -> Appearance:
    """One pattern at a time, shoes and hats that do not shout, no print on a pattern."""
    pieces = list(look.pieces)
    if pieces[Piece.UPPER].pattern != "plain":
        look = replace(look, print_place="none")
        if look.outfit != "dress":
            pieces[Piece.LOWER] = _calm(pieces[Piece.LOWER])
    if look.opening:  # nothing is printed across an open jacket
        look = replace(look, print_place="none")
    if pieces[Piece.LOWER].pattern == "mottled":
        pieces[Piece.LOWER] = _calm(pieces[Piece.LOWER])
    pieces[Piece.INNER] = _calm(pieces[Piece.INNER])
    for piece, share in ((Piece.SHOES, 0.4), (Piece.LOWER, 0.7), (Piece.HAT, 0.6)):
        colour = np.sqrt(pieces[piece].colour)
        kept = share if rng.random() < 0.85 else 1.0
        pieces[piece] = replace(
            pieces[piece],
            colour=_linear(colour.mean() + (colour - colour.mean()) * kept),
        )
    return replace(look, pieces=tuple(pieces))


def _suited(rng: np.random.Generator, look: Appearance) -> Appearance:
    """Jacket and trousers of one dark cloth over a shirt."""
    pieces = list(look.pieces)
    cloth = Cloth(_dyed(rng, _SUITS), (0.1, 0.1, 0.1), folds=0.5)
    pieces[Piece.UPPER], pieces[Piece.LOWER] = cloth, cloth
    pieces[Piece.INNER] = Cloth(_dyed(rng, _SHIRTS), (0.8, 0.8, 0.8), folds=0.3)
    pieces[Piece.SHOES] = replace(pieces[Piece.SHOES], colour=(0.012, 0.011, 0.011))
    return replace(
        look, pieces=tuple(pieces), outfit="trousers", hem=0.46, sleeve=0.97, leg_end=0.03,
        opening=max(look.opening, 0.03), hat="none", print_place="none",
    )  # fmt: skip


def _warned(rng: np.random.Generator, look: Appearance) -> Appearance:
    """Work clothes in a warning colour, with bright bands."""
    pieces = list(look.pieces)
    pieces[Piece.UPPER] = Cloth(_dyed(rng, _WARNING), (0.5, 0.51, 0.5), "stripes", 0.24, 0.2, 0.6)
    return replace(look, pieces=tuple(pieces), outfit="trousers", leg_end=0.03, hem=0.47,
                   opening=0.0, print_place="none")  # fmt: skip


def _garments(
    rng: np.random.Generator, look: Appearance, womanly: bool, suit: bool
) -> tuple[str, str]:
    """Which meshes make the top and the bottom that a look says."""
    if suit:
        return ("female_elegantsuit01", "female_casualsuit01") if womanly else (_SUIT, _SUIT)
    long_sleeves = look.sleeve > 0.9
    tops = dict(_LONG if long_sleeves else _SHORT)
    if womanly:
        tops |= {"female_elegantsuit01": 2.0} if long_sleeves else {"female_casualsuit01": 5.0}
    if long_sleeves and look.thickness > 0.02:
        tops[CLOSE] = 8.0
    trousers = {
        "female_casualsuit01" if womanly else "male_casualsuit02": 6.0,
        CLOSE: 4.0,
    }
    bottom = {"trousers": pick(rng, trousers), "shorts": CLOSE}.get(look.outfit, "")
    return pick(rng, tops), bottom


def _load(rng: np.random.Generator, body: _Body, suit: bool) -> str:
    """What the person carries, pushes or pulls."""
    if body.child:
        return pick(rng, _CHILD)
    return pick(rng, _SUITED if suit else _WOMAN if body.build.manly < 0.5 else _ADULT)


def dress_rendered(look: Appearance, numbers: tuple[int, ...]) -> Outfit:
    """What a person of that look is and wears.

    numbers: the seed, the person, the moment of people who are nobody in particular, and the day;
    body, skin and hair do not depend on the day.
    """
    seed, person, moment, day = numbers
    womanly = look.outfit in ("skirt", "dress") or look.shoulders < 0.98
    body = _body(generator(seed, "rendered", person, moment), look, womanly)
    rng = generator(seed, "rendered", person, moment, day)
    look = _matched(rng, look)
    grown = not body.child and look.outfit == "trousers"
    suit = grown and rng.random() < (0.05 if womanly else 0.1)
    if suit:
        look = _suited(rng, look)
    elif grown and rng.random() < 0.02:
        look = _warned(rng, look)
    pieces = list(look.pieces)
    if pieces[Piece.LEGS].folds == 0:  # bare
        pieces[Piece.LEGS] = body.skin
    pieces[Piece.SKIN], pieces[Piece.HAIR] = body.skin, body.hair
    carried = _load(rng, body, suit)
    painted = carried if carried in ("backpack", "cross") else "none"  # straps on the cloth
    look = replace(look, pieces=tuple(pieces), bag=painted, beard=look.beard and not body.child)
    top, bottom = _garments(rng, look, womanly, suit)
    return Outfit(
        look=look,
        build=body.build,
        top=top,
        bottom=bottom,
        shoes=f"shoes0{int(rng.integers(1, 7))}",
        hair=body.mesh,
        thickness=look.thickness * rng.uniform(0.6, 1.0) + 0.004,
        width=0.004 + 0.016 * max(0.0, look.flare - 0.8) * rng.uniform(0.5, 1.5),
        carried=carried,
        hood_down=bool(look.sleeve > 0.9 and not suit and look.hat != "hood"
                       and rng.random() < 0.22),
    )  # fmt: skip
