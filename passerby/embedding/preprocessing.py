"""From decoded pixels to the network's input: the one path of training, evaluation and export."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input


def resized(image: NDArray[np.uint8], size: Input) -> Tensor:
    """An image [H, W, 3] RGB as uint8 [3, height, width], by the recipe's filter.

    With ``antialias`` the filter widens when shrinking, as Pillow's does; the aspect is not kept,
    as everywhere in the field. Raises ValueError for anything but uint8 [H, W, 3].
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"an image must be uint8 [height, width, 3] RGB, got {image.dtype} {list(image.shape)}"
        )
    # Copied where it is read-only (a Pillow image's buffer): torch would share it, with a warning.
    writable = np.require(image, requirements=["C", "W"])
    pixels = torch.from_numpy(writable).permute(2, 0, 1)
    if image.shape[:2] == (size.height, size.width):
        return pixels.contiguous()
    # [1, 3, H, W] with interleaved channels takes torch's fast path for uint8.
    return F.interpolate(
        pixels[None],
        (size.height, size.width),
        mode=size.filter,
        antialias=size.antialias,
        align_corners=False,
    )[0].contiguous()


def normalised(images: Tensor, size: Input) -> Tensor:
    """uint8 images [B, 3, H, W] as float32 (value / 255 − mean) / std, on their device."""
    mean = torch.tensor(size.mean, device=images.device)[:, None, None]
    std = torch.tensor(size.std, device=images.device)[:, None, None]
    return images.float().div_(255).sub_(mean).div_(std)
