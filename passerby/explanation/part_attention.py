"""Where a network sees the parts of the body, and how visible each is to it (AACN)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from passerby.body_parts import PARTS, attended
from passerby.models.system import System


@dataclass(frozen=True, eq=False)
class PartAttention:
    """What a network says of the parts.

    names: of P parts; values [B, P, h, w]: attention, taught to be from 0 to 1; visibility [B, P],
    from 0 to 1.
    """

    names: tuple[str, ...]
    values: Tensor
    visibility: Tensor


@torch.inference_mode()
def part_attention(network: System, images: Tensor) -> PartAttention | None:
    """The parts of normalised images [B, 3, H, W]; None of a network that predicts no such maps."""
    maps = network(images).maps
    return None if maps is None else PartAttention(PARTS, *attended(maps))
