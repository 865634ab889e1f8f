"""Mutual learning: several networks that are trained together, of which one is kept.

Zhang Y. et al., "Deep Mutual Learning", CVPR 2018, https://arxiv.org/abs/1706.00384; for person
re-identification Zhang X. et al., "AlignedReID", 2017, https://arxiv.org/abs/1711.08184, sec. 3.3.

From the papers: networks of one kind see the same batch, each has all losses of its own, and each
learns from what the others make of the batch: from their class probabilities
(`passerby.losses.mutual_probabilities`) and from their distances between its images
(`passerby.losses.mutual_distances`). Any of them alone is tested.

Read in a reimplementation (github.com/huanghoujing/AlignedReID-Re-Production-Pytorch): both
networks begin from the same ImageNet weights, and are updated at the same time, each from what the
others said before.

Ours: the first network is the one that is kept; all are updated by one optimizer; losses are means
over the networks, where the papers add them up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from passerby.config import Network
from passerby.models.features import Features, Part
from passerby.models.system import System, build_classifiers, classified
from passerby.models.systems.plain import Plain
from passerby.registry import SYSTEMS


@SYSTEMS.register
class Mutual(System):
    """Mutual learning (Zhang et al. 2018): a system of one part, its peers in training alone.

    system: the name of the networks' own system. Parts are "network_1", which is the embedding,
    and, with classifiers, "network_2" … up to ``networks``. The peers stand under the name
    ``classifier``, as all that only training needs: a stored model is opened without them.
    """

    def __init__(
        self, network: Network, persons: int, *, system: str = "aligned", networks: int = 2
    ) -> None:
        super().__init__()
        if networks < 2:
            raise ValueError(f"mutual learning needs at least 2 networks, got {networks}")
        alone = replace(network, system=system)
        self.network = _one_part(alone)
        self.dimensions = self.network.dimensions
        widths = {f"network_{number + 1}": self.dimensions for number in range(networks)}
        self.classifier = build_classifiers(network, widths, persons)
        if self.classifier is not None:
            self.classifier["peers"] = nn.ModuleList(_one_part(alone) for _ in range(1, networks))

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        found: list[Features] = [network(images, cameras) for network in self._networks()]
        parts = tuple(self._part(number, own.parts[0]) for number, own in enumerate(found, 1))
        return Features(found[0].embedding, parts)

    def begin(self, phase: str) -> None:
        for network in self._networks():
            network.begin(phase)

    def _networks(self) -> list[System]:
        if self.classifier is None:
            return [self.network]
        return [self.network, *cast(Iterable[System], self.classifier["peers"])]

    def _part(self, number: int, own: Part) -> Part:
        part = classified(f"network_{number}", own.before_neck, own.after_neck, self.classifier)
        return replace(part, local=own.local)


def _one_part(network: Network) -> Plain:
    """A plain network or one that extends it, without its classifier."""
    system = SYSTEMS.build(network.system, network=network, persons=0)
    if not isinstance(system, Plain):
        raise ValueError(
            "mutual takes systems that are the plain network with something beside it (plain, "
            f"aligned, ianet), got {network.system!r}"
        )
    return system
