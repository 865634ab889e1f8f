"""Things that stand between a camera and a person: posts, rails, cars, bushes, luggage, walls."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from passerby.synthesis.cameras.scenes import Camera
from passerby.synthesis.chance import pick


def _grey(rng: np.random.Generator) -> np.ndarray:
    """A dull colour [3] in linear light."""
    shade: np.ndarray = np.clip(rng.uniform(0.01, 0.5) * (1 + rng.normal(0, 0.15, 3)), 0.005, 0.9)
    return shade.astype(np.float32)


def _rounded(across: np.ndarray) -> np.ndarray:
    """The light on a cylinder, from -1 to 1 across it."""
    lit: np.ndarray = 0.45 + 0.55 * np.sqrt(np.clip(1 - across**2, 0, 1))
    return lit


def _pole(scene: np.ndarray, rng: np.random.Generator) -> None:
    height = scene.shape[0]
    wide = max(2, int(rng.uniform(0.03, 0.12) * height))
    left = int(rng.uniform(-0.02, 0.5) * height)
    area = scene[:, left : left + wide] if left >= 0 else scene[:, : max(1, wide + left)]
    profile = _rounded(np.linspace(-1, 1, area.shape[1], dtype=np.float32))
    area[:] = profile[None, :, None] * _grey(rng)


def _rail(scene: np.ndarray, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    colour = _grey(rng)
    top = int(rng.uniform(0.5, 0.75) * height)
    thick = max(1, int(0.014 * height))
    for row in (top, int((top + height) / 2), height - 2 * thick):
        scene[row : row + thick] = colour
    step = max(3, int(rng.uniform(0.04, 0.12) * height))
    for column in range(int(rng.integers(0, step)), width, step):
        scene[top:, column : column + max(1, thick // 2)] = colour * 0.8


def _car(scene: np.ndarray, rng: np.random.Generator) -> None:
    """The bonnet or the boot of a car before the legs."""
    height, width = scene.shape[:2]
    colour = _grey(rng) if rng.random() < 0.6 else rng.uniform(0.01, 0.6, 3).astype(np.float32)
    top = rng.uniform(0.58, 0.85) * height
    x = np.arange(width, dtype=np.float32) / width
    slope = rng.uniform(-0.12, 0.12) * height
    edge = top + slope * x + 0.06 * height * (2 * x - 1) ** 2
    y = np.arange(height, dtype=np.float32)[:, None]
    below = (y - edge) / height
    inside = below > 0
    shine = np.clip(1.25 - 4 * below, 0.35, 1.2) * np.where(below < 0.03, 1.5, 1)
    np.copyto(scene, shine[:, :, None] * colour, where=inside[:, :, None])


def _bush(scene: np.ndarray, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    cells = Image.fromarray(rng.standard_normal((20, 10)).astype(np.float32))
    blobs = np.asarray(cells.resize((width, height), Image.Resampling.BICUBIC))
    leaves = Image.fromarray(rng.standard_normal((64, 32)).astype(np.float32))
    depth = np.asarray(leaves.resize((width, height), Image.Resampling.BILINEAR))
    x = (np.arange(width, dtype=np.float32) / width - rng.uniform(-0.1, 1.1)) / 0.55
    y = (np.arange(height, dtype=np.float32) / height - rng.uniform(0.95, 1.15))[:, None] / 0.38
    inside = x * x + y * y + blobs * 0.16 < 1
    green = np.array([0.07, 0.12, 0.04], np.float32) * rng.uniform(0.4, 1.6)
    foliage = green * np.clip(1 + 0.5 * depth, 0.2, 2.5)[:, :, None]
    np.copyto(scene, foliage, where=inside[:, :, None])


def _luggage(scene: np.ndarray, rng: np.random.Generator) -> None:
    """A suitcase, a trolley or a bin beside the legs."""
    height = scene.shape[0]
    wide, high = (int(rng.uniform(0.1, 0.2) * height), int(rng.uniform(0.12, 0.28) * height))
    left = int(rng.uniform(-0.05, 0.42) * height)
    bottom = int(rng.uniform(0.88, 1.0) * height)
    area = scene[max(0, bottom - high) : bottom, max(0, left) : max(0, left + wide)]
    profile = _rounded(np.linspace(-0.9, 0.9, max(1, area.shape[1]), dtype=np.float32))
    area[:] = profile[None, : area.shape[1], None] * _grey(rng) * 0.8


def _wall(scene: np.ndarray, rng: np.random.Generator) -> None:
    """A corner that hides one side of the picture."""
    height, width = scene.shape[:2]
    wide = int(rng.uniform(0.06, 0.2) * height)
    area = scene[:, :wide] if rng.random() < 0.5 else scene[:, width - wide :]
    area[:] = _grey(rng) * np.linspace(1.1, 0.8, height, dtype=np.float32)[:, None, None]


_OBSTACLES: dict[str, Callable[[np.ndarray, np.random.Generator], None]] = {
    "pole": _pole, "rail": _rail, "car": _car, "bush": _bush, "luggage": _luggage, "wall": _wall,
}  # fmt: skip


def obstruct(scene: np.ndarray, rng: np.random.Generator, camera: Camera) -> None:
    """Put one of the camera's obstacles before the person, now and then.

    Changes `scene` [height, width, 3], linear light, in place.
    """
    kind = pick(rng, dict.fromkeys(sorted(set(camera.occluders)), 1.0))
    if kind != "none" and rng.random() < 0.22:
        _OBSTACLES[kind](scene, rng)
