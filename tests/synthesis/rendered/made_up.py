"""A small made-up pack: a tower of points with two bones, one target and one garment."""

import numpy as np

from passerby.synthesis.rendered.assets.opened import Garment, Pack


def garment(rng, points, count=12):
    """A garment that hangs on chance vertices."""
    shares = rng.dirichlet([1, 1, 1], count).astype(np.float32)
    return Garment(
        references=rng.integers(0, points, (count, 3)).astype(np.int32),
        shares=shares,
        offsets=rng.normal(0, 0.1, (count, 3)).astype(np.float32),
        scale_points=np.array([[0, 5], [1, 7], [2, 9]], np.int32),
        scale_lengths=np.array([1.5, 2.0, 0.7], np.float32),
        hidden=rng.random(points) < 0.3,
        faces=rng.integers(0, count, (9, 3)).astype(np.int32),
        components=np.repeat([0, 1], count // 2).astype(np.int32),
    )


def pack(seed=0, points=20):
    """A pack of that many base vertices."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet([1, 1, 1, 1], points).astype(np.float32)
    return Pack(
        points=rng.normal(0, 0.4, (points, 3)).astype(np.float32),
        faces=rng.integers(0, points, (30, 3)).astype(np.int32),
        groups=np.repeat([0, 1, 2], 10).astype(np.uint8),
        targets=("a", "b"),
        moves=rng.integers(-3000, 3000, (2, points, 3)).astype(np.int16),
        units=np.array([1e-5, 2e-5], np.float32),
        bones=("pelvis", "spine", "hand_l", "hand_r"),
        parents=np.array([-1, 0, 1, 1], np.int32),
        weights=weights,
        heads=(np.array([0, 0, 1, 2, 3], np.int32), np.array([1, 2, 3, 4, 5], np.int32),
               np.array([0.5, 0.5, 1, 1, 1], np.float32)),
        garments={"coat": garment(rng, points)},
    )  # fmt: skip
