"""Garments that follow a body, beside loops over their vertices."""

import numpy as np

from passerby.synthesis.rendered.body.garments import (
    base_part,
    fitted,
    hemmed,
    kept,
    normals,
    tights,
    tops,
    whole,
)
from passerby.synthesis.wardrobe import Piece
from tests.synthesis.rendered.made_up import pack


def test_every_vertex_is_where_its_references_and_its_offset_put_it():
    made = pack(4)
    base = made.points * np.float32(1.3) + np.float32(0.1)
    layer = whole(made, "coat", Piece.UPPER)
    coat = made.garments["coat"]
    found = fitted(layer, base)
    for vertex in range(len(coat.references)):
        expected = np.zeros(3)
        for corner in range(3):
            expected += coat.shares[vertex, corner] * base[coat.references[vertex, corner]]
        for axis in range(3):
            first, second = coat.scale_points[axis]
            span = abs(base[first, axis] - base[second, axis])
            expected[axis] += coat.offsets[vertex, axis] * span / coat.scale_lengths[axis]
        np.testing.assert_allclose(found[vertex], expected, atol=1e-5)


def test_weights_are_those_of_the_references_mixed():
    made = pack(5)
    layer, coat = whole(made, "coat", Piece.UPPER), made.garments["coat"]
    expected = sum(
        coat.shares[3, corner] * made.weights[coat.references[3, corner]] for corner in range(3)
    )
    np.testing.assert_allclose(layer.weights[3], expected, atol=1e-6)
    np.testing.assert_allclose(layer.weights.sum(1), 1, atol=1e-5)


def test_what_is_kept_has_its_faces_where_they_were():
    made = pack(6)
    layer = whole(made, "coat", Piece.UPPER)
    some = np.arange(len(layer.faces)) % 2 == 0
    part = kept(layer, some)
    np.testing.assert_array_equal(part.rest[part.faces], layer.rest[layer.faces[some]])
    assert len(part.rest) == len(np.unique(layer.faces[some]))


def test_normals_are_the_mean_of_the_faces_by_area():
    rng = np.random.default_rng(0)
    points, faces = rng.normal(0, 1, (8, 3)), rng.integers(0, 8, (11, 3))
    expected = np.zeros((8, 3))
    for a, b, c in faces:
        for corner in (a, b, c):
            expected[corner] += np.cross(points[b] - points[a], points[c] - points[a])
    length = np.linalg.norm(expected, axis=1, keepdims=True)
    used = length[:, 0] > 1e-9
    found = normals(points, faces)
    np.testing.assert_allclose(found[used], expected[used] / length[used], atol=1e-5)


def test_a_component_above_the_waist_is_a_top():
    made = pack(7)
    layer = whole(made, "coat", Piece.UPPER)
    layer.rest[:, 1] = np.repeat([-0.4, 0.3], 6)
    upper = tops(layer, made.garments["coat"].components)
    np.testing.assert_array_equal(upper, np.repeat([False, True], 6))


def test_a_hem_is_straight_and_on_the_cloth():
    made = pack(9)
    layer = base_part(made, "helper-tights", Piece.UPPER)
    low = float(np.median(layer.rest[:, 1]))
    part = hemmed(made, layer, low)
    assert part.rest[:, 1].min() >= low - 1e-5
    slid = np.abs(part.rest[:, 1] - low) < 1e-5
    assert slid.any()
    np.testing.assert_allclose(part.weights.sum(1), 1, atol=1e-5)
    for point, references in zip(part.rest[slid], part.references[slid], strict=True):
        below, above = made.points[references[:2]].astype(float)
        share = (low - below[1]) / (above[1] - below[1]) if above[1] != below[1] else 0.0
        np.testing.assert_allclose(point, below + share * (above - below), atol=1e-5)


def test_padding_is_half_on_arms_and_stands_off_along_normals():
    made = pack(10)
    layer = base_part(made, "body", Piece.UPPER, push=0.02)
    bare = base_part(made, "body", Piece.UPPER)
    away = fitted(layer, made.points) - fitted(bare, made.points)
    np.testing.assert_allclose(away, 0.02 * normals(bare.rest, bare.faces), atol=1e-5)
    thick = tights(made, -9.0, 9.0, Piece.UPPER, 0.02)
    arms = (np.abs(thick.rest[:, 0]) > 0.22) & (thick.rest[:, 1] > 0)
    np.testing.assert_allclose(thick.push[arms], 0.01)
    assert thick.push.max() <= np.float32(0.02)
