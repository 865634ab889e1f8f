"""Sampling partitions: which passages are of one person, drawn from their posterior.

Gibbs sampling moves a passage at a time (Neal 2000, algorithm 3); sequentially-allocated split and
merge moves whole persons (Dahl 2005). Both leave the posterior as it is (the tests compare them
with an enumeration of all partitions), and all passages are candidates for all persons: what is
kept of each passage and person is the sum of the ratios between them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.visitors.joint_likelihood import JointLikelihood
from passerby.gallery.visitors.partition_prior import CONCENTRATIONS, log_rising

APART = -1000.0
"""The log-likelihood ratio of a pair that cannot be of one person."""

_LEAST_LLR = -3.0  # of the pairs that splits and merges begin from
_MOVES = 0.35  # splits and merges in a sweep, of a passage
_FAR = 700.0  # beyond which exp() overflows


class PartitionChain:
    """A Markov chain over partitions of N passages.

    Args:
        llrs: Natural log-likelihood ratios [N, N] float32, symmetric, 0 on the diagonal.
        joint: What the ratios of a group's pairs say together.
        priors: `log_partitions` of N for each of `CONCENTRATIONS`.
        random: The only source of chance.
    """

    def __init__(
        self,
        llrs: NDArray[np.float32],
        joint: JointLikelihood,
        priors: tuple[NDArray[np.float64], ...],
        random: np.random.Generator,
    ) -> None:
        count = len(llrs)
        self._llrs, self._random, self._priors = llrs, random, priors
        self._w, self._e = joint.weights(count + 1), joint.offsets(count + 1)
        self._rising = [log_rising(one, count) for one in CONCENTRATIONS]
        self._near = np.argwhere(np.triu(llrs > _LEAST_LLR, 1))
        self.labels = np.full(count, -1)
        self.persons = 0
        self._members: list[set[int]] = []
        self._sums = np.zeros((count, count), np.float32)  # [passage, person]: of the ratios
        self._sizes, self._within = np.zeros(count, np.int64), np.zeros(count)
        # What a passage adds to a person is _fixed + _slope * _sums, the prior included.
        self._fixed, self._slope = np.zeros(count), np.zeros(count)
        self._take(CONCENTRATIONS.index(1.0))
        for passage in random.permutation(count).tolist():
            self._allocate(passage)

    def sweep(self) -> None:
        """Every passage once, some splits and merges, and the concentration."""
        for passage in self._random.permutation(len(self.labels)).tolist():
            self._move(passage)
        if len(self._near):
            moves = int(_MOVES * len(self.labels)) + 1
            chosen = self._near[self._random.integers(len(self._near), size=moves)]
            for one, other in chosen.tolist():
                self._split_or_merge(one, other)
        self._draw_concentration()

    def _score(self, size: int, within: float) -> float:
        return float(self._w[size] * within + self._e[size])

    def _allocate(self, passage: int) -> None:
        """Give a passage without a person one."""
        odds = self._odds(passage, self.persons)
        to = self._draw(odds)
        if to == self.persons:
            self._make([passage])
        else:
            self._put(passage, to)

    def _move(self, passage: int) -> None:
        own, persons = int(self.labels[passage]), self.persons
        size = int(self._sizes[own])
        odds = self._odds(passage, persons - (size == 1))
        if size == 1:
            odds[own] = -math.inf
        else:
            within = float(self._within[own])
            without = within - float(self._sums[passage, own])
            gained = self._score(size, within) - self._score(size - 1, without)
            odds[own] = math.log(size - 1 + self._concentration) + gained
        to = self._draw(odds)
        if to == own or (size == 1 and to == persons):
            return
        if to == persons:
            self._take_out(passage)
            self._make([passage])
            return
        anyone = next(iter(self._members[to]))  # persons are renumbered when one goes
        self._take_out(passage)
        self._put(passage, int(self.labels[anyone]))

    def _odds(self, passage: int, others: int) -> NDArray[np.float64]:
        """Log-odds of each person, and of a new one [persons + 1]; others: persons without it."""
        count = self.persons
        odds = np.empty(count + 1)
        odds[:count] = self._fixed[:count] + self._slope[:count] * self._sums[passage, :count]
        more = self._prior[others + 1] - self._prior[others] if others else 0.0
        odds[count] = math.log(self._concentration) - more
        return odds

    def _draw(self, odds: NDArray[np.float64]) -> int:
        shares = np.exp(odds - odds.max()).cumsum()
        return int(shares.searchsorted(self._random.random() * shares[-1], side="right"))

    def _split_or_merge(self, one: int, other: int) -> None:
        """Propose to split the person of two passages, or to merge their persons."""
        a, b = int(self.labels[one]), int(self.labels[other])
        rest = [*((self._members[a] | self._members[b]) - {one, other})]
        self._random.shuffle(rest)
        rows = [one, other, *rest]
        first, second, chance = self._two_parts(rows, None if a == b else self.labels[rows] == a)
        parts = [rows[i] for i in first], [rows[i] for i in second]
        merged = self.persons - (a != b)
        gain = self._apart(*parts, merged) - chance
        if a == b and math.log1p(-self._random.random()) < gain:
            self._sums[:, a] -= self._llrs[parts[1]].sum(axis=0)
            self._members[a] -= set(parts[1])
            self._renew(a)
            self._make(parts[1])
        elif a != b and math.log1p(-self._random.random()) < -gain:
            self._sums[:, a] += self._sums[:, b]
            self.labels[parts[1]] = a
            self._members[a] |= self._members[b]
            self._renew(a)
            self._drop_person(b)

    def _two_parts(
        self, rows: list[int], given: NDArray[np.bool_] | None
    ) -> tuple[list[int], list[int], float]:
        """Two parts of some passages, as places among ``rows``, begun by the first two and
        allocated one by one, and the logarithm of the chance of it; given: to take these."""
        llrs = self._llrs[np.ix_(rows, rows)].tolist()
        parts, within, chance = ([0], [1]), [0.0, 0.0], 0.0
        lots = self._random.random(len(rows)).tolist()
        for row in range(2, len(rows)):
            sums = [sum(llrs[row][i] for i in part) for part in parts]
            gains = [
                math.log(len(part) + self._concentration)
                + self._score(len(part) + 1, within[side] + sums[side])
                - self._score(len(part), within[side])
                for side, part in enumerate(parts)
            ]
            against = min(max(gains[1] - gains[0], -_FAR), _FAR)
            to_first = lots[row] * (1 + math.exp(against)) < 1 if given is None else given[row]
            side = 0 if to_first else 1
            chance -= math.log1p(math.exp(against if to_first else -against))
            parts[side].append(row)
            within[side] += sums[side]
        return *parts, chance

    def _apart(self, first: list[int], second: list[int], merged: int) -> float:
        """How much likelier two parts are as two persons than as one; merged: persons there are
        when they are one."""
        rising = self._rising[self._number]
        inner = [float(self._llrs[np.ix_(part, part)].sum()) / 2 for part in (first, second)]
        across = float(self._llrs[np.ix_(first, second)].sum())
        one, two = len(first), len(second)
        together = self._score(one + two, sum(inner) + across) + rising[one + two]
        apart = self._score(one, inner[0]) + self._score(two, inner[1]) + rising[one] + rising[two]
        more = self._prior[merged + 1] - self._prior[merged]
        return float(apart - together - more)

    def _draw_concentration(self) -> None:
        sizes = self._sizes[: self.persons]
        odds = np.array(
            [
                rising[sizes].sum() - prior[self.persons]
                for rising, prior in zip(self._rising, self._priors, strict=True)
            ]
        )
        self._take(self._draw(odds))

    def _take(self, number: int) -> None:
        self._number, self._prior = number, self._priors[number]
        self._concentration = CONCENTRATIONS[number]
        for person in range(self.persons):
            self._weigh(person)

    def _put(self, passage: int, person: int) -> None:
        self._within[person] += self._sums[passage, person]
        self._sizes[person] += 1
        self._sums[:, person] += self._llrs[passage]
        self.labels[passage] = person
        self._members[person].add(passage)
        self._weigh(person)

    def _take_out(self, passage: int) -> None:
        person = int(self.labels[passage])
        self._members[person].discard(passage)
        if not self._members[person]:
            self._drop_person(person)
            return
        self._sums[:, person] -= self._llrs[passage]
        self._within[person] -= self._sums[passage, person]
        self._sizes[person] -= 1
        self._weigh(person)

    def _make(self, passages: list[int]) -> None:
        """A new person of these."""
        person = self.persons
        self.persons += 1
        self._members.append(set(passages))
        self.labels[passages] = person
        self._sums[:, person] = self._llrs[passages].sum(axis=0)
        self._renew(person)

    def _renew(self, person: int) -> None:
        """Count a person's passages anew, whose sums are right."""
        rows = [*self._members[person]]
        self._sizes[person] = len(rows)
        self._within[person] = float(self._sums[rows, person].sum()) / 2
        self._weigh(person)

    def _weigh(self, person: int) -> None:
        size, within = int(self._sizes[person]), float(self._within[person])
        joined = self._score(size + 1, within) - self._score(size, within)
        self._fixed[person] = math.log(size + self._concentration) + joined
        self._slope[person] = self._w[size + 1]

    def _drop_person(self, person: int) -> None:
        """The last person takes the number of one who is no more."""
        self.persons -= 1
        last = self.persons
        if person != last:
            self._members[person] = self._members[last]
            self.labels[[*self._members[person]]] = person
            self._sums[:, person] = self._sums[:, last]
            for column in (self._sizes, self._within, self._fixed, self._slope):
                column[person] = column[last]
        self._members.pop()
