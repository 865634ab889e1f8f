"""Bones and skin beside loops over bones and vertices."""

import numpy as np

from passerby.synthesis.rendered.body.skeleton import (
    about,
    about_x,
    about_y,
    about_z,
    blended,
    bone_number,
    directed,
    heads,
    moved,
    transforms,
)
from tests.synthesis.rendered.made_up import pack


def chain(made, places, rotations, bone, point):
    """A point that moves with a bone: turned about its head, then about its parent's, and so on."""
    while bone >= 0:
        turn = rotations.get(made.bones[bone], np.eye(3))
        point = turn @ (point - places[bone]) + places[bone]
        bone = made.parents[bone]
    return point


def test_each_vertex_goes_where_its_bones_take_it():
    made, rng = pack(3), np.random.default_rng(5)
    places = heads(made, made.points)
    rotations = {name: about(rng.normal(0, 1, 3), rng.uniform(-2, 2)) for name in made.bones[:3]}
    motions = transforms(made, places, rotations)
    found = moved(blended(made.weights, motions), made.points)
    for vertex, point in enumerate(made.points):
        expected = sum(
            made.weights[vertex, bone] * chain(made, places, rotations, bone, point.astype(float))
            for bone in range(len(made.bones))
        )
        np.testing.assert_allclose(found[vertex], expected, atol=1e-5)


def test_a_bone_begins_at_the_mean_of_its_vertices():
    made = pack(1)
    places = heads(made, made.points)
    np.testing.assert_allclose(places[0], made.points[[1, 2]].mean(0), atol=1e-6)
    np.testing.assert_allclose(places[2], made.points[4], atol=1e-6)


def test_what_hangs_from_a_hand_moves_but_does_not_turn():
    made = pack(2)
    places = heads(made, made.points)
    motions = transforms(made, places, {"spine": about_x(1.0), "hand_l": about_z(0.7)})
    hanging = motions[[bone_number(made, "hang_l")]]
    hand = chain(made, places, {"spine": about_x(1.0)}, made.bones.index("hand_l"), places[2])
    down = np.array([[0, -0.2, 0]], np.float32)
    np.testing.assert_allclose(moved(hanging, places[[2]] + down)[0], hand + down[0], atol=1e-5)
    np.testing.assert_array_equal(directed(hanging, down), down)


def test_rotations_turn_as_they_say():
    np.testing.assert_allclose(about_x(np.pi / 2) @ [0, 1, 0], [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(about_y(np.pi / 2) @ [0, 0, 1], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(about_z(np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(about(np.array([0, 3, 0]), 0.4), about_y(0.4), atol=1e-6)
