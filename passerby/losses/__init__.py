"""Losses, one file each: ``loss(features, batch) -> scalar``.

A loss sees the network's Features and the batch's labels, and sums over the parts where a network
has several. It may hold parameters of its own; the optimizer collects them.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from torch import Tensor, nn


class Part(Protocol):
    """What a loss may ask of a part of the features."""

    @property
    def before_neck(self) -> Tensor:
        """Vectors [B, D] before the neck."""

    @property
    def after_neck(self) -> Tensor:
        """Vectors [B, D] after the neck."""

    @property
    def local(self) -> Tensor | None:
        """Stripe vectors [B, S, D] beside them, where the network has them."""

    def logits(self, persons: Tensor) -> Tensor:
        """Logits [B, C] given the labels [B]."""


class Features(Protocol):
    """What a loss may ask of the features."""

    @property
    def embedding(self) -> Tensor:
        """The vectors [B, D] that are searched."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The supervised vectors."""

    @property
    def maps(self) -> Tensor | None:
        """Maps [B, stages, M, h, w] of joints and parts, where the network predicts them."""


class Batch(Protocol):
    """What a loss may ask of a batch."""

    @property
    def persons(self) -> Tensor:
        """Labels [B] int64: class indices 0…C−1."""

    @property
    def targets(self) -> Tensor | None:
        """Vectors [B, T] of the teachers, where there are any (distillation)."""

    @property
    def joints(self) -> Tensor | None:
        """Joints [B, 17, 3] as shares of width and height, and visibility, where any are known."""


class Loss(nn.Module):
    """A term of the objective."""

    def prepare(self, features: Features, persons: int) -> None:
        """Make parameters whose size depends on the network; most losses have none.

        Called once, before the optimizer is built. features: what this loss will see, of any one
        image; persons: the number of classes.
        """

    @abstractmethod
    def forward(self, features: Features, batch: Batch) -> Tensor:
        """The loss, a scalar."""
