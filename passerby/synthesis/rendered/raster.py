"""Triangles to samples: which triangle each sample of a picture sees, and what it interpolates.

A scan-line rasteriser without loops. Each triangle becomes spans, one a row of samples; each span
becomes samples; each sample offers the key (nearness, triangle) to its place, and the largest key
stays, so that depth test and winner are one `maximum`.
"""

from dataclasses import dataclass, fields

import numpy as np

_SLIVER = np.float32(1e-3)  # samples: twice the area of triangles that are left out
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


@dataclass(frozen=True)
class _Corners:
    """Columns (x) and rows (y) of the corners a, b and c of triangles, each [m] float32."""

    xa: np.ndarray
    ya: np.ndarray
    xb: np.ndarray
    yb: np.ndarray
    xc: np.ndarray
    yc: np.ndarray

    @property
    def area(self) -> np.ndarray:
        """Twice the area, negative where the front is seen, as rows count downwards."""
        area: np.ndarray = (self.xb - self.xa) * (self.yc - self.ya) - (self.xc - self.xa) * (
            self.yb - self.ya
        )
        return area

    def chosen(self, which: np.ndarray) -> "_Corners":
        """Those triangles."""
        return _Corners(*(getattr(self, field.name)[which] for field in fields(self)))

    def sorted(self) -> "_Corners":
        """The same triangles with a at the top, c at the bottom."""
        first, second, third = (self.xa, self.ya), (self.xb, self.yb), (self.xc, self.yc)
        first, second = _ordered(first, second)
        second, third = _ordered(second, third)
        first, second = _ordered(first, second)
        return _Corners(*first, *second, *third)


def _ordered(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Two corners (x, y) of triangles, the upper one first."""
    swap = one[1] > other[1]
    return (
        (np.where(swap, other[0], one[0]), np.where(swap, other[1], one[1])),
        (np.where(swap, one[0], other[0]), np.where(swap, one[1], other[1])),
    )


def _corners(points: np.ndarray, faces: np.ndarray) -> _Corners:
    x, y = np.ascontiguousarray(points.T, np.float32)
    a, b, c = np.ascontiguousarray(faces.T)
    return _Corners(x[a], y[a], x[b], y[b], x[c], y[c])


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


def _seen(corners: _Corners, two_sided: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which triangles to draw: those that face the camera and touch the middle of a sample."""
    area = corners.area
    # Slivers hardly ever hold a sample, and values across them are not to be had in float32.
    facing = np.flatnonzero((area < -_SLIVER) | (two_sided & (area > _SLIVER)))
    ahead = corners.chosen(facing)
    rows, columns = shape
    half = np.float32(0.5)
    highest = np.minimum(np.minimum(ahead.ya, ahead.yb), ahead.yc)
    lowest = np.maximum(np.maximum(ahead.ya, ahead.yb), ahead.yc)
    left = np.minimum(np.minimum(ahead.xa, ahead.xb), ahead.xc)
    right = np.maximum(np.maximum(ahead.xa, ahead.xb), ahead.xc)
    touches = np.maximum(np.ceil(highest - half), 0) <= np.minimum(
        np.floor(lowest - half), rows - 1
    )
    touches &= np.maximum(np.ceil(left - half), 0) <= np.minimum(
        np.floor(right - half), columns - 1
    )
    return facing[touches]


def rasterise(
    points: np.ndarray, nearness: np.ndarray, surface: Surface, shape: tuple[int, int]
) -> Seen:
    """What a picture of `shape` (rows, columns) sees of a mesh; samples are at (i + 0.5, j + 0.5).

    points: [n, 2] columns and rows; nearness: [n] above 0, linear on the picture (1 / depth),
    larger is nearer.
    """
    faces, half = surface.faces, np.float32(0.5)
    corners = _corners(points, faces)
    chosen = _seen(corners, surface.two_sided, shape)
    corners = corners.chosen(chosen)
    rows, columns = shape
    top = corners.sorted()
    first_row = np.maximum(np.ceil(top.ya - half), 0).astype(np.int32)
    last_row = np.minimum(np.floor(top.yc - half), rows - 1).astype(np.int32)
    heights = np.maximum(last_row - first_row + 1, 0)
    across, down, constant = _gradient(corners, nearness, faces[chosen])

    def edge_line(x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
        slope = (x1 - x0) / np.maximum(y1 - y0, np.float32(1e-9))
        return np.stack([slope, x0 - slope * y0])

    # x = slope * y + start along the long edge and the two short ones; then where these meet.
    table = np.concatenate(
        [edge_line(top.xa, top.ya, top.xc, top.yc), edge_line(top.xa, top.ya, top.xb, top.yb),
         edge_line(top.xb, top.yb, top.xc, top.yc), np.stack([top.yb, across, down, constant])]
    )  # fmt: skip
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


def _gradient(
    corners: _Corners, nearness: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearness as `across * x + down * y + constant` within each triangle."""
    a, b, c = (nearness[faces[:, corner]].astype(np.float32) for corner in range(3))
    inverse = 1 / corners.area
    rise_1, rise_2 = corners.yb - corners.ya, corners.yc - corners.ya
    run_1, run_2 = corners.xb - corners.xa, corners.xc - corners.xa
    across = ((b - a) * rise_2 - (c - a) * rise_1) * inverse
    down = ((c - a) * run_1 - (b - a) * run_2) * inverse
    return across, down, a - across * corners.xa - down * corners.ya


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
