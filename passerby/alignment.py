"""The distance of two images as stripes from top to bottom that may be matched out of step.

Zhang et al. 2017, "AlignedReID", sec. 3.1; "dynamically matching local information" (DMLI) in Luo
et al. 2019, "AlignedReID++". The same function serves training and evaluation.
"""

from __future__ import annotations

import torch
from torch import Tensor


def aligned_distance(distances: Tensor) -> Tensor:
    """Length [...] of the shortest path through stripe distances [S, T, ...], from first to last.

    A path goes down or to the right and sums (eᵈ − 1) / (eᵈ + 1) of the Euclidean distances d on
    its way, both ends included (eq. 1 and 2).

    >>> round(float(aligned_distance(torch.zeros(3, 3))), 4)
    0.0
    >>> round(float(aligned_distance(torch.full((3, 3), 1e9))), 4)
    5.0
    """
    steps = torch.tanh(distances / 2)  # the same quotient, without overflow
    row = steps[0].cumsum(dim=0)
    for step in steps[1:]:
        lengths = [row[0] + step[0]]
        for above, own in zip(row[1:], step[1:], strict=True):
            lengths.append(own + torch.minimum(above, lengths[-1]))
        row = torch.stack(lengths)
    return row[-1]
