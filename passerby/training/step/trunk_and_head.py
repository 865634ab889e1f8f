"""A network in two: a frozen trunk, backbone and pooling, and the head that trains on its vectors.

Both are made of the modules of one plain network, which stays whole: what the head learns is the
network's at once.
"""

from __future__ import annotations

from torch import Tensor, nn

from passerby.models.features import Features, Part
from passerby.models.system import System
from passerby.models.systems.plain import Plain


class Trunk(System):
    """Backbone and pooling of a plain network: images [B, 3, H, W] to vectors [B, C].

    mirrored: of the images' mirror images.
    """

    def __init__(self, whole: Plain, *, mirrored: bool = False) -> None:
        super().__init__()
        self.backbone, self.pooling, self.mirrored = whole.backbone, whole.pooling, mirrored
        self.dimensions = whole.backbone.channels

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        images = images.flip(3) if self.mirrored else images
        vectors = self.pooling(self.backbone(images))
        return Features(vectors, (Part("global", vectors, vectors),))


class Head(System):
    """Projection, neck and classifier of a plain network: a trunk's [B, C, 1, 1] to Features."""

    def __init__(self, whole: Plain) -> None:
        super().__init__()
        self.projection: nn.Module = whole.projection
        self.neck: nn.Module = whole.neck
        self.classifier = whole.classifier
        self.dimensions = whole.dimensions
        self._of_pooled = whole.of_pooled  # a method: the trunk's parameters are none of the head's

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        return self._of_pooled(images.flatten(1))


def require_plain(system: System) -> Plain:
    """The system, which must be a plain network with something behind its pooling to train.

    Raises:
        ValueError: another system, or one without projection, neck and classifier.
    """
    if type(system) is not Plain:
        raise ValueError(
            "network.frozen needs the system plain, whose head stands behind one pooling, got "
            f"{type(system).__name__}: freeze parts of another by phases (phases.NAME.trains)"
        )
    if not any(True for _ in Head(system).parameters()):
        raise ValueError(
            "network.frozen leaves nothing to train: give the network a neck or a projection"
        )
    return system
