"""Meshes that follow the shape of a body: garments, halves of them, skirts and coat tails.

The vertices of a garment are given by three vertices of the base mesh each and an offset, so that
it fits every body (MakeHuman's mhclo). Most outfits fall into separate tops and bottoms, which mix
across outfits. Skirts, dresses and coat tails are cut from the wide skirt of the base mesh.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

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
    push: np.ndarray | None = None  # [n] metres that the surface stands off along its normals


def fitted(layer: Layer, base: np.ndarray) -> np.ndarray:
    """The vertices [n, 3] of a layer on a body [base points, 3]."""
    points = (base[layer.references] * layer.shares[:, :, None]).sum(1)
    points = points + layer.offsets * _scale(layer.scale_points, layer.scale_lengths, base)
    if layer.push is not None:
        points = points + layer.push[:, None] * normals(points, layer.faces)
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


@lru_cache(maxsize=128)
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
        push=None if layer.push is None else layer.push[used],
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


@lru_cache(maxsize=32)
def base_part(pack: Pack, group: str, piece: Piece, *, push: float = 0.0) -> Layer:
    """A part of the base mesh itself: the body, or the close and the wide cloth around it."""
    count = len(pack.points)
    layer = Layer(
        piece, np.repeat(np.arange(count, dtype=np.int32)[:, None], 3, 1),
        np.tile(np.array([1, 0, 0], np.float32), (count, 1)), np.zeros((count, 3), np.float32),
        np.zeros((3, 2), np.int32), np.zeros(3, np.float32), pack.faces, pack.weights,
        pack.points, push=np.full(count, push, np.float32),
    )  # fmt: skip
    return kept(layer, pack.groups == GROUPS.index(group))


def _padded(points: np.ndarray, push: float) -> np.ndarray:
    """How far cloth stands off at points [n, 3] of the rest pose."""
    arms = np.clip((np.abs(points[:, 0]) - 0.16) / 0.06, 0, 1) * (points[:, 1] > 0)
    neck = np.clip((points[:, 1] - 0.46) / 0.08, 0, 1) * (points[:, 1] < 0.62)
    padded: np.ndarray = push * (1 - 0.5 * np.maximum(arms, neck))
    return padded.astype(np.float32)


def tights(pack: Pack, low: float, high: float, piece: Piece, push: float = 0.002) -> Layer:
    """Cloth close to the body between two heights in the rest pose.

    push: metres that it stands off; half of that at the neck and on the arms, as padding does.
    """
    layer = base_part(pack, "helper-tights", piece)
    middle = layer.rest[layer.faces, 1].mean(1)
    layer = hemmed(pack, kept(layer, middle < high), low)
    return replace(layer, push=_padded(layer.rest, push))


def skirt(pack: Pack, low: float, high: float, piece: Piece, push: float = 0.006) -> Layer:
    """The wide cloth around hips and legs between two heights in the rest pose."""
    layer = base_part(pack, "helper-skirt", piece)
    heights = layer.rest[layer.faces, 1]
    layer = hemmed(pack, kept(layer, heights.min(1) < high), low)
    return replace(layer, push=np.full(len(layer.rest), push, np.float32), two_sided=True)


def hemmed(pack: Pack, layer: Layer, low: float) -> Layer:
    """The part of a layer of base vertices that is above `low` in the rest pose.

    Vertices below the hem slide up to it along the cloth: a straight hem instead of a saw.
    """
    layer = kept(layer, layer.rest[layer.faces, 1].max(1) > low)
    references, shares, weights = (
        layer.references.copy(), layer.shares.copy(), layer.weights.copy()
    )  # fmt: skip
    height = layer.rest[:, 1]
    edges = np.concatenate([layer.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    edges = np.concatenate([edges, edges[:, ::-1]])
    edges = edges[(height[edges[:, 0]] < low) & (height[edges[:, 1]] > low)]
    aside = np.abs(layer.rest[edges[:, 0]] - layer.rest[edges[:, 1]])[:, [0, 2]].sum(1)
    order = np.lexsort((aside, edges[:, 0]))
    below, first = np.unique(edges[order, 0], return_index=True)
    above = edges[order[first], 1]  # of each vertex below the hem, the one straightest above it
    share = ((low - height[below]) / (height[above] - height[below]))[:, None]
    references[below, 1] = layer.references[above, 0]
    shares[below] = np.concatenate([1 - share, share, np.zeros_like(share)], 1)
    weights[below] = (1 - share) * layer.weights[below] + share * layer.weights[above]
    layer = replace(layer, references=references, shares=shares, weights=weights, push=None)
    return replace(layer, rest=fitted(layer, pack.points))
