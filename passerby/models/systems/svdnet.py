"""SVDNet: a fully connected layer whose weight vectors are made orthogonal while it is trained.

Sun et al., "SVDNet for Pedestrian Retrieval", ICCV 2017, https://arxiv.org/abs/1703.05693.

From the paper: an Eigenlayer, linear without bias (1024 for ResNet-50), between the pooled maps and
the classifier; restraint and relaxation iteration: decompose its weights W = U S Vᵀ and replace
them by U S, which keeps all distances between its outputs; train all else with them fixed
(restraint); then train everything (relaxation); seven times for ResNet-50. S(W), the sum of the
squared lengths over the sum of all absolute inner products of the weight vectors, is 1 where they
are orthogonal and says when to stop.

Read in the authors' code (github.com/syfafterzy/SVDNet-for-Pedestrian-Retrieval), as the paper
leaves it open: U S's columns come in the order of the weight vectors that they are nearest to in
angle (one after the other, without repetition), with the sign of the smaller angle, so that the
classifier finds its inputs again; dropout of one half after the layer; its output is tested.

A phase whose name begins with "restraint" replaces the weights as it starts; a recipe leaves
``eigenlayer.*`` out of what that phase trains. Ours: pooling by the recipe, average by default.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones import Backbone
from passerby.models.classifiers import Classifier
from passerby.models.features import Features, Part
from passerby.models.system import System, require_defaults
from passerby.registry import BACKBONES, CLASSIFIERS, POOLINGS, SYSTEMS

_READ = frozenset({"backbone", "attention", "pooling", "classifier"})


@SYSTEMS.register
class Svdnet(System):
    """SVDNet (Sun et al. 2017): a linear layer whose weight vectors are made orthogonal.

    The embedding is that layer's output [B, width]; before the neck stand the pooled maps.
    """

    def __init__(
        self, network: Network, persons: int, width: int = 1024, dropout: float = 0.5
    ) -> None:
        super().__init__()
        require_defaults(network, "svdnet", _READ)
        self.backbone: Backbone = BACKBONES.build(
            network.backbone, start=network.start, attention=network.attention
        )
        channels = self.backbone.channels
        if not 1 <= width <= channels:
            raise ValueError(
                f"svdnet needs a width from 1 to the {channels} channels of {network.backbone}, "
                f"got {width}: more vectors cannot be orthogonal"
            )
        self.dimensions = width
        self.pooling: nn.Module = POOLINGS.build(network.pooling)
        self.eigenlayer = nn.Linear(channels, width, bias=False)
        nn.init.normal_(self.eigenlayer.weight, std=0.01)
        self.dropout = nn.Dropout(dropout)
        self.classifier: Classifier | None = None
        if persons:
            self.classifier = CLASSIFIERS.build(network.classifier, channels=width, persons=persons)

    def begin(self, phase: str) -> None:
        if phase.startswith("restraint"):
            with torch.no_grad():
                self.eigenlayer.weight.copy_(orthogonalised(self.eigenlayer.weight))

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        pooled = self.pooling(self.backbone(images))
        projected = self.eigenlayer(pooled)
        seen = self.dropout(projected)
        similarities = None if self.classifier is None else self.classifier(seen)
        part = Part("global", pooled, projected, similarities, self.classifier)
        return Features(projected, (part,))


def orthogonalised(weights: Tensor) -> Tensor:
    """U S of the weight vectors in rows [width, channels], each near the row that it replaces.

    Distances between outputs stay: with W = U S Vᵀ (vectors in columns), U S is W V and V turns
    the outputs only.
    """
    left, singular, _ = torch.linalg.svd(weights.double().T, full_matrices=False)
    free = (left * singular).T  # [width, channels]
    cosines = F.normalize(weights.double()) @ F.normalize(free).T
    chosen = torch.empty_like(free)
    taken = torch.zeros(len(free), dtype=torch.bool, device=free.device)
    for row, own in enumerate(cosines):
        nearest = int(own.abs().masked_fill(taken, -1).argmax())
        taken[nearest] = True
        chosen[row] = free[nearest] * (1 if own[nearest] >= 0 else -1)
    return chosen.to(weights.dtype)
