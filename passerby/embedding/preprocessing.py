"""From decoded pixels to the network's input: the one path of training, evaluation and export."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input


def resized(image: NDArray[np.uint8], size: Input) -> Tensor:
    """An image [H, W, 3] RGB as uint8 [3, height, width], by the recipe's filter.

    In memory the channels stay last, as in the decoded image: torch resizes such twice as fast.
    With ``antialias`` the filter widens when shrinking, as Pillow's does; the aspect is not kept,
    as everywhere in the field. Raises ValueError for anything but uint8 [H, W, 3].
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"an image must be uint8 [height, width, 3] RGB, got {image.dtype} {list(image.shape)}"
        )
    # Copied where it is read-only (a Pillow image's buffer): torch would share it, with a warning.
    writable = np.require(image, requirements=["C", "W"])
    # Put in front before the permutation: else torch does not see that the channels are last.
    pixels = torch.from_numpy(writable)[None].permute(0, 3, 1, 2)
    if image.shape[:2] == (size.height, size.width):
        return pixels[0]
    return F.interpolate(
        pixels,
        (size.height, size.width),
        mode=size.filter,
        antialias=size.antialias,
        align_corners=False,
    )[0]


def stacked(images: Sequence[Tensor]) -> Tensor:
    """Images [3, H, W] as [B, 3, H, W] with the channels last in memory, as `resized` has them."""
    return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2)


def normalised(images: Tensor, size: Input) -> Tensor:
    """uint8 images [B, 3, H, W] as float32 (value / 255 − mean) / std, on their device."""
    mean = torch.tensor(size.mean, device=images.device)
    std = torch.tensor(size.std, device=images.device)
    if images.is_contiguous():
        return images.float().div_(255).sub_(mean[:, None, None]).div_(std[:, None, None])
    # With the channels last a row of pixels is one run of numbers, which is much faster.
    batch, _, height, width = images.shape
    rows = images.permute(0, 2, 3, 1).reshape(batch, height, width * 3).float()
    rows.div_(255).sub_(mean.repeat(width)).div_(std.repeat(width))
    return rows.view(batch, height, width, 3).permute(0, 3, 1, 2)
