"""Pieces of one stay joined by appearance and motion: trackers lose who was hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.video.continuity import continuity
from passerby.video.passages import Look, Passage

LEAST_RATIO = 10.0
"""Likelihood ratio from which two pieces are one: most pairs of pieces are of two persons."""

Ratio = Callable[[NDArray[np.float32], NDArray[np.float32]], float]
"""Vectors [N, D] and [M, D] of two pieces to their log-likelihood ratio (natural)."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """A passage with the looks [N] that stand for it and their vectors [N, D] of length 1."""

    passage: Passage
    looks: tuple[Look, ...]
    vectors: NDArray[np.float32]

    def joined_with(self, later: Embedded) -> Embedded:
        """Both as one."""
        return Embedded(
            self.passage.joined_with(later.passage),
            self.looks + later.looks,
            np.concatenate([self.vectors, later.vectors]),
        )


class Mender:
    """Holds pieces for ``gap`` seconds after their end, and joins those that are of one stay.

    What speaks for two pieces is the ratio of their looks and how well one goes on from the other
    (`continuity`). Joined are, the likeliest first, pairs whose ratio is ``least`` or more, each
    piece to at most one before and one after it: so that a piece is not taken by the first one
    that it resembles when it is another's. Never two that overlap in time, for nobody is at two
    places in one picture.
    """

    def __init__(self, ratio: Ratio, gap: float, least: float = LEAST_RATIO) -> None:
        self._ratio, self._gap, self._least = ratio, gap, float(np.log(least))
        self._held: list[Embedded] = []
        self._known: dict[tuple[Embedded, Embedded], float] = {}

    def take(self, piece: Embedded) -> None:
        """A piece that has ended; to be given in the order in which they end."""
        self._held.append(piece)

    def ready(self, seconds: float, begun: float) -> list[Embedded]:
        """What nothing can follow any more, now that the source is at ``seconds`` and what goes on
        began at ``begun`` at the earliest (infinity: nothing goes on)."""
        oldest = min(seconds, begun) - self._gap
        done = []
        while due := [held for held in self._held if held.passage.last < oldest]:
            first = min(due, key=lambda held: held.passage.last)
            self._held.remove(first)
            follower = self._links([first, *self._held]).get(first)
            if follower is None:
                done.append(first)
            else:
                self._held.remove(follower)
                self._held.append(first.joined_with(follower))
        held = set(self._held)
        self._known = {pair: llr for pair, llr in self._known.items() if held >= {*pair}}
        return done

    def end(self) -> list[Embedded]:
        """All that are held, when the source has ended."""
        return self.ready(float("inf"), float("inf"))

    def _links(self, pieces: list[Embedded]) -> dict[Embedded, Embedded]:
        """Which piece follows which, the likeliest pairs first."""
        pairs = [
            (self._llr(one, other), one, other)
            for one in pieces
            for other in pieces
            if 0 < other.passage.first - one.passage.last <= self._gap
        ]
        links: dict[Embedded, Embedded] = {}
        taken: set[Embedded] = set()
        for llr, one, other in sorted(pairs, key=lambda pair: -pair[0]):
            if llr >= self._least and one not in links and other not in taken:
                links[one] = other
                taken.add(other)
        return links

    def _llr(self, one: Embedded, other: Embedded) -> float:
        """What speaks for ``other`` being the same stay as ``one`` before it."""
        if (one, other) not in self._known:
            llr = self._ratio(one.vectors, other.vectors)
            end, begin = one.passage.exit, other.passage.entry
            if end is not None and begin is not None:
                llr += continuity(end, begin, other.passage.first - one.passage.last)
            self._known[one, other] = llr
        return self._known[one, other]


def looks_llr(
    llr: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
) -> float:
    """The log-likelihood ratio of two pieces by their looks, [N, D] and [M, D] of length 1.

    Each look counts with the one of the other piece that it is most like, the mean of both ways:
    a person seen from behind is compared with herself from behind, where the other piece has that.
    llr: of cosine distances.
    """
    llrs = llr(1 - first @ second.T)
    return float(llrs.max(axis=1).mean() + llrs.max(axis=0).mean()) / 2
