"""What covers a visible spot of a figure (skin, shirt, strap, ...) and which colour it has there.

Collars, open jackets, straps and prints are not solids of their own but drawn onto the trunk, in
its surface coordinates. Heights are counted from the hips, so that a stripe that leaves the chest
goes on around the belly and the sleeves.
"""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.wardrobe import Appearance, Cloth, Piece

REGIONS = ("limb", "sleeve", "chest", "belly", "yoke", "coat", "skirt", "head")
_LIMB, _SLEEVE, _CHEST, _BELLY, _YOKE, _COAT, _SKIRT, _HEAD = range(8)


@dataclass
class Spots:
    """Visible spots of a figure in surface coordinates, all [n]; lengths in metres."""

    piece: np.ndarray  # uint8, a `Piece`
    region: np.ndarray  # int8, an index into REGIONS
    across: np.ndarray  # to the left of the part's middle, straight
    ahead: np.ndarray  # in front of the part's middle
    fraction: np.ndarray  # of the part's axis
    along: np.ndarray  # height above the hips on the trunk, distance down the limb elsewhere
    around: np.ndarray  # radians around the axis, 0 in front


def level(spots: Spots, look: Appearance) -> None:
    """Count sleeves and shoulders in heights above the hips too, as the trunk is."""
    shoulder = 0.325 * look.stature
    sleeves = spots.region == _SLEEVE
    spots.along[sleeves] = shoulder - spots.along[sleeves]
    yoke = np.flatnonzero(spots.region == _YOKE)
    spots.along[yoke], spots.across[yoke] = (
        shoulder + spots.ahead[yoke],
        (spots.fraction[yoke] - 0.5) * 0.2 * look.stature * look.shoulders,
    )


def tailor(spots: Spots, look: Appearance) -> None:
    """Mark what is drawn onto the trunk and the head, in `spots.piece`."""
    region = spots.region
    trunk = np.flatnonzero((region >= _CHEST) & (region <= _COAT))
    piece, kind = spots.piece[trunk], region[trunk]
    side, height = np.abs(spots.across[trunk]), spots.along[trunk]
    front = (spots.ahead[trunk] > 0) | (kind == _YOKE)
    top = 0.325 * look.stature
    if look.opening:
        below_shirt = height < -0.06 * look.stature
        seen = front & (side < look.opening * (1.2 - 0.5 * height / top)) & (piece == Piece.UPPER)
        piece[seen] = np.where(below_shirt[seen], Piece.LOWER, Piece.INNER)
    neck = front & (height > top - look.neckline + side * 1.3) & (kind != _COAT)
    piece[neck] = np.where(piece[neck] == Piece.INNER, Piece.INNER, Piece.SKIN)
    if look.bag not in {"none", "handbag"}:
        piece[_strap(look, spots.across[trunk], height, front, kind)] = Piece.BAG
    spots.piece[trunk] = piece
    _face(spots, look)


def _strap(
    look: Appearance, across: np.ndarray, height: np.ndarray, front: np.ndarray, kind: np.ndarray
) -> np.ndarray:
    side, top = look.bag_side, 0.325 * look.stature
    if look.bag == "backpack":
        on_shoulders = front & (np.abs(np.abs(across) - 0.085) < 0.02)
        strap: np.ndarray = on_shoulders & (kind != _BELLY) & (kind != _COAT)
    elif look.bag == "cross":
        strap = np.abs(across - side * (0.14 - 0.24 * height / top)) < 0.02
    else:
        strap = np.abs(across - side * 0.1) < 0.014
    return strap


def _face(spots: Spots, look: Appearance) -> None:
    head = np.flatnonzero(spots.region == _HEAD)
    side, height = np.abs(spots.across[head]), spots.fraction[head]
    front = spots.ahead[head] > 0.02
    piece = spots.piece[head]
    piece[front & (np.abs(height - 0.56) < 0.035) & (np.abs(side - 0.026) < 0.013)] = Piece.HAIR
    if look.beard:
        piece[front & (height < 0.36) & (side < 0.07)] = Piece.HAIR
    spots.piece[head] = piece


def colours(spots: Spots, look: Appearance, relief: np.ndarray) -> np.ndarray:
    """Albedos [3, n] of the spots."""
    base = np.array([cloth.colour for cloth in look.pieces], np.float32).T
    albedo = base[:, spots.piece]
    for number in (Piece.UPPER, Piece.LOWER, Piece.INNER, Piece.BAG, Piece.SCARF):
        cloth = look.pieces[number]
        if cloth.pattern == "plain":
            continue
        here = np.flatnonzero(spots.piece == number)
        second = here[second_colour(cloth, spots, here, relief, look)]
        albedo[:, second] = np.array(cloth.second, np.float32)[:, None]
    if look.print_place != "none":
        printed = _print(spots, look, relief)
        albedo[:, printed] = np.array(look.pieces[Piece.UPPER].second, np.float32)[:, None]
    return albedo


def _print(spots: Spots, look: Appearance, relief: np.ndarray) -> np.ndarray:
    """Where a print on the chest or the back is inked: a block with lines of writing left out."""
    centre, height, half_width, half_height = look.print_box
    middle = (height - 0.51) * look.stature
    facing = spots.ahead > 0 if look.print_place == "chest" else spots.ahead < 0
    inside = (spots.region == _CHEST) & facing & (spots.piece == Piece.UPPER)
    inside &= np.abs(spots.across - centre) < half_width * 1.4
    inside &= np.abs(spots.along - middle) < half_height * 1.4
    lines = np.mod(spots.along * (50 + look.texture % 37) + spots.across * 9, 1)
    return inside & ((lines < 0.62) | (relief > 0.8))


def second_colour(
    cloth: Cloth, spots: Spots, here: np.ndarray, relief: np.ndarray, look: Appearance
) -> np.ndarray:
    """Which of the spots `here` have the second colour of the cloth."""
    along = spots.along[here]
    # Around the body in metres; 0.13 m is about the radius of a chest.
    around = spots.around[here] * 0.13
    up, turn = np.mod(along / cloth.period, 1), np.mod(around / cloth.period, 1)
    second: np.ndarray
    match cloth.pattern:
        case "stripes":
            second = up < cloth.share
        case "pinstripes":
            second = turn < 0.3
        case "checks":
            second = (up < cloth.share) ^ (turn < cloth.share)
        case "dots":
            second = (up - 0.5) ** 2 + (turn - 0.5) ** 2 < 0.09
        case "block":
            second = along < (cloth.share - 0.2) * 0.6 * look.stature
        case "yoke":
            second = along > 0.23 * look.stature
        case "sleeves":
            second = spots.region[here] == _SLEEVE
        case "side stripe":
            second = np.abs(np.abs(spots.around[here]) - 1.57) < 0.3
        case "mottled":
            second = relief[here] > 0.3
        case other:
            raise AssertionError(f"no pattern {other}")
    return second
