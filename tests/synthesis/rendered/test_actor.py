"""A made-up person, a box, before a camera: perspective, depth, light and texture."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from passerby.synthesis.drawn.drawing import Light, View
from passerby.synthesis.rendered.actor import placed
from passerby.synthesis.rendered.body.garments import normals
from passerby.synthesis.rendered.person import Body
from passerby.synthesis.rendered.raster import Surface
from passerby.synthesis.rendered.textures import HALF, ROWS, Texture

WIDE, TALL, DEEP = 0.4, 1.8, 0.3


def box():
    """A red front and a blue back, 1.8 m tall."""
    points = np.array(
        [(x * WIDE / 2, y * TALL, z * DEEP / 2) for x in (-1, 1) for y in (0, 1) for z in (-1, 1)],
        np.float32,
    )
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([f for a, b, c, d in sides for f in ((a, b, c), (a, c, d))], np.int32)
    screen = np.zeros((ROWS, 2 * HALF, 3), np.uint8)
    screen[:, :HALF, 0] = screen[:, HALF:, 2] = 255
    spots = np.stack([(points[:, 0] / WIDE + 0.5) * HALF, (1 - points[:, 1] / TALL) * ROWS], 1)
    person = SimpleNamespace(
        surface=Surface(faces, np.zeros(len(faces), bool)),
        back=normals(points, faces)[faces][:, :, 2].mean(1) < 0,
        worn=np.ones(len(points), bool),
        open_sky=np.ones(len(points), np.float32),
        texture=Texture(screen, spots.astype(np.float32)),
    )
    joints = np.tile(np.array([0, 0.9, DEEP / 2], np.float32), (17, 1))
    return Body(person, points, normals(points, faces), joints)


VIEW = View(height=200, width=100, scale=90.0, stretch=1.0, column=50.0, row=185.0)
DIFFUSE = Light((0.0, 1.0, 0.0), 1.0)


def test_nearer_parts_are_larger_as_in_a_pinhole():
    actor = placed(box(), 0.0, 0.0, 3.0)
    front = 3.0 / (3.0 - DEEP / 2)
    left, right, bottom, top = actor.reach
    assert right == pytest.approx(WIDE / 2 * front, rel=1e-5)
    assert left == pytest.approx(-right)
    assert top - 0.9 == pytest.approx(0.9 * front, rel=1e-5)
    assert bottom - 0.9 == pytest.approx(-0.9 * front, rel=1e-5)
    far = placed(box(), 0.0, 0.0, 1e4)
    assert far.reach.top == pytest.approx(TALL, rel=1e-3)


@pytest.mark.parametrize(("yaw", "channel"), [(0.0, 0), (np.pi, 2)])
def test_the_front_and_the_back_have_their_own_textures(yaw, channel):
    figure = placed(box(), yaw, 0.0, 5.0).depict(VIEW, DIFFUSE)
    assert figure.mask.sum() == len(figure.pixels) > 5000
    assert figure.radiance[:, channel].min() > 0
    assert np.delete(figure.radiance, channel, 1).max() == 0


def test_depths_are_those_of_the_surface():
    figure = placed(box(), 0.0, 0.0, 5.0).depict(VIEW, DIFFUSE)
    np.testing.assert_allclose(figure.depth, DEEP / 2, atol=1e-3)
    actor = placed(box(), 0.7, 0.2, 5.0)
    joint = actor.joints[0]
    column, row = VIEW.column + joint[0] * VIEW.scale, VIEW.row - joint[1] * VIEW.scale
    depth = np.full(VIEW.height * VIEW.width, np.nan)
    figure = actor.depict(VIEW, DIFFUSE)
    depth[figure.pixels] = figure.depth
    assert depth[int(row) * VIEW.width + int(column)] == pytest.approx(joint[2], abs=0.01)


def test_finer_samples_are_averaged_and_cover_a_share_of_the_edges():
    """Beside the picture of twice the size, pixel by pixel."""
    actor = placed(box(), 0.5, 0.2, 5.0)
    light = Light((0.0, 1.0, 0.0), 1.0)
    figure = actor.depict(replace(VIEW, fineness=2), light)
    double = View(height=400, width=200, scale=180.0, stretch=1.0, column=100.0, row=370.0)
    large = actor.depict(double, light)
    cover, radiance = np.zeros((400, 200)), np.zeros((400, 200, 3))
    cover.ravel()[large.pixels] = 1
    radiance.reshape(-1, 3)[large.pixels] = large.radiance
    share = cover.reshape(200, 2, 100, 2).mean((1, 3)).ravel()
    mean = radiance.reshape(200, 2, 100, 2, 3).mean((1, 3)).reshape(-1, 3)
    np.testing.assert_array_equal(figure.pixels, np.flatnonzero(share))
    np.testing.assert_allclose(figure.cover, share[figure.pixels], atol=1e-6)
    weighted = figure.radiance * figure.cover[:, None]
    np.testing.assert_allclose(weighted, mean[figure.pixels], atol=1e-5)
    np.testing.assert_array_equal(figure.mask.ravel(), share >= 0.5)
    assert 0.02 < ((share > 0) & (share < 1)).sum() / (share > 0).sum() < 0.2


def test_a_side_in_the_sun_is_brighter_than_one_turned_away():
    def brightness(sun):
        length = np.linalg.norm(sun)
        light = Light(tuple(value / length for value in sun), 0.4)
        return placed(box(), 0.0, 0.0, 5.0).depict(VIEW, light).radiance[:, 0].mean()

    assert brightness((0.2, 0.4, 1.0)) > 1.5 * brightness((0.2, 0.4, -1.0))


def test_texture_reads_what_is_stored():
    screen = np.zeros((ROWS, 2 * HALF, 3), np.uint8)
    screen[7, 5] = 128
    screen[7, HALF + 5] = 255
    texture = Texture(screen, np.zeros((0, 2), np.float32))
    found = texture.albedo(np.array([5.9, 5.1, -3]), np.array([7.2, 7.9, 900]),
                           np.array([False, True, False]))  # fmt: skip
    np.testing.assert_allclose(found[:, 0], [(128 / 255) ** 2, 1, 0], atol=1e-6)
