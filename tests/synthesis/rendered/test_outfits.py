"""Outfits: plausible, of all ages and skins, and the same body on another day."""

import numpy as np
import pytest

from passerby.synthesis.clothes import change
from passerby.synthesis.rendered.bags import bag_meshes
from passerby.synthesis.rendered.outfits import Outfit, dress_rendered
from passerby.synthesis.streets import dress_street, season
from passerby.synthesis.wardrobe import Piece


def of_site(site: int, count: int = 400) -> list[Outfit]:
    return [dress_rendered(dress_street(0, number, 0, site), (0, number, 0, 0))
            for number in range(1, count + 1)]  # fmt: skip


EVERY = of_site(1)


def share(flags: list[bool]) -> float:
    return float(np.mean(flags))


def test_one_pattern_at_a_time() -> None:
    for outfit in EVERY:
        upper, lower = outfit.look.pieces[Piece.UPPER], outfit.look.pieces[Piece.LOWER]
        if outfit.look.outfit != "dress":
            assert "plain" in (upper.pattern, lower.pattern)
        if outfit.look.print_place != "none":
            assert upper.pattern == "plain"
            assert not outfit.look.opening


def test_skins_are_spread_evenly_from_light_to_dark() -> None:
    light = np.array([np.sqrt(outfit.look.pieces[Piece.SKIN].colour).mean() for outfit in EVERY])
    # Of six tones, five stretches between them are as likely; their means as the table has them.
    counts, _ = np.histogram(light, np.array([48, 81, 120, 158, 185, 209]) / 255)
    counts = counts / counts.sum()
    assert counts.min() > 0.12
    assert counts.max() < 0.3


def test_skin_and_hair_have_hues_of_skin_and_hair() -> None:
    for outfit in EVERY:
        for piece in (Piece.SKIN, Piece.HAIR):
            red, green, blue = outfit.look.pieces[piece].colour
            assert red >= green >= blue, piece


def test_faces_go_with_skins() -> None:
    african = np.array([outfit.build.ancestry[0] for outfit in EVERY])
    light = np.array([np.sqrt(outfit.look.pieces[Piece.SKIN].colour).mean() for outfit in EVERY])
    assert np.corrcoef(african, light)[0, 1] < -0.4
    assert all(sum(outfit.build.ancestry) == pytest.approx(1) for outfit in EVERY)


def test_children_adults_and_elders() -> None:
    ages = np.array([outfit.build.age for outfit in EVERY])
    assert 0.03 < np.mean(ages < 0.56) < 0.12
    assert 0.1 < np.mean(ages > 0.84) < 0.24
    for outfit in EVERY:
        if outfit.build.age < 0.56:
            assert outfit.carried in ("none", "backpack", "cross")
            assert not outfit.look.beard
    elders = [np.ptp(o.look.pieces[Piece.HAIR].colour) for o in EVERY if o.build.age > 0.84]
    assert share([spread < 0.05 for spread in elders]) > 0.6


def test_suits_are_of_one_cloth_over_a_shirt() -> None:
    suits = [outfit for outfit in EVERY if outfit.top == outfit.bottom == "male_elegantsuit01"]
    assert 0.01 < len(suits) / len(EVERY) < 0.12
    for outfit in suits:
        assert outfit.look.pieces[Piece.UPPER] == outfit.look.pieces[Piece.LOWER]
        assert outfit.look.opening > 0
        assert outfit.carried in ("none", "briefcase", "cross", "backpack", "trolley")


def test_skirts_have_no_trousers_mesh_and_men_no_skirts() -> None:
    for outfit in EVERY:
        assert (outfit.bottom == "") == (outfit.look.outfit in ("skirt", "dress"))
        assert outfit.womanly or outfit.look.outfit in ("trousers", "shorts")


def test_all_that_can_be_carried_is() -> None:
    carried = {outfit.carried for outfit in EVERY}
    assert carried == {"none", "backpack", "shoulder", "cross", "handbag", "shopping",
                       "briefcase", "trolley", "pram"}  # fmt: skip
    assert 0.25 < share([outfit.carried == "none" for outfit in EVERY]) < 0.5
    assert all(bag_meshes(outfit) for outfit in EVERY if outfit.carried != "none")


def test_straps_are_painted_where_a_bag_has_them() -> None:
    for outfit in EVERY:
        straps = outfit.carried if outfit.carried in ("backpack", "cross") else "none"
        assert outfit.look.bag == straps


def test_winter_is_dark() -> None:
    def dark(kind: str) -> float:
        site = next(site for site in range(60) if season(0, site) == kind)
        tops = [o.look.pieces[Piece.UPPER].colour for o in of_site(site, 150)]
        return share([np.sqrt(top).mean() < 0.35 for top in tops])

    assert dark("winter") > 0.6
    assert dark("summer") < dark("winter") - 0.15


def test_another_day_is_the_same_body_in_other_clothes() -> None:
    for number in range(1, 60):
        look = dress_street(0, number, 0, 1)
        later = change(look, (0, number, 1), lambda n, number=number: dress_street(0, number, n, 1))
        one = dress_rendered(look, (0, number, 0, 0))
        two = dress_rendered(later, (0, number, 0, 1))
        assert one.build == two.build
        assert one.hair == two.hair
        for piece in (Piece.SKIN, Piece.HAIR):
            assert one.look.pieces[piece] == two.look.pieces[piece]
        assert one.look.pieces[Piece.UPPER] != two.look.pieces[Piece.UPPER]


def test_bare_legs_have_the_colour_of_the_face() -> None:
    bare = [o for o in EVERY if o.look.pieces[Piece.LEGS].folds == 0]
    assert len(bare) > 10
    assert all(o.look.pieces[Piece.LEGS] == o.look.pieces[Piece.SKIN] for o in bare)


def test_the_same_again() -> None:
    look = dress_street(0, 7, 0, 1)
    assert dress_rendered(look, (0, 7, 0, 0)) == dress_rendered(look, (0, 7, 0, 0))
