"""Which regions made two images similar: the cosine of their vectors, divided among positions.

Behind the last maps most networks pool (mean, GeM, maximum: all homogeneous of degree 1) and apply
layers that are linear in evaluation. There the gradient of the dot product with the other image's
unit vector, times the maps, divides it among the positions without a rest (Euler's theorem), but
for a constant, the layers' biases, which no position made; it is spread evenly. Summed over the
positions that is the cosine, exactly. Behind a batch norm a position that looks like the average
image then counts nothing.

Elsewhere what divides (the lengths of PCB's stripes, a transformer's norms) and what weighs
(attention, gates, ReLUs that are open) is held as it is (`passerby.explanation.held`), as the
length of the whole vector is everywhere: parts of unit length would not change with their own
positions otherwise. What this leaves over, biases and what does not go through the last maps, is
said and not spread. Whether the one or the other holds is found out: an exact constant is what the
network says of maps that are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.explanation.last_maps import see, summed
from passerby.models.system import System

_ALIKE = 1e-3  # of cosines: float32 sums over some thousand channels and positions


@dataclass(frozen=True, eq=False)
class PairRegions:
    """B pairs; what each position of an image adds to the cosine with the other image.

    cosines [B]; values [B, h, w]; exact [B]: the values sum to the cosine; unplaced [B]: the rest
    of the cosine that no position made, 0 where exact.
    """

    cosines: Tensor
    values: Tensor
    exact: Tensor
    unplaced: Tensor


def pair_regions(network: System, images: Tensor, others: Tensor) -> PairRegions:
    """Of images [B, 3, H, W], each with the vector of another image [B, D].

    Raises ValueError as `see`.
    """
    seen, blank = see(network, images), see(network, images, blank=True)
    lengths = seen.embedding.detach().norm(dim=1, keepdim=True).clamp(min=1e-12)
    aim = F.normalize(others.detach()) / lengths
    gradients = torch.autograd.grad((seen.embedding * aim).sum(), seen.outputs)
    products = [
        seen.as_maps(gradient * output).sum(dim=1).detach()
        for gradient, output in zip(gradients, seen.outputs, strict=True)
    ]
    values = summed(products)
    cosines = (seen.embedding.detach() * aim).sum(dim=1)
    rest = cosines - values.sum(dim=(1, 2))
    constant = (blank.embedding.detach() * aim).sum(dim=1)
    exact = (rest - constant).abs() <= _ALIKE
    spread = torch.where(exact, rest, 0) / values[0].numel()
    return PairRegions(cosines, values + spread[:, None, None], exact, torch.where(exact, 0, rest))
