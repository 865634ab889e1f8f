"""What is around a person in a picture: a piece of the place, a shadow, the dark at the feet."""

import numpy as np
from PIL import Image

from passerby.synthesis.cameras.scenes import GROUND, HEIGHT, WIDTH, Camera
from passerby.synthesis.drawn.drawing import Figure, Light, View
from passerby.synthesis.variety import Box


def background(
    rng: np.random.Generator, camera: Camera, box: Box, height: int, width: int
) -> np.ndarray:
    """A crop [height, width, 3] of the camera's panorama in linear light."""
    pixels = rng.uniform(85, 135)  # per metre in the panorama: how near the person is
    wide, high = box.wide * pixels, box.high * pixels
    shrink = min(1.0, (HEIGHT - 1) / high, (WIDTH - 1) / wide)
    wide, high = wide * shrink, high * shrink
    foot = GROUND + camera.nearest + rng.uniform(0, 70)
    top = float(np.clip(foot - (box.bottom + box.high) * pixels, 0, HEIGHT - high))
    left = rng.uniform(0, WIDTH - wide)
    crop = camera.panorama.resize(
        (width, height), Image.Resampling.BILINEAR, box=(left, top, left + wide, top + high)
    )
    screen = np.asarray(crop, np.float32) / 255
    scene: np.ndarray = screen * screen
    return scene


def cast_shadow(scene: np.ndarray, figure: Figure, view: View, light: Light, pitch: float) -> None:
    """Darken the ground where the figure keeps the light away, by its own sheared silhouette."""
    height, width = figure.mask.shape
    # A spot at height h throws its shadow h * back behind the person and h * lean to the left.
    steep = max(light.direction[1], 0.2)
    back = light.direction[2] / steep * max(float(np.sin(pitch)), 0.08)
    back = float(np.clip(back, -0.9, 0.9))
    back = back if abs(back) > 0.04 else 0.04
    lean = -light.direction[0] / steep * view.stretch / back
    # In the picture with half the rows: (x, y) on the ground <- (x', y') in the silhouette.
    silhouette = Image.fromarray(figure.mask.astype(np.uint8) * 255).reduce(2)
    foot = view.row / 2
    matrix = (1, lean, -lean * foot, 0, 1 / back, foot * (1 - 1 / back))
    shadow = silhouette.transform(
        silhouette.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    dark = np.asarray(shadow.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    scene *= 1 - dark[:, :, None] * ((1 - light.ambient) * 0.85 / 255)


def ground_contact(scene: np.ndarray, view: View, pitch: float) -> None:
    """The soft dark patch under a person in any light."""
    height, width = scene.shape[:2]
    wide, high = view.scale * view.stretch * 0.3, view.scale * 0.3 * max(np.sin(pitch), 0.15)
    top, bottom = int(max(0, view.row - 2 * high)), int(min(height, view.row + 2 * high))
    if top >= bottom:
        return
    x = (np.arange(width, dtype=np.float32) - view.column) / wide
    y = (np.arange(top, bottom, dtype=np.float32) - view.row) / high
    patch = np.exp(-(y * y)[:, None] - (x * x)[None])
    scene[top:bottom] *= 1 - 0.45 * patch[:, :, None]
