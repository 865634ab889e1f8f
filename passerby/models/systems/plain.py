"""The plain network: backbone -> pooling -> projection -> neck -> classifier."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones import Backbone
from passerby.models.classifiers import Classifier
from passerby.models.features import Features, Part
from passerby.models.system import System
from passerby.registry import BACKBONES, CLASSIFIERS, POOLINGS, PROJECTIONS, SYSTEMS

Embedding = Literal["after_neck", "before_neck"]


@SYSTEMS.register
class Plain(System):
    """Backbone, pooling, neck and one classifier, all of the recipe's choice.

    One part, "global"; without ``persons`` there is no classifier. embedding: the vector after the
    neck or the one before it, of which persons are told.
    """

    def __init__(
        self, network: Network, persons: int, *, embedding: Embedding = "after_neck"
    ) -> None:
        super().__init__()
        if embedding not in get_args(Embedding):
            raise ValueError(
                f"embedding must be {' or '.join(get_args(Embedding))}, got {embedding!r}"
            )
        self.embedding = embedding
        self.backbone: Backbone = BACKBONES.build(
            network.backbone, start=network.start, attention=network.attention
        )
        if not isinstance(getattr(self.backbone, "channels", None), int):  # a user's own
            raise ValueError(
                f"backbone {network.backbone!r} must say the width of its maps, as the attribute "
                "channels, a whole number"
            )
        self.pooling: nn.Module = POOLINGS.build(network.pooling)
        self.projection: nn.Module = nn.Identity()
        self.dimensions = self.backbone.channels
        if network.projection != "none":
            projection = PROJECTIONS.build(network.projection, channels=self.backbone.channels)
            self.projection, self.dimensions = projection, projection.width
        self.neck: nn.Module = nn.Identity()
        if network.neck == "batch_norm":
            self.neck = _neck(self.dimensions)
        self.classifier: Classifier | None = None
        if persons:
            self.classifier = CLASSIFIERS.build(
                network.classifier, channels=self.dimensions, persons=persons
            )

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        """Features of normalised images [B, 3, H, W]; the plain network ignores cameras [B]."""
        return self.of_maps(self.backbone(images))

    def of_maps(self, maps: Tensor) -> Features:
        """Features of the backbone's maps [B, C, h, w]."""
        return self.of_pooled(self.pooling(maps))

    def of_pooled(self, vectors: Tensor) -> Features:
        """Features of vectors [B, C], maps that were pooled."""
        before_neck = self.projection(vectors)  # [B, D]
        after_neck = self.neck(before_neck)
        similarities = None if self.classifier is None else self.classifier(after_neck)
        part = Part("global", before_neck, after_neck, similarities, self.classifier)
        return Features(after_neck if self.embedding == "after_neck" else before_neck, (part,))


def _neck(channels: int) -> nn.BatchNorm1d:
    """BNNeck (Luo et al. 2019, "Bag of tricks", sec. 3.5): batch norm whose bias stays zero."""
    norm = nn.BatchNorm1d(channels)
    norm.bias.requires_grad_(False)
    return norm
