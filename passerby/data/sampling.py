"""P × K sampling: batches of P persons with K images each, as metric losses need them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np


class PersonBatches:
    """Batches of rows such that each holds ``persons`` persons with ``images`` rows of each.

    labels [N]: the person of each row. An epoch cuts each person's shuffled rows into groups of
    ``images`` (a person with fewer rows is filled up with repetitions, what remains beyond whole
    groups waits for another epoch's shuffle) and draws ``persons`` persons a batch until fewer
    have groups left: the scheme of Hermans et al. 2017 and of BoT (Luo et al. 2019). ``limit``
    bounds the groups of one person in an epoch (0: no bound), for sets where a few persons, or
    one source, have most of the images.
    Batches depend on seed and epoch only. Raises ValueError when there are too few persons.
    """

    def __init__(
        self, labels: Sequence[int], persons: int, images: int, *, seed: int, limit: int = 0
    ) -> None:
        self._rows: dict[int, list[int]] = defaultdict(list)
        for row, label in enumerate(labels):
            self._rows[label].append(row)
        if persons < 2 or images < 1:
            raise ValueError(
                f"a batch needs at least 2 persons × 1 image, got {persons} × {images}"
            )
        if len(self._rows) < persons:
            raise ValueError(
                f"a batch of {persons} persons cannot be drawn from {len(self._rows)}: lower it "
                f"with --set sampling.persons={max(len(self._rows), 2)}"
            )
        self.persons, self.images, self.seed, self.limit = persons, images, seed, limit

    def epoch(self, epoch: int) -> list[list[int]]:
        """The batches of one epoch, rows of one person standing together."""
        random = np.random.default_rng([self.seed, epoch])
        groups = {label: self._groups(rows, random) for label, rows in self._rows.items()}
        batches = []
        available = list(groups)
        while len(available) >= self.persons:
            chosen = random.choice(len(available), self.persons, replace=False)
            labels = [available[i] for i in chosen]
            batches.append([row for label in labels for row in groups[label].pop()])
            spent = {label for label in labels if not groups[label]}
            available = [label for label in available if label not in spent]
        return batches

    def _groups(self, rows: list[int], random: np.random.Generator) -> list[list[int]]:
        shuffled = random.permutation(rows).tolist()
        while len(shuffled) < self.images:
            shuffled.extend(random.permutation(rows).tolist())
        if len(rows) < self.images:
            shuffled = shuffled[: self.images]
        whole = len(shuffled) // self.images
        if self.limit:
            whole = min(whole, self.limit)
        return [shuffled[i * self.images : (i + 1) * self.images] for i in range(whole)]
