"""Grad-CAM (Selvaraju et al. 2017, "Grad-CAM", eq. 1 and 2) of an embedding.

An embedding has no class whose score could be followed. What is followed is its length, in the
direction that it has: the maps show what makes this image's vector long, that is, far from the
average image behind a batch norm. With another vector it is the cosine between the two. Lengths
of parts within the network are held (`passerby.explanation.held`): the vector of PCB, whose stripes
have length 1 each, is always as long.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.explanation.last_maps import see, summed
from passerby.models.system import System


def grad_cam(network: System, images: Tensor, towards: Tensor | None = None) -> Tensor:
    """Maps [B, h, w] of 0 and more, of images [B, 3, H, W].

    A channel of the last maps weighs as much as the mean over its positions of the score's
    gradient; the weighed sum of channels, where it is above zero, is the map. Several last maps
    (MGN's branches) are added. towards [B, D]: the vectors that each image is compared with.
    Raises ValueError as `see`.
    """
    seen = see(network, images)
    aim = seen.embedding.detach() if towards is None else towards
    aim = F.normalize(aim)
    vectors = seen.embedding if towards is None else F.normalize(seen.embedding)
    gradients = torch.autograd.grad((vectors * aim).sum(), seen.outputs)
    found = []
    for output, gradient in zip(seen.outputs, gradients, strict=True):
        weights = seen.as_maps(gradient).mean(dim=(2, 3), keepdim=True)
        found.append((weights * seen.as_maps(output)).sum(dim=1).relu().detach())
    return summed(found)
