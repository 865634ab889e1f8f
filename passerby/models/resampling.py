"""Resizing as two matrix products: for graphs that leave PyTorch.

Runtimes differ in what they make of a resize (OpenVINO 2026.4 reads an antialiased one and does not
smooth: vectors were off by 6e-2); a matrix product is the same in all of them, at any size.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Filter = Literal["bilinear", "bicubic"]


def resampled(
    maps: Tensor, size: tuple[int, int], filter: Filter = "bilinear", antialias: bool = True
) -> Tensor:
    """Maps [B, C, H, W] as [B, C, height, width], as `F.interpolate` makes them in float32."""
    rows = resampling(maps.shape[2], size[0], filter, antialias, maps.device)
    columns = resampling(maps.shape[3], size[1], filter, antialias, maps.device)
    return rows @ (maps @ columns.T)


def resampling(old: int, new: int, filter: Filter, antialias: bool, device: torch.device) -> Tensor:
    """The share of each old position in each new one [new, old]; rows sum to 1.

    With antialias the filter is widened when shrinking and cut off at the border; without, the
    border's value goes on outside.
    """
    scale = old / new
    # A size may be free in a graph, as a symbol.
    widened: float = torch.sym_max(scale, 1.0) if antialias else 1.0  # type: ignore[assignment]
    beyond = 0 if antialias else 2  # positions outside that a filter can reach
    sharpness = -0.5 if antialias else -0.75  # of the cubic filter, as torch has it
    centres = (torch.arange(new, device=device) + 0.5) * scale
    places = torch.arange(old + 2 * beyond, device=device) + (0.5 - beyond)
    distances = ((places[None] - centres[:, None]) / widened).abs()
    shares = (1 - distances).clamp(min=0)
    if filter == "bicubic":
        shares = _cubic(distances, sharpness)
    if antialias:
        return shares / shares.sum(dim=1, keepdim=True)
    first = shares[:, : beyond + 1].sum(dim=1, keepdim=True)
    last = shares[:, -beyond - 1 :].sum(dim=1, keepdim=True)
    return torch.cat([first, shares[:, beyond + 1 : -beyond - 1], last], dim=1)


def _cubic(distances: Tensor, a: float) -> Tensor:
    """Keys' cubic convolution (1981), of parameter a."""
    near = ((a + 2) * distances - (a + 3)) * distances * distances + 1
    far = ((distances - 5) * distances + 8) * distances * a - 4 * a
    return torch.where(distances <= 1, near, torch.where(distances < 2, far, 0.0))
