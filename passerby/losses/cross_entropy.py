"""Cross-entropy over the training persons (the paper's eq. 1, read as softmax over C classes)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.registry import LOSSES


@LOSSES.register
class CrossEntropy(Loss):
    """Softmax cross-entropy of each part's logits, the mean over parts.

    label_smoothing ε: the target is 1 − ε + ε/C at the right class and ε/C elsewhere (Szegedy et
    al. 2016, sec. 7). Raises ValueError for an ε outside 0…1.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be in [0, 1), got {label_smoothing}")
        self.label_smoothing = label_smoothing

    def forward(self, features: Features, batch: Batch) -> Tensor:
        terms = [
            F.cross_entropy(
                part.logits(batch.persons).float(),
                batch.persons,
                label_smoothing=self.label_smoothing,
            )
            for part in features.parts
        ]
        return torch.stack(terms).mean()
