"""Places behind rendered persons: repeatable, unlike each other, and where the ground is."""

import dataclasses

import numpy as np
import pytest

from passerby.synthesis.backgrounds import install_rendered, panorama
from passerby.synthesis.backgrounds.canvas import Canvas, dull, tinted, vivid
from passerby.synthesis.backgrounds.facades import Plot, hall, house, office, shop
from passerby.synthesis.backgrounds.outdoors import (
    HALL_THINGS,
    PARK_THINGS,
    STREET_THINGS,
    Thing,
    foliage,
)
from passerby.synthesis.cameras.lens import expose, photograph
from passerby.synthesis.cameras.scenes import GROUND, HEIGHT, SITE_WIDTH
from passerby.synthesis.streets import install_street

THINGS = sorted({*STREET_THINGS, *PARK_THINGS, *HALL_THINGS}, key=lambda thing: thing.__name__)


def test_a_place_repeats_and_others_differ() -> None:
    one = np.asarray(panorama(0, 3)).astype(int)
    panorama.cache_clear()
    np.testing.assert_array_equal(np.asarray(panorama(0, 3)), one)
    assert one.shape == (HEIGHT, SITE_WIDTH, 3)
    assert np.abs(one - np.asarray(panorama(0, 4))).mean() > 10


def test_every_kind_of_place_can_be_painted() -> None:
    for number in range(7):
        picture = np.asarray(panorama(9, number))
        assert picture.std() > 15
        assert (picture[:GROUND].std(axis=1) > 1).all(), "a wall, not an empty sky"


def test_the_camera_is_the_streets_before_another_place() -> None:
    street, rendered = install_street(0, 2), install_rendered(0, 2)
    assert rendered.panorama.tobytes() != street.panorama.tobytes()
    for name in ("pitch", "gains", "rows", "quality", "walkway", "deep_shade", "caption"):
        assert getattr(rendered, name) == getattr(street, name)


def test_black_coats_are_not_black() -> None:
    """A lens scatters light."""
    dark = dataclasses.replace(install_rendered(0, 2), caption=None)
    assert dark.haze >= 0.01
    rng = np.random.default_rng(0)
    nothing = np.zeros((64, 32, 3), np.float32)
    hazy = photograph(nothing, dark, expose(rng, dark), rng).mean()
    clear = dataclasses.replace(dark, haze=0.0)
    assert hazy > 15 + photograph(nothing, clear, expose(rng, clear), rng).mean()


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__)
def test_things_stand_on_the_ground(thing: Thing) -> None:
    for seed in range(5):
        canvas = Canvas(700, 400)
        thing(canvas, np.random.default_rng(seed), 250, 300, 80)
        rows = np.flatnonzero(canvas.finished().any((1, 2)))
        assert len(rows)
        assert 290 <= rows.max() <= 315


@pytest.mark.parametrize("wall", [shop, house, office, hall])
def test_walls_fill_their_plot_and_no_more(wall) -> None:
    for seed in range(5):
        canvas = Canvas(700, 300)
        wall(canvas, np.random.default_rng(seed), Plot(100, 600, 260, 80))
        picture = canvas.finished()
        assert picture[200:255, 110:590].any(-1).mean() > 0.99
        assert not picture[:, :60].any()
        assert not picture[:, 650:].any()


def test_a_hedge_is_full_and_a_crown_is_round() -> None:
    hedge, crown = Canvas(100, 100), Canvas(100, 100)
    foliage(hedge, np.random.default_rng(0), (0, 0, 100, 100), 0.02)
    foliage(crown, np.random.default_rng(0), (0, 0, 100, 100), 1.0)
    assert hedge.finished().any(-1).mean() > 0.95
    corners = crown.finished()[:8, :8]
    assert corners.any(-1).mean() < 0.5
    assert crown.finished()[40:60, 40:60].any(-1).all()


def test_edges_come_out_smooth() -> None:
    canvas = Canvas(20, 20)
    canvas.shape([(0, 0), (20, 0), (0, 20)], (200, 200, 200))
    values = set(canvas.finished()[:, :, 0].ravel().tolist())
    assert len(values) > 2


def test_colours_are_within_the_screen() -> None:
    rng = np.random.default_rng(0)
    colours = [make(rng) for make in (vivid, lambda r: dull(r, 0, 255, 0.3)) for _ in range(200)]
    assert np.array(colours).min() >= 0
    assert np.array(colours).max() <= 255
    assert tinted((200, 10, 0), 2) == (255, 20, 0)
