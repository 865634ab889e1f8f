"""P × K sampling: batches of P persons with K images each, as metric losses need them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

from passerby.config import Sampling
from passerby.process import distributed
from passerby.tables.records import Record

Mix = Literal["joint", "even", "alternate"]


def person_batches(
    records: Sequence[Record], labels: Sequence[int], sampling: Sampling, seed: int
) -> PersonBatches:
    """The batches of a recipe's sampling over training records, for all processes together.

    Raises ValueError as `PersonBatches`, and when the persons do not divide over the processes.
    """
    if sampling.persons % distributed.world_size():
        raise ValueError(
            f"{sampling.persons} persons a batch do not divide over {distributed.world_size()} "
            "processes: set sampling.persons to a multiple"
        )
    return PersonBatches(
        labels,
        sampling.persons,
        sampling.images,
        seed=seed,
        limit=sampling.limit,
        mix=sampling.sources,
        sources=[record.source for record in records],
        cameras=[r.camera for r in records] if sampling.cameras == "balanced" else (),
        sites=sites_of(records, labels) if sampling.sites == "apart" else (),
    )


def sites_of(records: Sequence[Record], labels: Sequence[int]) -> list[int]:
    """The site [N] of each row: persons whom cameras in common link, directly or by others.

    A source without cameras is one site.
    """
    parents: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        while (above := parents.setdefault(node, node)) != node:
            parents[node] = node = parents[above]  # halves the way for whoever comes next
        return node

    for record, label in zip(records, labels, strict=True):
        parents[root(record.camera_key)] = root(label)
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(root(label), len(numbers)) for label in labels]


class PersonBatches:
    """Batches of rows such that each holds ``persons`` persons with ``images`` rows of each.

    labels [N]: the person of each row. An epoch cuts each person's shuffled rows into groups of
    ``images`` (a person with fewer rows is filled up with repetitions, what remains beyond whole
    groups waits for another epoch's shuffle) and draws ``persons`` persons a batch until fewer
    have groups left: the scheme of Hermans et al. 2017 and of BoT (Luo et al. 2019). ``limit``
    bounds the groups of one person in an epoch (0: no bound), for sets where a few persons, or
    one source, have most of the images.

    mix: "joint" draws from all persons, so that a source comes as often as its groups are many;
    "even" gives every source an equal share of each batch (what does not divide goes round);
    "alternate" takes each batch from one source, in turn. sources [N]: the source of each row. In
    both an epoch goes once through the source with most groups, while those with fewer begin
    anew, as far as ``limit`` allows; where it does not, the epoch ends.

    cameras [N]: the camera of each row; a person's groups then hold as many of the person's
    cameras as possible (FastReID, He et al. 2020, draws images of other cameras for one anchor;
    here all groups of a deal are divided together). Without them the shuffle cuts the groups.

    sites [N]: the site of each row's person. A source's share of a batch is then filled with
    persons of one site, drawn by how many of its persons are left, then of another.

    Batches depend on seed and epoch only. Raises ValueError when there are too few persons.
    """

    def __init__(
        self,
        labels: Sequence[int],
        persons: int,
        images: int,
        *,
        seed: int,
        limit: int = 0,
        mix: Mix = "joint",
        sources: Sequence[Hashable] = (),
        cameras: Sequence[Hashable] = (),
        sites: Sequence[Hashable] = (),
    ) -> None:
        if persons < 2 or images < 1:
            raise ValueError(
                f"a batch needs at least 2 persons × 1 image, got {persons} × {images}"
            )
        apart = mix != "joint"
        self._cameras, self._mix = cameras, mix
        rows: dict[Hashable, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for row, label in enumerate(labels):
            rows[sources[row] if apart else ""][label].append(row)
        self.sites = dict(zip(labels, sites, strict=True)) if sites else {}
        self._rows = list(rows.values())  # by source, in the order of the records
        self.persons, self.images, self.seed, self.limit = persons, images, seed, limit
        self._require_enough_persons(list(rows))

    def epoch(self, epoch: int) -> list[list[int]]:
        """The batches of one epoch, rows of one person standing together."""
        random = np.random.default_rng([self.seed, epoch])
        decks = [_Deck(self, rows, random) for rows in self._rows]
        batches: list[list[int]] = []
        while True:
            shares = self._shares(len(batches))
            through = [deck.is_through(max(shares)) for deck in decks]
            # In turns every source has had its last batch before the epoch ends.
            if all(through) and (self._mix != "alternate" or len(batches) % len(decks) == 0):
                return batches
            hands = [deck.deal(share) for deck, share in zip(decks, shares, strict=True) if share]
            if None in hands:
                return batches
            batches.append(_interleaved([hand for hand in hands if hand is not None]))

    def groups(self, rows: Sequence[int], random: np.random.Generator) -> list[list[int]]:
        """A person's rows, cut into groups of ``images`` for one deal."""
        order: list[int] = random.permutation(rows).tolist()
        if self._cameras:
            return self._spread(rows, order, random)
        while len(order) < self.images:
            order.extend(random.permutation(rows).tolist())
        if len(rows) < self.images:
            order = order[: self.images]
        whole = len(order) // self.images
        return [order[i * self.images : (i + 1) * self.images] for i in range(whole)]

    def _spread(
        self, rows: Sequence[int], order: Sequence[int], random: np.random.Generator
    ) -> list[list[int]]:
        """The same number of groups, each taken from the cameras with most rows left: from every
        camera once before any comes twice, so that none stands alone in the last groups."""
        groups: list[list[int]] = []
        left = self._by_camera(order)
        while len(groups) < max(len(rows) // self.images, 1):
            group: list[int] = []
            fresh = set(left)
            while len(group) < self.images:
                if not left:  # fewer rows than a group needs: all come again
                    left = self._by_camera(random.permutation(rows).tolist())
                among = [camera for camera in left if camera in fresh] or list(left)
                chosen = max(among, key=lambda camera: len(left[camera]))
                fresh.discard(chosen)
                group.append(left[chosen].pop())
                left = {camera: own for camera, own in left.items() if own}
            groups.append(group)
        return groups

    def _by_camera(self, order: Sequence[int]) -> dict[Hashable, list[int]]:
        left: dict[Hashable, list[int]] = {}
        for row in order:
            left.setdefault(self._cameras[row], []).append(row)
        return left

    def _shares(self, batch: int) -> list[int]:
        """How many persons each source gives to a batch."""
        count = len(self._rows)
        if self._mix == "alternate":
            return [self.persons if source == batch % count else 0 for source in range(count)]
        whole, more = divmod(self.persons, count)
        return [whole + ((source - batch * more) % count < more) for source in range(count)]

    def _require_enough_persons(self, names: Sequence[Hashable]) -> None:
        if self._mix == "even" and len(self._rows) > self.persons:
            raise ValueError(
                f"{self.persons} persons a batch cannot come from {len(self._rows)} sources evenly:"
                " raise sampling.persons, or take turns with --set sampling.sources=alternate"
            )
        share = self.persons if self._mix != "even" else -(-self.persons // len(self._rows))
        for name, rows in zip(names, self._rows, strict=True):
            if len(rows) < share:
                most = max(len(rows), 1) * (len(self._rows) if self._mix == "even" else 1)
                of_source = f" of {name}" if name else ""
                raise ValueError(
                    f"a batch of {share} persons{of_source} cannot be drawn from {len(rows)}: lower"
                    f" it with --set sampling.persons={max(most, 2)}"
                )


class _Deck:
    """The groups of one source's persons that are still to come in an epoch."""

    def __init__(
        self, batches: PersonBatches, rows: dict[int, list[int]], random: np.random.Generator
    ) -> None:
        self._batches, self._rows, self._random = batches, rows, random
        self._dealt: dict[int, int] = dict.fromkeys(rows, 0)
        self._groups: dict[int, list[list[int]]] = {}
        self._available: list[int] = []
        self._through = False
        self._shuffle()

    def is_through(self, persons: int) -> bool:
        """Whether the first deal is over: too few are left of it for ``persons`` persons."""
        self._through = self._through or len(self._available) < persons
        return self._through

    def deal(self, persons: int) -> list[list[int]] | None:
        """One group of each of ``persons`` persons; None when the limit leaves too few."""
        if len(self._available) < persons:
            self._shuffle()
        if len(self._available) < persons:
            return None
        labels = self._drawn(persons)
        for label in labels:
            self._dealt[label] += 1
        hand = [self._groups[label].pop() for label in labels]
        spent = {label for label in labels if not self._groups[label]}
        self._available = [label for label in self._available if label not in spent]
        return hand

    def _drawn(self, persons: int) -> list[int]:
        if not self._batches.sites:
            chosen = self._random.choice(len(self._available), persons, replace=False)
            return [self._available[i] for i in chosen]
        by_site: dict[Hashable, list[int]] = defaultdict(list)
        for i in self._random.permutation(len(self._available)):
            label = self._available[i]
            by_site[self._batches.sites[label]].append(label)
        # A site comes as early as the first of its persons in the shuffle: by how many are left.
        return [label for labels in by_site.values() for label in labels][:persons]

    def _shuffle(self) -> None:
        limit = self._batches.limit
        self._groups = {}
        for label, rows in self._rows.items():
            left = limit - self._dealt[label] if limit else len(rows)
            self._groups[label] = self._batches.groups(rows, self._random)[:left]
        self._available = [label for label, groups in self._groups.items() if groups]


def _interleaved(hands: Sequence[list[list[int]]]) -> list[int]:
    """The groups of all sources, one source after the other, so that every slice of a batch (the
    share of one process) is mixed as the batch is."""
    longest = max(len(hand) for hand in hands)
    turns = [hand[turn] for turn in range(longest) for hand in hands if turn < len(hand)]
    return [row for group in turns for row in group]
