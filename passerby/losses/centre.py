"""Centre loss (Wen et al. 2016, "A discriminative feature learning approach", eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import at_least_float32
from passerby.registry import LOSSES


@LOSSES.register
class Centre(Loss):
    """Squared Euclidean distance to the centre of the own person, the mean over images and parts.

    Of the vectors before the neck, in float32 also under autocast. The scale is that of BoT (Luo
    et al. 2019, sec. 3.6), whose weight is 5e-4; Wen et al. take half the sum over the batch.

    A centre [D] a person and part is a parameter that begins at random. By gradient descent at
    rate a it moves by 2a/B times the sum of the differences to its n images in a batch of B
    (BoT: a = 0.5, set as the rate of the loss term); Wen et al. divide by 1 + n in place of B.
    """

    def __init__(self) -> None:
        super().__init__()
        self.centres = nn.ParameterList()  # [persons, D] a part

    def prepare(self, features: Features, persons: int) -> None:
        """Draw the centres, for parts of these lengths."""
        for part in features.parts:
            self.centres.append(nn.Parameter(torch.randn(persons, part.before_neck.shape[1])))

    def forward(self, features: Features, batch: Batch) -> Tensor:
        terms = [
            _squared_distances(part.before_neck, centres[batch.persons]).mean()
            for part, centres in zip(features.parts, self.centres, strict=True)
        ]
        return torch.stack(terms).mean()


def _squared_distances(vectors: Tensor, centres: Tensor) -> Tensor:
    with torch.autocast(vectors.device.type, enabled=False):
        return (at_least_float32(vectors) - centres).square().sum(dim=1)  # [B]
