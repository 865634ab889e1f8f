"""Classifiers over the training persons: similarities without the label, logits with it.

A margin classifier moves the logit of the right class, so it needs the label; the network itself
stays free of labels and the loss asks the classifier (``classifier.logits``).
"""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.registry import CLASSIFIERS


class Classifier(nn.Module):
    """Class weights [C, D]; ``forward`` gives similarities [B, C] of embeddings [B, D]."""

    def __init__(self, channels: int, persons: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(persons, channels))

    @abstractmethod
    def forward(self, embedding: Tensor) -> Tensor:
        """Similarities [B, C] without the label."""

    @abstractmethod
    def logits(self, similarities: Tensor, persons: Tensor) -> Tensor:
        """Logits [B, C] for the cross-entropy, given the labels [B] as class indices."""


@CLASSIFIERS.register
class Linear(Classifier):
    """Inner product with the class weights, no bias (BoT, Luo et al. 2019)."""

    def __init__(self, channels: int, persons: int) -> None:
        super().__init__(channels, persons)
        nn.init.normal_(self.weight, std=0.001)

    def forward(self, embedding: Tensor) -> Tensor:
        return F.linear(embedding, self.weight)

    def logits(self, similarities: Tensor, persons: Tensor) -> Tensor:
        return similarities


class CosineClassifier(Classifier):
    """Cosine between embedding and class weight; a subclass turns it into logits."""

    def __init__(self, channels: int, persons: int) -> None:
        super().__init__(channels, persons)
        nn.init.normal_(self.weight, std=0.01)

    def forward(self, embedding: Tensor) -> Tensor:
        # In float32 also under autocast: scale 64 makes a logit of a bfloat16 rounding error.
        with torch.autocast(embedding.device.type, enabled=False):
            return F.linear(F.normalize(embedding.float()), F.normalize(self.weight.float()))


@CLASSIFIERS.register
class Circle(CosineClassifier):
    """Circle loss as a classifier (Sun et al. 2020, eq. 5-9 with class-level labels).

    With s the cosine and m the margin, the right class gets the logit scale · α_p (s − (1 − m))
    with α_p = [1 + m − s]₊ and every other scale · α_n (s − m) with α_n = [s + m]₊; the weights α
    pass no gradient. Scale 64 and margin 0.35 are FastReID's for its SBS models.
    """

    def __init__(
        self, channels: int, persons: int, scale: float = 64.0, margin: float = 0.35
    ) -> None:
        super().__init__(channels, persons)
        self.scale, self.margin = scale, margin

    def logits(self, similarities: Tensor, persons: Tensor) -> Tensor:
        detached = similarities.detach()
        positive = (1 + self.margin - detached).clamp(min=0) * (similarities - 1 + self.margin)
        negative = (detached + self.margin).clamp(min=0) * (similarities - self.margin)
        return self.scale * torch.where(_right_class(similarities, persons), positive, negative)


@CLASSIFIERS.register
class Arcface(CosineClassifier):
    """Additive angular margin (Deng et al. 2019, eq. 3): the right class gets cos(θ + margin).

    Beyond θ = π − margin, where cos(θ + margin) would rise again, the logit continues as
    cos θ − margin · sin(margin), as in the authors' code.
    """

    def __init__(
        self, channels: int, persons: int, scale: float = 64.0, margin: float = 0.5
    ) -> None:
        super().__init__(channels, persons)
        self.scale, self.margin = scale, margin

    def logits(self, similarities: Tensor, persons: Tensor) -> Tensor:
        margin = torch.tensor(self.margin, dtype=similarities.dtype, device=similarities.device)
        # The slope of arccos is infinite at ±1: the clamp keeps its gradient finite.
        sine = (1 - similarities.square()).clamp(min=1e-7).sqrt()
        shifted = similarities * margin.cos() - sine * margin.sin()
        beyond = similarities - margin * margin.sin()
        target = torch.where(similarities > -margin.cos(), shifted, beyond)
        return self.scale * torch.where(_right_class(similarities, persons), target, similarities)


@CLASSIFIERS.register
class Cosface(CosineClassifier):
    """Additive cosine margin (Wang et al. 2018, eq. 4): the right class gets cos θ − margin."""

    def __init__(
        self, channels: int, persons: int, scale: float = 64.0, margin: float = 0.35
    ) -> None:
        super().__init__(channels, persons)
        self.scale, self.margin = scale, margin

    def logits(self, similarities: Tensor, persons: Tensor) -> Tensor:
        right = _right_class(similarities, persons)
        return self.scale * (similarities - self.margin * right.to(similarities.dtype))


def _right_class(similarities: Tensor, persons: Tensor) -> Tensor:
    classes = torch.arange(similarities.shape[1], device=similarities.device)
    return persons[:, None] == classes
