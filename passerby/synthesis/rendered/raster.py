"""Triangles to samples: which triangle each sample of a picture sees, and what it interpolates.

A scan-line rasteriser without loops. Each triangle becomes spans, one a row of samples; each span
becomes samples; each sample offers the key (nearness, triangle) to its place, and the largest key
stays, so that depth test and winner are one `maximum`.
"""

from dataclasses import dataclass

import numpy as np

_TRIANGLE = np.int64(0xFFFFFFFF)


@dataclass(frozen=True)
class Surface:
    """The triangles of a mesh."""

    faces: np.ndarray  # [m, 3] int32: vertices, counter-clockwise as seen from in front
    two_sided: np.ndarray  # [m] bool: seen from behind as well


@dataclass(frozen=True)
class _Spans:
    """Runs of samples that a triangle covers in a row."""

    triangle: np.ndarray  # [k] int32
    first: np.ndarray  # [k] int64: its first sample
    length: np.ndarray  # [k] int32
    nearness: np.ndarray  # [k] float32 at the first sample
    growth: np.ndarray  # [k] float32 from sample to sample


@dataclass(frozen=True)
class Seen:
    """What a picture of samples sees of a mesh."""

    places: np.ndarray  # [k] int64: samples (row * columns + column) that see something
    triangles: np.ndarray  # [k] int32: rows of the mesh's faces
    nearness: np.ndarray  # [k] float32


def _edges(corners: np.ndarray) -> tuple[np.ndarray, ...]:
    """The three corners [m, 3, 2] of triangles sorted by row: (x, y) of top, middle and bottom."""
    order = np.argsort(corners[:, :, 1], axis=1)
    ordered = np.take_along_axis(corners, order[:, :, None], axis=1)
    return tuple(ordered[:, corner, axis] for corner in range(3) for axis in range(2))


def plane(corners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients [m, 3, k]: a value is `c[0] * x + c[1] * y + c[2]` within a triangle.

    corners: [m, 3, 2] of the triangles; values: [m, 3, k] at these.
    """
    x, y = corners[:, :, 0], corners[:, :, 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    inverse = (1 / area)[:, None]
    first, second = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    rise_1, rise_2 = (y[:, 1] - y[:, 0])[:, None], (y[:, 2] - y[:, 0])[:, None]
    run_1, run_2 = (x[:, 1] - x[:, 0])[:, None], (x[:, 2] - x[:, 0])[:, None]
    across = (first * rise_2 - second * rise_1) * inverse
    down = (second * run_1 - first * run_2) * inverse
    constant = values[:, 0] - across * x[:, :1] - down * y[:, :1]
    return np.stack([across, down, constant], 1).astype(np.float32)


def _facing(corners: np.ndarray, two_sided: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which triangles [m] to draw: those that face the camera and touch the middle of a sample."""
    x, y = corners[:, :, 0], corners[:, :, 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    # Rows count downwards, so that counter-clockwise triangles have negative areas.
    front = (area < -1e-5) | (two_sided & (area > 1e-5))
    rows, columns = shape
    first_row, last_row = np.ceil(y.min(1) - 0.5), np.floor(y.max(1) - 0.5)
    first, last = np.ceil(x.min(1) - 0.5), np.floor(x.max(1) - 0.5)
    touches = (np.maximum(first_row, 0) <= np.minimum(last_row, rows - 1)) & (
        np.maximum(first, 0) <= np.minimum(last, columns - 1)
    )
    return np.flatnonzero(front & touches)


def rasterise(
    points: np.ndarray, nearness: np.ndarray, surface: Surface, shape: tuple[int, int]
) -> Seen:
    """What a picture of `shape` (rows, columns) sees of a mesh; samples are at (i + 0.5, j + 0.5).

    points: [n, 2] columns and rows; nearness: [n] above 0, linear on the picture (1 / depth),
    larger is nearer.
    """
    faces = surface.faces
    chosen = _facing(points[faces], surface.two_sided, shape)
    corners = points[faces[chosen]].astype(np.float32)
    rows, columns = shape
    x0, y0, x1, y1, x2, y2 = _edges(corners)
    first_row = np.maximum(np.ceil(y0 - np.float32(0.5)), 0).astype(np.int32)
    last_row = np.minimum(np.floor(y2 - np.float32(0.5)), rows - 1).astype(np.int32)
    heights = np.maximum(last_row - first_row + 1, 0)

    def slope(run: np.ndarray, rise: np.ndarray) -> np.ndarray:
        return run / np.maximum(rise, np.float32(1e-9))

    depth = plane(corners, nearness[faces[chosen]][:, :, None])[:, :, 0]
    long, upper, lower = slope(x2 - x0, y2 - y0), slope(x1 - x0, y1 - y0), slope(x2 - x1, y2 - y1)
    # x = slope * y + start along the long edge and the two short ones; then where these meet.
    table = np.stack(
        [long, x0 - long * y0, upper, x0 - upper * y0, lower, x1 - lower * y1, y1,
         depth[:, 0], depth[:, 1], depth[:, 2]]
    ).astype(np.float32)  # fmt: skip
    span = np.repeat(np.arange(len(chosen), dtype=np.int32), heights)
    within = np.arange(len(span), dtype=np.int32) - np.repeat(
        (np.cumsum(heights) - heights).astype(np.int32), heights
    )
    row = first_row[span] + within
    y = row.astype(np.float32) + np.float32(0.5)
    edge = table[:7, span]
    one = edge[0] * y + edge[1]
    other = np.where(y < edge[6], edge[2] * y + edge[3], edge[4] * y + edge[5])
    start = np.maximum(np.ceil(np.minimum(one, other) - np.float32(0.5)), 0)
    stop = np.minimum(np.floor(np.maximum(one, other) - np.float32(0.5)), columns - 1)
    lengths = np.maximum(stop - start + 1, 0).astype(np.int32)
    filled = np.flatnonzero(lengths)
    span, row, y, start, lengths = (a[filled] for a in (span, row, y, start, lengths))
    depths = table[7:, span]
    at_start = depths[0] * (start + np.float32(0.5)) + depths[1] * y + depths[2]
    first = (row * columns + start).astype(np.int64)
    spans = _Spans(span, first, lengths, at_start, depths[0])
    return _nearest(spans, chosen, rows * columns)


def _nearest(spans: _Spans, chosen: np.ndarray, samples: int) -> Seen:
    """The nearest triangle at each sample; `chosen`: what their numbers stand for."""
    lengths = spans.length
    owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    step = np.arange(len(owner), dtype=np.int32)
    step -= (np.cumsum(lengths, dtype=np.int32) - lengths)[owner]
    near = step.astype(np.float32)
    near *= spans.growth[owner]
    near += spans.nearness[owner]
    np.maximum(near, np.float32(1e-12), out=near)
    # Bits of positive floats are ordered as the floats are.
    keys = near.view(np.int32).astype(np.int64) << 32
    keys |= spans.triangle[owner]
    best = np.zeros(samples, np.int64)
    np.maximum.at(best, spans.first[owner] + step, keys)
    places = np.flatnonzero(best)
    keys = best[places]
    return Seen(
        places,
        chosen[(keys & _TRIANGLE).astype(np.int32)].astype(np.int32),
        (keys >> 32).astype(np.int32).view(np.float32),
    )


def interpolated(
    seen: Seen, points: np.ndarray, faces: np.ndarray, values: np.ndarray, columns: int
) -> np.ndarray:
    """Values [n, k] of the vertices at the samples seen: [k, samples seen], linear on the picture.

    points: [n, 2] as they were rasterised; columns: of the picture.
    """
    used, place = np.unique(seen.triangles, return_inverse=True)
    corners = faces[used]
    planes = plane(points[corners].astype(np.float32), values[corners])
    x = (seen.places % columns + 0.5).astype(np.float32)
    y = (seen.places // columns + 0.5).astype(np.float32)
    across, down, constant = np.ascontiguousarray(planes.transpose(1, 2, 0))
    found: np.ndarray = across[:, place] * x + down[:, place] * y + constant[:, place]
    return found
