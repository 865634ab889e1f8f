"""Peaks of caps, and hair beside the hat it lies under."""

from dataclasses import replace

import numpy as np

from passerby.synthesis.rendered.body.garments import normals, whole
from passerby.synthesis.rendered.hats import EDGE, peak, uncovered
from passerby.synthesis.wardrobe import Piece
from tests.synthesis.rendered.made_up import pack


def test_hair_above_the_edge_of_a_hat_is_left_out():
    made = pack(3)
    hair = whole(made, "coat", Piece.HAIR)
    rest = hair.rest + np.array([0, EDGE, 0], np.float32)
    below = [face for face in hair.faces.tolist() if np.mean([rest[v, 1] for v in face]) < EDGE]
    left = uncovered(replace(hair, rest=rest))
    assert 0 < len(below) <= len(left.faces) < len(hair.faces)
    assert left.rest[left.faces, 1].mean(1).max() < EDGE + 0.01


def test_a_peak_points_forward_and_down_and_is_even():
    solid = peak()
    x, y, z = solid.points.T
    assert solid.two_sided
    assert (solid.bone, solid.piece) == ("head", Piece.HAT)
    front = solid.points[z.argmax()]
    assert abs(front[0]) < 1e-6
    assert front[1] < EDGE < y.max()
    order, mirrored = np.lexsort((x.round(4), z.round(4))), solid.points * (-1, 1, 1)
    back = np.lexsort((mirrored[:, 0].round(4), z.round(4)))
    np.testing.assert_allclose(mirrored[back], solid.points[order], atol=1e-4)
    assert normals(solid.points, solid.faces)[:, 1].mean() > 0.5
    assert np.abs(x).max() < 0.09
