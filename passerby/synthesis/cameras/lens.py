"""From the light of a scene to the picture that a camera delivers.

In the order of a real camera: exposure and white balance, sensor resolution with blur and noise,
tone curve and colour, sharpening, video compression, and enlargement to the size of the crop.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import simplejpeg
from PIL import Image, ImageFilter

from passerby.synthesis.cameras.captions import burn
from passerby.synthesis.cameras.scenes import Camera
from passerby.synthesis.chance import generator

_TILE = 512


@dataclass(frozen=True)
class Exposure:
    """The camera's settings at one moment."""

    gains: np.ndarray  # [3], exposure included
    gamma: float
    contrast: float
    saturation: float
    noise: float
    blur: float
    shake: int  # pixels of motion blur, at 256 rows
    rows: float  # sensor rows of the picture
    quality: int
    sharpening: float


def expose(rng: np.random.Generator, camera: Camera) -> Exposure:
    """How the camera, with its automatic exposure and white balance, meets this moment."""
    wobble = np.exp(rng.normal(0, 0.015, 3))
    shade = rng.uniform(0.6, 0.85) if rng.random() < camera.shade else 1.0
    return Exposure(
        gains=np.array(camera.gains) * wobble * camera.exposure * shade
        * np.exp(rng.normal(0, 0.07)),
        gamma=camera.gamma * float(np.exp(rng.normal(0, 0.06))),
        contrast=camera.contrast * float(np.exp(rng.normal(0, 0.06))),
        saturation=camera.saturation * rng.uniform(0.85, 1.15),
        noise=camera.noise * rng.uniform(0.5, 1.4),
        blur=camera.blur * rng.uniform(0.4, 1.6),
        shake=int(rng.integers(2, 7)) if rng.random() < 0.12 else 0,
        rows=float(np.clip(camera.rows * np.exp(rng.normal(0, 0.25)), camera.least_rows, 256)),
        quality=int(np.clip(camera.quality + rng.normal(0, 6), 25, 95)),
        sharpening=camera.sharpening * rng.uniform(0.5, 1.5),
    )  # fmt: skip


@lru_cache(maxsize=1)
def _noise() -> np.ndarray:
    """A sheet of sensor noise that every picture takes a piece of: drawing fresh is slow."""
    rng = generator(0, "texture", 1)
    grey = rng.standard_normal((_TILE, _TILE, 1), dtype=np.float32)
    coloured = rng.standard_normal((_TILE, _TILE, 3), dtype=np.float32)
    return grey * 0.95 + coloured * 0.3


def _sense(screen: np.ndarray, exposure: Exposure, height: int, width: int) -> Image.Image:
    """The scene on the sensor: blurred, shaken and sampled at the sensor's resolution."""
    picture = Image.fromarray(screen)
    if exposure.shake:
        picture = picture.filter(ImageFilter.BoxBlur((exposure.shake * height / 512, 0)))
    picture = picture.filter(ImageFilter.GaussianBlur(exposure.blur * height / 256))
    rows = min(height, round(exposure.rows * height / 256))
    return picture.resize((max(8, rows * width // height), rows), Image.Resampling.BILINEAR)


def _tone(exposure: Exposure) -> list[int]:
    """The tone curve as a table of 256 values."""
    values = (np.arange(256) / 255) ** exposure.gamma
    values = 0.5 + (values - 0.5) * exposure.contrast
    return list(np.clip(values * 255 + 0.5, 0, 255).astype(int))


def _compress(picture: Image.Image, quality: int) -> Image.Image:
    data = simplejpeg.encode_jpeg(
        np.asarray(picture), quality=quality, colorspace="RGB", colorsubsampling="420"
    )
    return Image.fromarray(simplejpeg.decode_jpeg(data))


def photograph(
    radiance: np.ndarray, camera: Camera, exposure: Exposure, rng: np.random.Generator
) -> np.ndarray:
    """The picture [height, width, 3] uint8 of a scene [height, width, 3] in linear light."""
    height, width = radiance.shape[:2]
    light = radiance * exposure.gains.astype(np.float32)
    if camera.vignette:
        edge = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None] ** 2
        light *= 1 - camera.vignette * edge
    if camera.haze:
        light += np.float32(camera.haze)
    screen = np.sqrt(np.clip(light, 0, 1, out=light), out=light)
    grey = screen @ np.array([[0.3], [0.59], [0.11]], np.float32)
    screen = grey + (screen - grey) * exposure.saturation
    np.clip(screen, 0, 1, out=screen)
    sensed = _sense((screen * 255).astype(np.uint8), exposure, height, width)
    small = np.array(sensed, np.float32)
    top, left = (int(rng.integers(0, _TILE - side)) for side in (height, width))
    grain = _noise()[top : top + small.shape[0], left : left + small.shape[1]]
    small += grain * np.float32(exposure.noise * 255)
    if camera.interlaced:
        small[::2] = np.roll(small[::2], int(rng.integers(-1, 2)), axis=1)
    delivered = Image.fromarray(np.clip(small, 0, 255).astype(np.uint8))
    delivered = delivered.point(_tone(exposure) * 3)
    if exposure.sharpening > 0.1:
        delivered = delivered.filter(
            ImageFilter.UnsharpMask(1.2, int(100 * exposure.sharpening), 2)
        )
    if camera.caption and rng.random() < camera.caption.chance:
        burn(delivered, rng, camera.caption)
    delivered = _compress(delivered, exposure.quality)
    return np.asarray(delivered.resize((width, height), Image.Resampling.BICUBIC))
