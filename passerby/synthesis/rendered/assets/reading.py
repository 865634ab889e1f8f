"""MakeHuman's text files as arrays: meshes (.obj), fitted garments (.mhclo, .proxy), targets.

Lengths are MakeHuman's decimetres here; `packing` makes metres of them.
"""

import gzip
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

BASE_POINTS = 19158
"""Vertices of the base mesh hm08, helpers included: garments refer to helpers too."""


@dataclass(frozen=True)
class Mesh:
    """Triangles of an .obj file."""

    points: np.ndarray  # [n, 3] float32
    faces: np.ndarray  # [m, 3] int32
    groups: np.ndarray  # [m] str: the name after `g`


@dataclass(frozen=True)
class Fitting:
    """How the vertices of a garment hang on the base mesh (.mhclo or .proxy)."""

    references: np.ndarray  # [n, 3] int32: vertices of the base mesh
    shares: np.ndarray  # [n, 3] float32: of each reference
    offsets: np.ndarray  # [n, 3] float32, times the scale of each axis
    scale_points: np.ndarray  # [3, 2] int32: two base vertices for each axis
    scale_lengths: np.ndarray  # [3] float32: how far apart these were when the garment was made
    hidden: np.ndarray  # [BASE_POINTS] bool: base vertices that the garment covers
    mesh: Path  # the .obj file


def read_mesh(path: Path) -> Mesh:
    """The triangles of an .obj file; faces of more corners become fans."""
    points, faces, groups, group = [], [], [], ""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if not words:
                continue
            if words[0] == "v":
                points.append([float(word) for word in words[1:4]])
            elif words[0] == "g":
                group = words[1]
            elif words[0] == "f":
                corners = [int(word.partition("/")[0]) - 1 for word in words[1:]]
                for second, third in pairwise(corners[1:]):
                    faces.append((corners[0], second, third))
                    groups.append(group)
    return Mesh(np.array(points, np.float32), np.array(faces, np.int32), np.array(groups))


def _numbers(words: list[str]) -> list[float] | None:
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def _ranges(words: list[str]) -> list[tuple[int, int]]:
    """First and last of the ranges of a line such as ``3 - 7 12 14 - 15``."""
    found, place = [], 0
    while place < len(words):
        first = int(words[place])
        if words[place + 1 : place + 2] == ["-"]:
            found.append((first, int(words[place + 2])))
            place += 3
        else:
            found.append((first, first))
            place += 1
    return found


def _vertex(numbers: list[float]) -> list[float]:
    """Three references, three shares and three offsets of one row."""
    if len(numbers) == 1:  # exactly that vertex of the base mesh
        return [numbers[0], 0, 0, 1, 0, 0, 0, 0, 0]
    return numbers[:9] if len(numbers) >= 9 else [*numbers[:6], 0, 0, 0]


def read_fitting(path: Path) -> Fitting:
    """An .mhclo or .proxy file. Raises ValueError for one without a mesh or without vertices."""
    rows: list[list[float]] = []
    hidden = np.zeros(BASE_POINTS, bool)
    scale_points, scale_lengths = np.zeros((3, 2), np.int32), np.ones(3, np.float32)
    section, mesh = "", ""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] in ("verts", "delete_verts"):
                section = words[0]
            elif words[0] == "obj_file":
                mesh = words[1]
            elif words[0] in ("x_scale", "y_scale", "z_scale"):
                axis = "xyz".index(words[0][0])
                scale_points[axis] = int(words[1]), int(words[2])
                scale_lengths[axis] = float(words[3])
            elif section == "verts" and (numbers := _numbers(words)):
                rows.append(_vertex(numbers))  # other keywords may follow `verts`: passed over
            elif section == "delete_verts" and words[0].isdigit():
                for first, last in _ranges(words):
                    hidden[first : last + 1] = True
    if not mesh or not rows:
        raise ValueError(f"expected a garment with obj_file and verts, but {path} has none")
    table = np.array(rows, np.float64)
    return Fitting(
        table[:, :3].astype(np.int32), table[:, 3:6].astype(np.float32),
        table[:, 6:].astype(np.float32), scale_points, scale_lengths, hidden, path.parent / mesh,
    )  # fmt: skip


def read_target(path: Path) -> np.ndarray:
    """How a .target.gz moves the vertices of the base mesh: [BASE_POINTS, 3] float32."""
    moves = np.zeros((BASE_POINTS, 3), np.float32)
    with gzip.open(path, "rt") as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    if rows:
        table = np.array(rows, np.float64)
        moves[table[:, 0].astype(int)] = table[:, 1:4]
    return moves


def components(points: int, faces: np.ndarray) -> np.ndarray:
    """The connected component [points] of each vertex, numbered by its smallest vertex's order."""
    label = np.arange(points)
    while True:  # each vertex takes the smallest label of its faces, then of its label
        least = label[faces].min(1)
        before = label.copy()
        np.minimum.at(label, faces, least[:, None])
        label = label[label]
        if np.array_equal(before, label):
            return np.unique(label, return_inverse=True)[1].astype(np.int32)
