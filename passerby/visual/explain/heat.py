"""A map of numbers over an image: colours that the colour-blind tell apart, on a grey picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Black body, and Okabe and Ito's vermilion and blue: for and against.
_WARM = np.array([(30, 10, 60), (120, 30, 110), (200, 60, 70), (245, 140, 40), (255, 235, 120)])
_FOR, _AGAINST = np.array((213, 94, 0)), np.array((0, 114, 178))
_COVER = 0.8  # of the picture, where a map is at its greatest
_EVEN = 0.05  # a range below this share of the greatest is drawn as even: it would be noise


def strengths(
    values: NDArray[np.float32], *, from_zero: bool, greatest: float | None = None
) -> NDArray[np.float64]:
    """Numbers as 0…1: from zero, or from the least, to the greatest, theirs or a given one."""
    lowest = 0.0 if from_zero else float(values.min())
    highest = float(values.max()) if greatest is None else greatest
    spread = max(highest - lowest, _EVEN * abs(highest), 1e-12)
    found: NDArray[np.float64] = np.clip((values - lowest) / spread, 0, 1).astype(np.float64)
    return found


def heated(
    image: NDArray[np.uint8],
    values: NDArray[np.float32],
    *,
    from_zero: bool = True,
    greatest: float | None = None,
) -> Image.Image:
    """An image [H, W, 3] under a map [h, w], dark to bright, on the scale of `strengths`."""
    strong = _enlarged(strengths(values, from_zero=from_zero, greatest=greatest), image)
    colours = np.stack(
        [np.interp(strong, np.linspace(0, 1, len(_WARM)), channel) for channel in _WARM.T], axis=-1
    )
    return _blended(image, colours, np.full(strong.shape, 0.55) + 0.2 * strong)


def balanced(image: NDArray[np.uint8], values: NDArray[np.float32], greatest: float) -> Image.Image:
    """An image [H, W, 3] under a map [h, w] around 0: vermilion above, blue below.

    greatest: the magnitude at full colour.
    """
    placed = _enlarged(np.clip(values / max(greatest, 1e-12), -1, 1).astype(np.float64), image)
    colours = np.where(placed[..., None] > 0, _FOR, _AGAINST)
    return _blended(image, colours, _COVER * np.abs(placed))


def _enlarged(values: NDArray[np.float64], image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A map [h, w] at the size of the image, between its positions bilinear."""
    size = (image.shape[1], image.shape[0])
    drawn = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(drawn, np.float64)


def _blended(
    image: NDArray[np.uint8], colours: NDArray[np.float64], cover: NDArray[np.float64]
) -> Image.Image:
    grey = np.asarray(Image.fromarray(image).convert("L"), np.float64)[..., None]
    mixed = grey * (1 - cover[..., None]) + colours * cover[..., None]
    return Image.fromarray(np.clip(mixed.round(), 0, 255).astype(np.uint8))
