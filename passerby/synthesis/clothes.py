"""Other clothes on another day: body, hair and walk are the person's, the rest is not."""

from collections.abc import Callable
from dataclasses import replace

from passerby.synthesis.chance import generator
from passerby.synthesis.wardrobe import Appearance, Piece

_TRIES = 40  # of a hundred outfits sixteen are skirts and dresses


def change(
    look: Appearance, rng_of: tuple[int, int, int], wear: Callable[[int], Appearance]
) -> Appearance:
    """The person in clothes of another day.

    `rng_of` is seed, person and day; `wear` gives the outfits to choose from by number. Shoes and
    bags are often the same ones, as people have few of them.
    """
    seed, person, day = rng_of
    rng = generator(seed, "street", 2, person, day)
    womanly = look.shoulders < 0.98
    outfits = (wear(1 + day * _TRIES + number) for number in range(_TRIES))
    other = next(one for one in outfits if womanly or one.outfit not in ("skirt", "dress"))
    pieces = list(other.pieces)
    if pieces[Piece.LEGS] == pieces[Piece.SKIN]:
        pieces[Piece.LEGS] = look.pieces[Piece.SKIN]
    for piece in (Piece.SKIN, Piece.HAIR):
        pieces[piece] = look.pieces[piece]
    if rng.random() < 0.4:
        pieces[Piece.SHOES] = look.pieces[Piece.SHOES]
    changed = replace(
        other,
        stature=look.stature,
        girth=look.girth,
        shoulders=look.shoulders,
        hips=look.hips,
        hair=look.hair,
        beard=look.beard,
        gait=look.gait,
        pieces=tuple(pieces),
    )
    if rng.random() < 0.5:
        return changed
    pieces[Piece.BAG] = look.pieces[Piece.BAG]
    return replace(
        changed, bag=look.bag, bag_side=look.bag_side, bag_size=look.bag_size, pieces=tuple(pieces)
    )
