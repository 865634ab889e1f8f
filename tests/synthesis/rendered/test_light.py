"""Shadows beside rays that are cast one by one."""

import numpy as np
import pytest

from passerby.synthesis.rendered.light import directions, occlusion, shadow_map
from passerby.synthesis.rendered.raster import Surface


def plate(y, half, cells, x=0.0):
    """A level square at a height, of cells × cells squares, seen from above."""
    line = np.linspace(-half, half, cells + 1)
    across, along = np.meshgrid(line + x, line)
    points = np.stack([across.ravel(), np.full(across.size, y), along.ravel()], 1)
    row, column = np.mgrid[:cells, :cells]
    first = (row * (cells + 1) + column).ravel()
    below = first + cells + 1
    faces = np.concatenate(
        [np.stack([first, below, first + 1], 1), np.stack([first + 1, below, below + 1], 1)]
    )
    return points.astype(np.float32), faces.astype(np.int32)


def scene():
    """A wide floor and a small roof one metre above it."""
    floor, floor_faces = plate(0.0, 1.0, 12)
    roof, roof_faces = plate(1.0, 0.3, 2, x=0.1)
    faces = np.concatenate([floor_faces, roof_faces + len(floor)])
    points = np.concatenate([floor, roof])
    return points, Surface(faces, np.ones(len(faces), bool)), len(floor)


@pytest.mark.parametrize("towards", [(0, 1, 0), (0.4, 0.8, 0.3), (-0.5, 0.7, 0.2)])
def test_the_roof_shades_what_rays_from_the_floor_meet(towards):
    towards = np.array(towards, np.float32) / np.linalg.norm(towards)
    points, surface, floor = scene()
    lit = shadow_map(points, surface, towards, 160).lit(points)[:floor]
    for point, found in zip(points[:floor], lit, strict=True):
        hit = point + towards / towards[1]  # where the ray is one metre up
        edge = max(abs(hit[0] - 0.1), abs(hit[2])) - 0.3
        if abs(edge) > 0.03:  # a cell of the map is 0.015 m or more
            assert found == (0 if edge < 0 else 1)


def test_nothing_shades_itself():
    points, faces = plate(0.0, 1.0, 6)
    surface = Surface(faces, np.ones(len(faces), bool))
    lit = shadow_map(points, surface, np.array([0.6, 0.8, 0], np.float32), 64).lit(points)
    np.testing.assert_array_equal(lit, 1)


def test_the_sky_is_open_on_a_plate_and_half_shut_under_a_roof():
    points, surface, floor = scene()
    normals = np.tile(np.array([0, 1, 0], np.float32), (len(points), 1))
    sky = occlusion(points, normals, surface, count=40, size=128)
    middle = np.argmin(np.abs(points[:floor] - (0.1, 0, 0)).sum(1))
    corner = np.argmin(np.abs(points[:floor] - (-1, 0, -1)).sum(1))
    assert sky[corner] > 0.95
    assert sky[middle] < sky[corner] - 0.05
    assert sky[floor:].min() > 0.95


def test_directions_are_of_length_one_and_mostly_above():
    found = directions(50)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert (found[:, 1] > 0).mean() > 0.75
    assert np.abs(found.mean(0)[[0, 2]]).max() < 0.05
