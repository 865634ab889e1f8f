"""Cluster contrast (Dai et al. 2021, "Cluster Contrast for Unsupervised Person ReID", eq. 2–5)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import at_least_float32
from passerby.registry import LOSSES


@LOSSES.register
class ClusterContrast(Loss):
    """Cross-entropy of the cosines to a memory of one centroid a person, divided by a temperature.

    After the loss each image of a batch, in order, draws its person's centroid [D] towards itself:
    momentum × centroid + (1 − momentum) × image, to length 1 again. Centroids have no gradient.

    Dai et al. begin with the mean over all images of a cluster; here a person's centroid is the
    mean of the images in the first batch that shows the person, and whoever was not shown yet is no
    alternative. Of the embedding, in float32 also under autocast.
    """

    centroids: Tensor  # [persons, D], of length 1
    seen: Tensor  # [persons] bool

    def __init__(self, temperature: float = 0.05, momentum: float = 0.2) -> None:
        super().__init__()
        if not temperature > 0 or not 0 <= momentum < 1:
            raise ValueError(
                "cluster_contrast needs a temperature above 0 and a momentum in [0, 1), got "
                f"{temperature} and {momentum}"
            )
        self.temperature, self.momentum = temperature, momentum

    def prepare(self, features: Features, persons: int) -> None:
        """Make the memory, of so many persons."""
        width = features.embedding.shape[1]
        self.register_buffer("centroids", torch.zeros(persons, width))
        self.register_buffer("seen", torch.zeros(persons, dtype=torch.bool))

    def forward(self, features: Features, batch: Batch) -> Tensor:
        with torch.autocast(features.embedding.device.type, enabled=False):
            vectors = normalize(at_least_float32(features.embedding))
            memory = self._begun(vectors.detach(), batch.persons)
            cosines = vectors @ memory.T  # [B, persons]
            cosines = cosines.masked_fill(~self.seen, -torch.inf)
            loss = cross_entropy(cosines / self.temperature, batch.persons)
        if self.training:
            self.centroids = self._drawn(memory, vectors.detach(), batch.persons)
        return loss

    def _begun(self, vectors: Tensor, persons: Tensor) -> Tensor:
        """The memory with the persons of a batch who were not in it."""
        memory = self.centroids.to(vectors.dtype).clone()
        for person in persons[~self.seen[persons]].unique():
            memory[person] = normalize(vectors[persons == person].mean(dim=0), dim=0)
        self.seen = self.seen.index_fill(0, persons, True)
        return memory

    def _drawn(self, memory: Tensor, vectors: Tensor, persons: Tensor) -> Tensor:
        """The memory after a batch; the one given stays as it is, for the gradient."""
        after = memory.clone()
        for vector, person in zip(vectors, persons.tolist(), strict=True):
            mixed = self.momentum * after[person] + (1 - self.momentum) * vector
            after[person] = normalize(mixed, dim=0)
        return after
