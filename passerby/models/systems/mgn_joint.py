"""MGN with one classifier on all of its vectors together, as in the Circle Loss paper.

Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", CVPR 2020,
https://arxiv.org/abs/2002.10857, sec. 4: MGN's part features are concatenated into one vector and
a single loss is applied to it, in place of MGN's eleven. The network is otherwise `mgn`.
"""

from __future__ import annotations

from torch import Tensor

from passerby.config import Network
from passerby.models.features import Features, Part
from passerby.models.system import build_classifiers, classified
from passerby.models.systems.mgn import Mgn
from passerby.registry import SYSTEMS


@SYSTEMS.register
class MgnJoint(Mgn):
    """MGN with one part, its whole embedding (Sun et al. 2020, sec. 4)."""

    def __init__(
        self,
        network: Network,
        persons: int,
        *,
        width: int = 256,
        pooling: str = "max",
        global_stride: int = 2,
        relu: bool = True,
    ) -> None:
        super().__init__(
            network, 0, width=width, pooling=pooling, global_stride=global_stride, relu=relu
        )
        self.classifier = build_classifiers(network, {"joint": self.dimensions}, persons)

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        embedding = super().forward(images, cameras).embedding
        return Features(embedding, (classified("joint", embedding, embedding, self.classifier),))

    def _part(self, name: str, maps: Tensor) -> Part:
        reduced = self.reduction[name](self.pooling[name](maps))
        return Part(name, reduced, reduced)
