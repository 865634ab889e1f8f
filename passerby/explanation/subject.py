"""The network that is explained: a checkpoint's as it was trained, nothing folded into another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input
from passerby.embedding.preprocessing import normalised, resized, stacked
from passerby.embedding.runtimes.exported import exported_file
from passerby.models.checkpoint import load_model
from passerby.models.packaged import model_folder
from passerby.models.system import System
from passerby.process.devices import find_device


@dataclass(frozen=True, eq=False)
class Subject:
    """A network in evaluation mode, without gradients of its own, and its preprocessing."""

    network: System
    size: Input
    device: torch.device

    def inputs(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """What the network sees [B, 3, height, width] of images [H, W, 3] RGB."""
        pixels = stacked([resized(image, self.size) for image in images]).to(self.device)
        return normalised(pixels, self.size).contiguous()


def open_subject(model: str | os.PathLike[str], device: str | None = None) -> Subject:
    """Open a checkpoint folder, or "default".

    Raises ValueError for an exported file, which gives vectors and nothing of how they came about,
    and as `passerby.models.checkpoint.read_model`.
    """
    place = model_folder(model)
    if exported_file(place) is not None:
        raise ValueError(
            f"{model} is an exported model: it gives vectors and no maps to explain them by. Give "
            "the checkpoint that it was exported from (the folder that passerby train wrote), or "
            "default"
        )
    network, card = load_model(place)
    found = find_device(device)
    network = network.eval().requires_grad_(False).to(found)
    return Subject(network, card.recipe.input, found)
