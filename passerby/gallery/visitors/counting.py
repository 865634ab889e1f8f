"""How many different persons were seen, with an interval.

Not a count of groups at a threshold: partitions of the passages are drawn from their posterior
(`partitions`), and each draw is counted. What is not known of the calibration enters as well: each
chain takes the ratios somewhere else in their intervals. benchmarks/visitors.py shows how often the
intervals hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.visitors.evidence import Evidence
from passerby.gallery.visitors.joint_likelihood import JointLikelihood
from passerby.gallery.visitors.partition_prior import CONCENTRATIONS, log_partitions
from passerby.gallery.visitors.partitions import PartitionChain
from passerby.process.reporting import progress
from passerby.process.spelling import count_of

SHIFTS = (-1.4675, -0.405, 0.405, 1.4675)
"""Of the ratios, a chain each, in half-widths of their 95 % interval: the middles of the quarters
of a normal distribution, 2.5 times as wide as that interval says. A site's own persons and cameras
differ from those of a calibration by more than its interval; the factor was chosen on sites of
other persons than those that it is judged by (benchmarks/visitors.py)."""

LEVEL = 0.95
MOST = 6_000
"""Passages at once: memory and time grow with their square."""


@dataclass(frozen=True)
class Sampling:
    """sweeps: over all passages that count, after burn_in others, of each chain; seed."""

    sweeps: int = 40
    burn_in: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Estimate:
    """A number of persons: middle, the median; low and high: ends of the 95 % interval."""

    middle: int
    low: int
    high: int

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.middle} ({self.low}–{self.high})"


@dataclass(frozen=True, eq=False)
class Draws:
    """Of P passages: persons [S, P], a number for each in each of S partitions."""

    persons: NDArray[np.int64]

    def counts(
        self, there: NDArray[np.bool_], seen_before: NDArray[np.bool_], without: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Of each partition [S, 2] the persons with a passage ``there`` [P], and how many of these
        have one ``seen_before`` [P]; who has one ``without`` [P] does not count."""
        found = np.empty((len(self.persons), 2), np.int64)
        for row, labels in enumerate(self.persons):
            has = np.zeros((3, labels.max(initial=-1) + 1), bool)
            for kind, passages in enumerate((there, seen_before, without)):
                has[kind, labels[passages]] = True
            counted = has[0] & ~has[2]
            found[row] = counted.sum(), (counted & has[1]).sum()
        return found


def draws(known: Evidence, joint: JointLikelihood, sampling: Sampling) -> Draws:
    """Partitions of P passages from their posterior.

    Raises ValueError for more passages than `MOST`.
    """
    count = len(known)
    if count > MOST:
        raise ValueError(
            f"expected at most {MOST:,} passages to count at once, got {count:,}: count a shorter "
            "time, or a camera at a time"
        )
    if not count:
        return Draws(np.empty((1, 0), np.int64))
    priors = tuple(log_partitions(count, one) for one in CONCENTRATIONS)
    found, total = [], len(SHIFTS) * (sampling.burn_in + sampling.sweeps)
    with progress("sampling who is whom") as advance:
        for number, shift in enumerate(SHIFTS):
            random = np.random.default_rng([sampling.seed, number])
            chain = PartitionChain(known.shifted(shift), joint, priors, random)
            for sweep in range(sampling.burn_in + sampling.sweeps):
                chain.sweep()
                if sweep >= sampling.burn_in:
                    found.append(chain.labels.copy())
                done = number * total // len(SHIFTS) + sweep + 1
                advance(done, total, f"{count_of(chain.persons, 'person')}")
    return Draws(np.stack(found))


def estimate(counts: Sequence[int] | NDArray[np.int64]) -> Estimate:
    """The median and the 95 % interval of numbers [S] drawn from a posterior."""
    tail = (1 - LEVEL) / 2
    low = np.quantile(counts, tail, method="inverted_cdf")
    high = np.quantile(counts, 1 - tail, method="inverted_cdf")
    middle = np.quantile(counts, 0.5, method="inverted_cdf")
    return Estimate(int(middle), int(low), int(high))


def at_a_threshold(llrs: NDArray[np.float32], least: float) -> int:
    """How many groups P passages make where every pair above an LLR is of one person."""
    labels = np.arange(len(llrs))
    one, other = np.nonzero(llrs > least)
    while True:
        spread = labels.copy()
        np.minimum.at(spread, one, labels[other])
        if (spread == labels).all():
            return len(np.unique(labels))
        labels = spread[spread]
