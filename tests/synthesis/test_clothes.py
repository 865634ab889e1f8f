"""Another day: the same person in other clothes."""

from dataclasses import replace

import numpy as np

from passerby.synthesis.clothes import change
from passerby.synthesis.figures import draw, photo
from passerby.synthesis.wardrobe import Appearance, Piece, dress


def on_day(person: int, day: int) -> Appearance:
    return change(dress(0, person), (0, person, day), lambda number: dress(0, person, number))


def test_body_hair_skin_and_walk_stay() -> None:
    for person in range(1, 60):
        first, later = dress(0, person), on_day(person, 2)
        for name in ("stature", "girth", "shoulders", "hips", "hair", "beard", "gait"):
            assert getattr(first, name) == getattr(later, name)
        for piece in (Piece.SKIN, Piece.HAIR):
            assert first.pieces[piece] == later.pieces[piece]
        bare = later.pieces[Piece.LEGS].folds == 0
        assert not bare or later.pieces[Piece.LEGS] == first.pieces[Piece.SKIN]


def test_tops_and_trousers_are_others_each_day() -> None:
    for person in range(1, 30):
        tops = {on_day(person, day).pieces[Piece.UPPER] for day in range(1, 5)}
        assert len(tops | {dress(0, person).pieces[Piece.UPPER]}) == 5


def test_people_keep_to_their_kind_of_clothes() -> None:
    men = [person for person in range(1, 200) if dress(0, person).shoulders >= 0.98]
    assert len(men) > 50
    assert all(on_day(person, 1).outfit in ("trousers", "shorts") for person in men)


def test_some_bring_the_same_bag_or_shoes() -> None:
    pairs = [(dress(0, person), on_day(person, 1)) for person in range(1, 201)]
    carrying = [(one, two) for one, two in pairs if one.bag != "none"]
    bags = np.mean([(one.bag, one.pieces[Piece.BAG]) == (two.bag, two.pieces[Piece.BAG])
                    for one, two in carrying])  # fmt: skip
    shoes = np.mean([one.pieces[Piece.SHOES] == two.pieces[Piece.SHOES] for one, two in pairs])
    assert 0.35 < bags < 0.65
    assert 0.25 < shoes < 0.55


def test_the_outfit_of_a_day_is_the_same_for_every_camera_and_repeats() -> None:
    assert on_day(7, 3) == on_day(7, 3)
    assert photo(0, 7, 1, 0, day=1) == photo(0, 7, 1, 0, day=1)


def test_the_first_day_is_what_is_drawn_without_days() -> None:
    first, later = draw(0, 3, 1, 0), draw(0, 3, 1, 0, day=1)
    np.testing.assert_array_equal(draw(0, 3, 1, 0, day=0), first)
    assert np.abs(first.astype(int) - later).mean() > 5


def test_changing_does_not_depend_on_what_was_worn_before() -> None:
    naked = replace(dress(0, 9), sleeve=0.0, hem=0.5)
    changed = change(naked, (0, 9, 1), lambda number: dress(0, 9, number))
    assert changed == on_day(9, 1)
