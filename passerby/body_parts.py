"""Parts of the body, and maps of where joints say that they are: what pose-guided networks learn.

Xu et al., "Attention-Aware Compositional Network for Person Re-identification", CVPR 2018, call
head and shoulders and the two halves of the torso rigid, and the limbs, which bend, non-rigid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SIDED = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = ("nose", *(f"{side}_{name}" for name in _SIDED for side in ("left", "right")))
"""COCO's seventeen, in COCO's order."""

_TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
# Of each rigid part the points that its upright rectangle encloses: a joint, or the middle of two.
_RIGID: dict[str, tuple[tuple[str, ...], ...]] = {
    "head_shoulders": tuple((name,) for name in JOINTS[:7]),
    "upper_torso": (
        ("left_shoulder",),
        ("right_shoulder",),
        ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"),
    ),
    "lower_torso": (
        ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"),
        ("left_hip",),
        ("right_hip",),
    ),
}
_LIMBS = {
    f"{side}_{name}": (f"{side}_{first}", f"{side}_{second}")
    for name, first, second in (
        ("upper_arm", "shoulder", "elbow"),
        ("lower_arm", "elbow", "wrist"),
        ("thigh", "hip", "knee"),
        ("calf", "knee", "ankle"),
    )
    for side in ("left", "right")
}
_BELONGING = {"head_shoulders": JOINTS[:7], "upper_torso": _TORSO, "lower_torso": _TORSO} | _LIMBS

PARTS = (*_RIGID, *_LIMBS)
"""Eleven: three rigid ones, then eight limbs."""

SEEN = 2  # COCO's visibility
SPREAD = 0.04  # standard deviation of all maps, as a share of their height
LEAST_SPREAD = 0.7  # in cells: a narrower bell could lie between the cells and be seen by none


def body_maps(joints: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps [B, 17 + 11, h, w] of where joints and parts are, from 0 to 1, at a size (h, w).

    joints [B, 17, 3]: column and row as shares of width and height, COCO's visibility. A joint that
    is seen is a bell around its place; others are nowhere. A limb is a bell around the line between
    its ends, a rigid part one around the upright rectangle of its joints (as far as they are
    known); both are as high as the share of their joints that is seen, a hidden part is nowhere.
    """
    height, width = size
    places = joints[:, :, :2] * joints.new_tensor([width, height])  # in cells
    known = joints[:, :, 2] > 0
    seen = (joints[:, :, 2] == SEEN).to(joints.dtype)
    rows = torch.arange(height, device=joints.device, dtype=joints.dtype) + 0.5
    columns = torch.arange(width, device=joints.device, dtype=joints.dtype) + 0.5
    grid = torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)], dim=2)
    squares = [_to_points(grid, places)]
    heights = [seen]
    for name in PARTS:
        belonging = [JOINTS.index(joint) for joint in _BELONGING[name]]
        if name in _RIGID:
            square, there = _to_rectangle(grid, *_points(places, known, _RIGID[name]))
        else:
            first, second = belonging
            square = _to_line(grid, places[:, first], places[:, second])
            there = known[:, first] & known[:, second]
        squares.append(square[:, None])
        heights.append((seen[:, belonging].mean(dim=1) * there)[:, None])
    spread = max(SPREAD * height, LEAST_SPREAD)
    bells = torch.exp(torch.cat(squares, dim=1) / (-2 * spread**2))
    return bells * torch.cat(heights, dim=1)[:, :, None, None]


def attended(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Attention [B, 11, h, w] to the parts, and how visible each is [B, 11], of predicted maps.

    maps [B, stages, 17 + 11, h, w]: the last stage counts. Attention is what it says above 0. A
    part is as visible as the attention's highest point, up to 1: maps are taught to be as high as
    the share of the part that is seen (`body_maps`).
    """
    attention = F.relu(maps[:, -1, len(JOINTS) :])
    return attention, attention.amax(dim=(2, 3)).clamp(max=1)


def _to_points(grid: Tensor, places: Tensor) -> Tensor:
    """Squared distances [B, P, h, w] of cells to places [B, P, 2]."""
    return (grid - places[:, :, None, None]).square().sum(dim=4)


def _to_line(grid: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Squared distances [B, h, w] of cells to the lines between places [B, 2]."""
    along = second - first
    offsets = grid - first[:, None, None]
    lengths = along.square().sum(dim=1).clamp(min=1e-6)[:, None, None]
    share = ((offsets * along[:, None, None]).sum(dim=3) / lengths).clamp(0, 1)
    return (offsets - share[..., None] * along[:, None, None]).square().sum(dim=3)


def _points(
    places: Tensor, known: Tensor, points: tuple[tuple[str, ...], ...]
) -> tuple[Tensor, Tensor]:
    """Points [B, P, 2], each a joint or the middle of two, and whether they are known [B, P]."""
    rows = [[JOINTS.index(joint) for joint in point] for point in points]
    middles = torch.stack([places[:, own].mean(dim=1) for own in rows], dim=1)
    return middles, torch.stack([known[:, own].all(dim=1) for own in rows], dim=1)


def _to_rectangle(grid: Tensor, points: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances [B, h, w] to the rectangles around known points, and whether any is."""
    missing = ~known[:, :, None]
    low = points.masked_fill(missing, torch.inf).amin(dim=1)[:, None, None]
    high = points.masked_fill(missing, -torch.inf).amax(dim=1)[:, None, None]
    there = known.any(dim=1)
    outside = torch.maximum(low - grid, grid - high).clamp(min=0)
    # Without a known point a rectangle is infinitely far away: 0 · ∞ would be no number.
    return outside.square().sum(dim=3).masked_fill(~there[:, None, None], 0), there
