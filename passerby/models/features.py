"""Features: what a network returns, in training and in evaluation alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from passerby.models.classifiers import Classifier


@dataclass(frozen=True, eq=False)
class Part:
    """One supervised vector of a network: the plain net has one, a stripe model one per stripe.

    before_neck [B, D]; after_neck [B, D]; similarities [B, C] to the classes (cosines, or the
    logits of a linear classifier) without the label, None in a network without a classifier;
    local [B, S, D], the vectors of stripes beside it, where the network has them.
    """

    name: str
    before_neck: Tensor
    after_neck: Tensor
    similarities: Tensor | None = None
    classifier: Classifier | None = None
    local: Tensor | None = None

    def logits(self, persons: Tensor) -> Tensor:
        """The logits [B, C] that cross-entropy takes, given the labels [B] (margins need them)."""
        if self.similarities is None or self.classifier is None:
            raise ValueError(f"part {self.name!r} has no classifier to give logits")
        return self.classifier.logits(self.similarities, persons)


@dataclass(frozen=True, eq=False)
class Features:
    """embedding [B, D], the vector that is searched; its parts, first what is tested.

    maps [B, stages, M, h, w]: where joints and parts of the body are, as each stage of a network
    that says so predicts it (`passerby.body_parts` names them); None of others.
    """

    embedding: Tensor
    parts: tuple[Part, ...]
    maps: Tensor | None = None

    @property
    def before_neck(self) -> Tensor:
        """The parts' vectors before the neck, side by side [B, D]."""
        return torch.cat([part.before_neck for part in self.parts], dim=1)

    @property
    def local(self) -> Tensor | None:
        """Stripe vectors [B, S, D] of the first part that has them."""
        return next((part.local for part in self.parts if part.local is not None), None)

    def only(self, pattern: str) -> Features:
        """The same with the parts whose names match, as in ``"global*"``; ValueError if none."""
        parts = tuple(part for part in self.parts if fnmatchcase(part.name, pattern))
        if not parts:
            names = ", ".join(part.name for part in self.parts)
            raise ValueError(f"no part of the network matches {pattern!r} (parts: {names})")
        return replace(self, parts=parts)
