"""Bags and what is pushed or pulled: closed meshes that hang where hands, backs and ground are."""

from dataclasses import replace

import numpy as np
import pytest

from passerby.synthesis.rendered.bags import IN_HAND, bag_meshes, loop, rounded_box, tube
from passerby.synthesis.rendered.outfits import Outfit, dress_rendered
from passerby.synthesis.wardrobe import Piece, dress

KINDS = ("backpack", "handbag", "shopping", "briefcase", "shoulder", "cross", "trolley", "pram")
FIST = np.array([0.46, 0.18, 0.245])


def outfit(carried: str, left: int = 1, *, scarf: bool = False, hood: bool = False) -> Outfit:
    worn = dress_rendered(dress(0, 1), (0, 1, 0, 0))
    look = replace(worn.look, scarf=scarf, bag_side=left, bag_size=1.0)
    return replace(worn, carried=carried, look=look, hood_down=hood, thickness=0.01)


def volume(points: np.ndarray, faces: np.ndarray) -> float:
    """What faces enclose: positive where they are counter-clockwise from outside."""
    a, b, c = points[faces.T]
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def test_a_box_is_closed_and_looks_outwards() -> None:
    points, faces = rounded_box((0, 0, 0), (0.1, 0.2, 0.3), 1.0)
    ellipsoid = 4 / 3 * np.pi * 0.1 * 0.2 * 0.3
    assert 0.75 * ellipsoid < volume(points, faces) < ellipsoid
    boxy = volume(*rounded_box((0, 0, 0), (0.1, 0.2, 0.3), 0.2))
    assert ellipsoid < boxy < 0.1 * 0.2 * 0.3 * 8
    np.testing.assert_allclose(np.abs(points).max(0), (0.1, 0.2, 0.3), atol=0.01)


def test_no_triangle_is_without_area() -> None:
    for kind in KINDS:
        for solid in bag_meshes(outfit(kind, scarf=True, hood=True)):
            a, b, c = solid.points[solid.faces.T].astype(float)
            assert np.linalg.norm(np.cross(b - a, c - a), axis=1).min() > 1e-9


def test_a_tapered_box_is_narrower_above() -> None:
    points, _ = rounded_box((0, 0, 0), (0.1, 0.2, 0.3), 0.4, taper=0.5)
    above, below = points[points[:, 1] > 0.1], points[points[:, 1] < -0.1]
    assert np.ptp(above[:, 0]) < 0.8 * np.ptp(below[:, 0])


@pytest.mark.parametrize("path", [
    [(0, 0, 0), (0, 1, 0), (0, 2, 0)], [(0, 0, 0), (1, 0, 0), (2, 1, 0)],
    [(0, 0, 0), (0.2, 0.1, 1), (0, 0.5, 2)],
])  # fmt: skip
def test_a_tube_keeps_its_distance_and_looks_outwards(path) -> None:
    points, faces = tube(path, 0.05)
    rings = points.reshape(len(path), 6, 3)
    away = rings - np.array(path)[:, None]
    np.testing.assert_allclose(np.linalg.norm(away, axis=2), 0.05, atol=1e-5)
    corners = points[faces]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    nearest = away.reshape(-1, 3)[faces].mean(1)
    assert (np.einsum("ij,ij->i", facing, nearest) > 0).all()


def test_a_loop_lies_in_its_plane() -> None:
    points, _ = loop((0, 1, 0), (0.3, 0.2), 0.02, "xz")
    assert np.abs(points[:, 1] - 1).max() < 0.03
    assert np.ptp(points[:, 0]) == pytest.approx(0.64, abs=0.03)
    wheel, _ = loop((0, 0, 0), (0.1, 0.1), 0.01, "yz")
    assert np.abs(wheel[:, 0]).max() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_meshes_are_whole(kind: str) -> None:
    for solid in bag_meshes(outfit(kind)):
        assert solid.points.dtype == np.float32
        assert solid.faces.min() == 0
        assert solid.faces.max() == len(solid.points) - 1
        assert np.isfinite(solid.points).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pram"])
def test_sides_are_mirrored(kind: str) -> None:
    left, right = (bag_meshes(outfit(kind, side)) for side in (1, -1))
    middles = [np.concatenate([solid.points for solid in some]).mean(0) for some in (left, right)]
    np.testing.assert_allclose(middles[0], middles[1] * (-1, 1, 1), atol=1e-4)
    bones = {solid.bone.replace("_l", "_?").replace("_r", "_?") for solid in left}
    assert bones == {solid.bone.replace("_r", "_?").replace("_l", "_?") for solid in right}


@pytest.mark.parametrize("kind", IN_HAND)
def test_what_is_held_reaches_the_fist_and_stays_below(kind: str) -> None:
    solids = bag_meshes(outfit(kind))
    assert {solid.bone for solid in solids} == {"hang_l"}
    points = np.concatenate([solid.points for solid in solids])
    assert np.linalg.norm(points - FIST, axis=1).min() < 0.06
    assert points[:, 1].max() < FIST[1] + 0.03
    assert points[:, 1].min() > FIST[1] - 0.76, "a hanging fist is 0.77 m above the ground"


@pytest.mark.parametrize(("kind", "height"), [("trolley", 0.77), ("pram", 1.0)])
def test_wheels_are_on_the_ground(kind: str, height: float) -> None:
    points = np.concatenate([solid.points for solid in bag_meshes(outfit(kind))])
    assert 0 <= points[:, 1].min() - (FIST[1] - height) < 0.06


def test_a_backpack_is_behind_the_back_and_a_pram_ahead() -> None:
    pack = np.concatenate([solid.points for solid in bag_meshes(outfit("backpack"))])
    assert pack[:, 2].max() < -0.04  # the back of the rest pose is at -0.055: it sits on it
    pram = np.concatenate([solid.points for solid in bag_meshes(outfit("pram"))])
    assert pram[:, 2].min() > 0.2


def test_scarves_and_hoods() -> None:
    assert bag_meshes(outfit("none")) == []
    scarf = bag_meshes(outfit("none", scarf=True))
    assert {solid.piece for solid in scarf} == {Piece.SCARF}
    around = scarf[0].points
    assert around[:, 2].min() < -0.03 < 0.08 < around[:, 2].max(), "around the neck"
    (hood,) = bag_meshes(outfit("none", hood=True))
    assert hood.piece == Piece.UPPER
    assert hood.points[:, 2].max() < 0
