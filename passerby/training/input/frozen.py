"""Training on what a frozen trunk makes of each image, computed once.

Augmentations change images, and with them the vectors: only the mirror image is there, as a second
vector of each image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from passerby.calls import Call
from passerby.config import Recipe
from passerby.data.augmentations import Augmentation
from passerby.embedding.embedder import Embedder
from passerby.models.systems.plain import Plain
from passerby.registry import AUGMENTATIONS
from passerby.training.input.loader import Key, Loaded
from passerby.training.input.persons import TrainPersons
from passerby.training.input.vectors_once import vectors_once
from passerby.training.step.trunk_and_head import Trunk

_KEPT = ("flip",)  # augmentations that a few vectors an image can stand for


class FrozenVectors:
    """Vectors [N, 1 or 2, C] of N records (of the image, of its mirror image) in place of images.

    Those that could not be read are NaN; another of the same person takes their place.
    """

    def __init__(
        self,
        vectors: Tensor,
        labels: Sequence[int],
        augmentations: Sequence[Augmentation],
        seed: int,
    ) -> None:
        self._vectors, self._labels, self._seed = vectors, labels, seed
        self._augmentations = augmentations
        readable = vectors[:, 0].isfinite().all(dim=1).tolist()
        self._rows_of = defaultdict(list)
        for row, label in enumerate(labels):
            if readable[row]:
                self._rows_of[label].append(row)

    def load(self, keys: Sequence[Key]) -> Loaded:
        """One batch of maps [B, C, 1, 1], mirrored where the augmentation would have done so."""
        rows: list[int] = []
        mirrored: list[int] = []
        for key in keys:
            own = self._rows_of[self._labels[key.row]]
            if own:
                rows.append(key.row if key.row in own else own[key.row % len(own)])
                mirrored.append(self._is_mirrored(key))
        which = torch.tensor(rows, dtype=torch.long)
        found = self._vectors[which, torch.tensor(mirrored, dtype=torch.long)]
        return Loaded(found[:, :, None, None], which, ())

    def _is_mirrored(self, key: Key) -> int:
        """Whether an image at this place would be, by the random numbers that are its own."""
        random = np.random.default_rng([self._seed, key.epoch, key.position])
        two = torch.tensor([0, 1], dtype=torch.uint8).expand(3, 1, 2)
        for augmentation in self._augmentations:
            two = augmentation.at(key.epoch)(two, random)
        return int(two[0, 0, 0])


def frozen_vectors(
    recipe: Recipe,
    whole: Plain,
    persons: TrainPersons,
    out: Path,
    *,
    seed: int,
    place: torch.device,
) -> FrozenVectors:
    """What a network's trunk makes of the training images, kept in ``out`` while the run lasts."""
    sides = (False, True) if recipe.augmentations else (False,)
    made = [
        vectors_once(
            out,
            f"frozen-{int(mirrored)}",
            Embedder(Trunk(whole, mirrored=mirrored), recipe.input, device=str(place)),
            persons.train,
            "the frozen backbone" + (", for mirror images," if mirrored else ""),
        )
        for mirrored in sides
    ]
    vectors = torch.from_numpy(np.stack(made, axis=1))
    augmentations = [AUGMENTATIONS.build(call) for call in recipe.augmentations]
    return FrozenVectors(vectors, persons.labels, augmentations, seed)


def require_frozen_fits(recipe: Recipe) -> None:
    """ValueError for what a recipe asks beside network.frozen, and what would be without effect."""
    others = [call for call in recipe.augmentations if Call.parse(call).name not in _KEPT]
    if others:
        raise ValueError(
            f"network.frozen sees each image once, and its mirror image: {', '.join(others)} would "
            "change nothing. Take a recipe without (frozen_head), or train without network.frozen"
        )
    if recipe.averaging.kind != "none" or recipe.computation.sync_batch_norm:
        raise ValueError(
            "network.frozen trains a head of few weights: set averaging.kind=none and "
            "computation.sync_batch_norm=false"
        )
