"""Shadows of a mesh on itself: how much of the sun and of the sky each vertex gets."""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.rendered.raster import Surface, rasterise


@dataclass(frozen=True)
class ShadowMap:
    """How near to the light a mesh comes, on a square grid across the light's direction."""

    nearness: np.ndarray  # [size, size] float32: metres towards the light, 0 where nothing is
    axes: np.ndarray  # [3, 3]: across, up and towards the light as rows
    low: np.ndarray  # [3]: smallest coordinates of the mesh along these
    scale: float  # cells per metre

    def cells(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Column and row [..., 2] float in the grid of points [..., 3], and their nearness."""
        along = points @ self.axes.T.astype(np.float32) - self.low
        return along[..., :2] * np.float32(self.scale) + 1, along[..., 2] + 1

    def lit(self, points: np.ndarray, bias: float = 0.03) -> np.ndarray:
        """How much of the light [n] points [n, 3] of the mesh get, 0 to 1.

        bias: metres that something must be nearer to the light to shade a point.
        """
        size = len(self.nearness)
        cells, near = self.cells(points)
        column, row = np.clip(cells.astype(np.int32), 0, size - 1).T
        behind = self.nearness[row, column] - near - bias
        lit: np.ndarray = 1 - np.clip(behind * 40, 0, 1)
        return lit


def extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest coordinates of points [n, k]: quicker than minima along rows."""
    axes = np.ascontiguousarray(points.T)
    return np.array([axis.min() for axis in axes]), np.array([axis.max() for axis in axes])


def shadow_map(points: np.ndarray, surface: Surface, towards: np.ndarray, size: int) -> ShadowMap:
    """The shadow map of a mesh for light from `towards` (unit vector [3])."""
    upright = np.array([0, 1, 0] if abs(towards[1]) < 0.9 else [1, 0, 0], np.float32)
    across = np.cross(upright, towards)
    across /= np.linalg.norm(across)
    axes = np.stack([across, np.cross(towards, across), towards]).astype(np.float32)
    along = points @ axes.T
    low, high = extent(along)
    scale = (size - 2) / float(max(high[0] - low[0], high[1] - low[1]))
    cells = (along[:, :2] - low[:2]) * np.float32(scale) + 1
    cells[:, 1] = size - cells[:, 1]  # rows count downwards for the rasteriser
    seen = rasterise(cells, along[:, 2] - low[2] + 1, surface, (size, size))
    nearness = np.zeros(size * size, np.float32)
    nearness[seen.places] = seen.nearness
    return ShadowMap(nearness.reshape(size, size)[::-1], axes, low, scale)


def directions(count: int) -> np.ndarray:
    """Unit vectors [count, 3] spread over the sky and a little below the horizon (a spiral)."""
    number = np.arange(count)
    y = 1 - (number + 0.5) / count * 1.2
    turn = number * np.pi * (3 - 5**0.5)
    level = np.sqrt(1 - y * y)
    return np.stack([level * np.cos(turn), y, level * np.sin(turn)], 1).astype(np.float32)


def occlusion(
    points: np.ndarray, normals: np.ndarray, surface: Surface, count: int = 14, size: int = 96
) -> np.ndarray:
    """Ambient occlusion [n] of vertices: the share of the sky that reaches them, 0 to 1."""
    got, most = np.zeros(len(points), np.float32), np.zeros(len(points), np.float32)
    for towards in directions(count):
        cosine = np.maximum(normals @ towards, 0.05)
        got += cosine * shadow_map(points, surface, towards, size).lit(points)
        most += cosine
    return got / most
