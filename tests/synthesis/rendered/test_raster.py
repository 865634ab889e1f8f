"""The rasteriser beside a slow one that asks every sample about every triangle."""

import numpy as np
import pytest

from passerby.synthesis.rendered.raster import Surface, interpolated, rasterise

ROWS, COLUMNS = 37, 29


def slow(points, nearness, faces, two_sided):
    """The nearest triangle and its nearness at each sample, one by one; -1 where nothing is."""
    owner, best = np.full((ROWS, COLUMNS), -1), np.zeros((ROWS, COLUMNS))
    edge = np.zeros((ROWS, COLUMNS), bool)  # samples too close to an edge to be sure
    for number, face in enumerate(faces):
        (ax, ay), (bx, by), (cx, cy) = points[face].astype(float)
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-4 or (area > 0 and not two_sided[number]):
            continue
        for row in range(ROWS):
            for column in range(COLUMNS):
                x, y = column + 0.5, row + 0.5
                first = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                second = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                third = 1 - first - second
                least = min(first, second, third)
                if abs(least) < 1e-3:
                    edge[row, column] = True
                near = np.dot(nearness[face], (first, second, third))
                if least >= 0 and near > best[row, column]:
                    owner[row, column], best[row, column] = number, near
    return owner, best, edge


def mesh(seed):
    """Triangles that overlap, turn either way and reach beyond the picture."""
    rng = np.random.default_rng(seed)
    points = (rng.uniform(-0.3, 1.3, (24, 2)) * (COLUMNS, ROWS)).astype(np.float32)
    faces = rng.permuted(np.tile(np.arange(24), (18, 1)), axis=1)[:, :3]
    return points, rng.uniform(0.1, 1, 24).astype(np.float32), faces.astype(np.int32)


@pytest.mark.parametrize("seed", range(4))
def test_every_sample_sees_the_nearest_triangle(seed):
    points, nearness, faces = mesh(seed)
    two_sided = np.random.default_rng(seed).random(len(faces)) < 0.5
    owner, best, edge = slow(points, nearness, faces, two_sided)
    seen = rasterise(points, nearness, Surface(faces, two_sided), (ROWS, COLUMNS))
    found, depth = np.full(ROWS * COLUMNS, -1), np.zeros(ROWS * COLUMNS)
    found[seen.places], depth[seen.places] = seen.triangles, seen.nearness
    sure = ~edge.ravel()
    assert sure.sum() > 800
    assert (owner.ravel()[sure] >= 0).sum() > 200
    np.testing.assert_array_equal(found[sure], owner.ravel()[sure])
    np.testing.assert_allclose(depth[sure], best.ravel()[sure], rtol=1e-3)


def test_values_are_linear_within_a_triangle():
    points, nearness, faces = mesh(7)
    everything = np.ones(len(faces), bool)
    seen = rasterise(points, nearness, Surface(faces, everything), (ROWS, COLUMNS))
    values = np.stack([2 * points[:, 0] - points[:, 1] + 3, points[:, 1]], 1)
    slope, row = interpolated(seen, points, faces, values, COLUMNS)
    x, y = seen.places % COLUMNS + 0.5, seen.places // COLUMNS + 0.5
    np.testing.assert_allclose(slope, 2 * x - y + 3, atol=2e-2)
    np.testing.assert_allclose(row, y, atol=2e-2)


def test_an_empty_picture_sees_nothing():
    points, nearness, faces = mesh(1)
    seen = rasterise(
        points - 1000, nearness, Surface(faces, np.ones(len(faces), bool)), (ROWS, COLUMNS)
    )
    assert len(seen.places) == len(seen.triangles) == 0


def test_a_triangle_turned_away_is_not_seen_unless_two_sided():
    points = np.array([[5, 5], [5, 20], [20, 5]], np.float32)  # clockwise: rows count downwards
    nearness, faces = np.ones(3, np.float32), np.array([[0, 1, 2]], np.int32)
    front = rasterise(points, nearness, Surface(faces, np.array([False])), (ROWS, COLUMNS))
    back = rasterise(points, nearness, Surface(faces[:, ::-1], np.array([False])), (ROWS, COLUMNS))
    both = rasterise(points, nearness, Surface(faces[:, ::-1], np.array([True])), (ROWS, COLUMNS))
    assert len(front.places) > 80
    assert len(back.places) == 0
    np.testing.assert_array_equal(front.places, both.places)


def test_slivers_are_left_out_without_a_warning():
    points = np.array([[3, 3], [9, 9], [9, 9 + 1e-6], [3, 3], [20, 5]], np.float64)
    faces = np.array([[0, 1, 2], [0, 0, 1], [0, 3, 4]], np.int32)
    surface = Surface(faces, np.ones(3, bool))
    seen = rasterise(points, np.ones(5, np.float32), surface, (ROWS, COLUMNS))
    values = np.ones((5, 1), np.float32)
    assert interpolated(seen, points, faces, values, COLUMNS).shape == (1, 0)
