"""Who wears what: the look of a drawn person turned into a body and a choice of garments.

Names are those of MakeHuman's garments; "close" stands for cloth made of the base mesh's own close
cover, as sweaters, padded jackets, leggings, wide trousers and shorts are.
"""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.chance import generator, pick
from passerby.synthesis.rendered.body.shape import Build
from passerby.synthesis.wardrobe import Appearance

CLOSE = "close"

_LONG = {"male_casualsuit02": 3.0, "male_casualsuit03": 3, "male_casualsuit05": 3, CLOSE: 3}
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

    @property
    def womanly(self) -> bool:
        """Whether the body is rather a woman's."""
        return self.build.manly < 0.5


def _age(rng: np.random.Generator) -> float:
    """As MakeHuman counts: children, adults, and elders from 0.85 on."""
    return pick(
        rng, {rng.uniform(0.4, 0.55): 6, rng.uniform(0.6, 0.85): 80, rng.uniform(0.85, 1.0): 14}
    )


def _build(rng: np.random.Generator, look: Appearance, womanly: bool) -> Build:
    usual = 1.64 if womanly else 1.77
    african, asian, european = rng.dirichlet([0.7, 0.7, 0.7])
    return Build(
        manly=float(np.clip((0.0 if womanly else 1.0) + rng.normal(0, 0.12), 0, 1)),
        age=_age(rng),
        muscle=float(rng.beta(3, 3)),
        weight=float(np.clip(0.45 + 0.9 * (look.girth - 1), 0.1, 1.0)),
        height=float(np.clip(0.5 + (look.stature - usual) / 0.4, 0.05, 0.95)),
        proportions=rng.uniform(0.3, 0.9),
        ancestry=(float(african), float(asian), float(european)),
    )


def dress_rendered(look: Appearance, numbers: tuple[int, ...]) -> Outfit:
    """What a person of that look is and wears.

    numbers: the seed, the person, the moment of people who are nobody in particular, and the day;
    the body, other than its clothes, does not depend on the day.
    """
    seed, number, moment, day = numbers
    rng = generator(seed, "rendered", number, moment, day)
    womanly = look.outfit in ("skirt", "dress") or look.shoulders < 0.98
    long_sleeves = look.sleeve > 0.9
    tops = dict(_LONG if long_sleeves else _SHORT)
    if womanly:
        tops |= {"female_elegantsuit01": 3.0} if long_sleeves else {"female_casualsuit01": 5.0}
    elif long_sleeves and look.outfit == "trousers":
        tops["male_elegantsuit01"] = 1.5
    if long_sleeves and look.thickness > 0.02:
        tops[CLOSE] = 8.0
    top = pick(rng, tops)
    trousers = {"female_casualsuit01" if womanly else "male_casualsuit02": 6.0, CLOSE: 4.0}
    bottom = {"trousers": pick(rng, trousers), "shorts": CLOSE}.get(look.outfit, "")
    if top == "male_elegantsuit01":
        bottom = top
    return Outfit(
        look=look,
        build=_build(generator(seed, "rendered", number, moment), look, womanly),
        top=top,
        bottom=bottom,
        shoes=f"shoes0{int(rng.integers(1, 7))}",
        hair=pick(rng, _HAIR[look.hair]),
        thickness=look.thickness * rng.uniform(0.6, 1.0) + 0.004,
        width=0.004 + 0.016 * max(0.0, look.flare - 0.8) * rng.uniform(0.5, 1.5),
    )
