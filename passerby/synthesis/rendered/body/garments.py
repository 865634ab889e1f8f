"""Meshes that follow the shape of a body: garments, halves of them, skirts and coat tails.

The vertices of a garment are given by three vertices of the base mesh each and an offset, so that
it fits every body (MakeHuman's mhclo). Most outfits fall into separate tops and bottoms, which mix
across outfits. Skirts, dresses and coat tails are cut from the wide skirt of the base mesh.
"""

from dataclasses import dataclass, replace

import numpy as np

from passerby.synthesis.rendered.assets.opened import Garment, Pack
from passerby.synthesis.rendered.assets.packing import GROUPS
from passerby.synthesis.wardrobe import Piece

_WAIST = 0.16  # metres above the base mesh's origin: tops have their middle above it


@dataclass(frozen=True)
class Layer:
    """A mesh that hangs on the base mesh."""

    piece: Piece
    references: np.ndarray  # [n, 3] int32: vertices of the base mesh
    shares: np.ndarray  # [n, 3] float32
    offsets: np.ndarray  # [n, 3] float32
    scale_points: np.ndarray  # [3, 2] int32
    scale_lengths: np.ndarray  # [3] float32: 0 leaves that axis unscaled
    faces: np.ndarray  # [m, 3] int32
    weights: np.ndarray  # [n, bones] float32
    rest: np.ndarray  # [n, 3] float32: fitted to the neutral base mesh
    two_sided: bool = False
    push: float = 0.0  # metres that the surface stands off along its normals


def fitted(layer: Layer, base: np.ndarray) -> np.ndarray:
    """The vertices [n, 3] of a layer on a body [base points, 3]."""
    points = (base[layer.references] * layer.shares[:, :, None]).sum(1)
    points = points + layer.offsets * _scale(layer.scale_points, layer.scale_lengths, base)
    if layer.push:
        points = points + layer.push * normals(points, layer.faces)
    return points.astype(np.float32)


def _scale(points: np.ndarray, lengths: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Metres per unit of offset along each axis [3]."""
    axes = np.arange(3)
    spans = np.abs(base[points[:, 0], axes] - base[points[:, 1], axes])
    scale: np.ndarray = np.where(lengths > 0, spans / np.maximum(lengths, 1e-9), 1)
    return scale.astype(np.float32)


def normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals [n, 3] of vertices: the mean of their faces', by area."""
    corners = points[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [
            np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(points))
            for axis in range(3)
        ],
        axis=1,
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.maximum(length, 1e-12)).astype(np.float32)


def whole(pack: Pack, name: str, piece: Piece, *, two_sided: bool = False) -> Layer:
    """A garment as it is."""
    garment = pack.garments[name]
    layer = Layer(
        piece, garment.references, garment.shares, garment.offsets, garment.scale_points,
        garment.scale_lengths, garment.faces, _weights(pack, garment), np.empty(0), two_sided,
    )  # fmt: skip
    return replace(layer, rest=fitted(layer, pack.points))


def _weights(pack: Pack, garment: Garment) -> np.ndarray:
    """How much each bone moves each vertex: as its three references, mixed."""
    weights = (pack.weights[garment.references] * garment.shares[:, :, None]).sum(1)
    weights = np.maximum(weights, 0)
    share: np.ndarray = weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return share


def kept(layer: Layer, faces: np.ndarray) -> Layer:
    """The layer with only those of its faces [m] bool, and the vertices that these need."""
    used, corners = np.unique(layer.faces[faces], return_inverse=True)
    return replace(
        layer,
        references=layer.references[used],
        shares=layer.shares[used],
        offsets=layer.offsets[used],
        faces=corners.reshape(-1, 3).astype(np.int32),
        weights=layer.weights[used],
        rest=layer.rest[used],
    )


def tops(layer: Layer, components: np.ndarray) -> np.ndarray:
    """Which vertices [n] bool belong to the upper half of an outfit, component by component."""
    height = layer.rest[:, 1]
    counts = np.maximum(np.bincount(components), 1)
    middle = np.bincount(components, height) / counts
    highest = np.full(len(counts), -np.inf)
    np.maximum.at(highest, components, height)
    upper: np.ndarray = ((middle > _WAIST) | (highest > _WAIST + 0.06))[components]
    return upper


def top(pack: Pack, name: str) -> Layer:
    """The upper half of an outfit."""
    layer = whole(pack, name, Piece.UPPER)
    upper = tops(layer, pack.garments[name].components)
    return kept(layer, upper[layer.faces[:, 0]])


def bottom(pack: Pack, name: str, below: float) -> Layer:
    """The lower half of an outfit where it is lower than `below` (metres in the rest pose)."""
    layer = whole(pack, name, Piece.LOWER)
    lower = ~tops(layer, pack.garments[name].components)
    return kept(layer, lower[layer.faces[:, 0]] & (layer.rest[layer.faces, 1] < below).all(1))


def base_part(pack: Pack, group: str, piece: Piece, *, push: float = 0.0) -> Layer:
    """A part of the base mesh itself: the body, or the close and the wide cloth around it."""
    count = len(pack.points)
    layer = Layer(
        piece, np.repeat(np.arange(count, dtype=np.int32)[:, None], 3, 1),
        np.tile(np.array([1, 0, 0], np.float32), (count, 1)), np.zeros((count, 3), np.float32),
        np.zeros((3, 2), np.int32), np.zeros(3, np.float32), pack.faces, pack.weights,
        pack.points, push=push,
    )  # fmt: skip
    return kept(layer, pack.groups == GROUPS.index(group))


def tights(pack: Pack, low: float, high: float, piece: Piece, push: float = 0.002) -> Layer:
    """Cloth close to the body between two heights in the rest pose."""
    layer = base_part(pack, "helper-tights", piece, push=push)
    middle = layer.rest[layer.faces, 1].mean(1)
    return kept(layer, (middle > low) & (middle < high))


def skirt(pack: Pack, low: float, high: float, piece: Piece, push: float = 0.006) -> Layer:
    """The wide cloth around hips and legs between two heights in the rest pose.

    Vertices below the hem slide up to it along the cloth: a straight hem instead of a saw.
    """
    layer = base_part(pack, "helper-skirt", piece, push=push)
    heights = layer.rest[layer.faces, 1]
    layer = kept(layer, (heights.max(1) > low) & (heights.min(1) < high))
    references, shares, weights = (
        layer.references.copy(), layer.shares.copy(), layer.weights.copy()
    )  # fmt: skip
    edges = np.concatenate([layer.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    for vertex in np.flatnonzero(layer.rest[:, 1] < low):
        beside = edges[(edges == vertex).any(1)].ravel()
        beside = beside[layer.rest[beside, 1] > low]
        if not len(beside):
            continue
        aside = np.abs(layer.rest[beside] - layer.rest[vertex])[:, [0, 2]].sum(1)
        above = beside[np.argmin(aside)]
        height = layer.rest[vertex, 1]
        share = (low - height) / (layer.rest[above, 1] - height)
        references[vertex, 1] = layer.references[above, 0]
        shares[vertex] = 1 - share, share, 0
        weights[vertex] = (1 - share) * layer.weights[vertex] + share * layer.weights[above]
    layer = replace(
        layer, references=references, shares=shares, weights=weights, two_sided=True, push=0.0
    )
    rest = fitted(layer, pack.points)
    return replace(layer, rest=rest, push=push)
