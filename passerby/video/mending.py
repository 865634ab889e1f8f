"""Pieces of one stay joined by appearance: trackers go by motion and lose who was hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.video.passages import Look, Passage

LEAST_RATIO = 10.0
"""Mean likelihood ratio from which two pieces are one: most pairs of pieces are of two persons."""

Ratio = Callable[[NDArray[np.float32], NDArray[np.float32]], float]
"""Vectors [N, D] and [M, D] of two pieces to their mean log-likelihood ratio (natural)."""


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
    """Holds what has ended for ``gap`` seconds, and joins to it what begins within them.

    Each piece goes to the held one with the highest ratio, where that is ``least`` or more; never
    to one that it overlaps in time, for nobody is at two places in one picture.
    """

    def __init__(self, ratio: Ratio, gap: float, least: float = LEAST_RATIO) -> None:
        self._ratio, self._gap, self._least = ratio, gap, float(np.log(least))
        self._held: list[Embedded] = []

    def take(self, piece: Embedded) -> None:
        """A piece that has ended; to be given in the order in which they end."""
        best, place = self._least, -1
        for number, held in enumerate(self._held):
            if self._can_follow(held.passage, piece.passage):
                ratio = self._ratio(held.vectors, piece.vectors)
                if ratio >= best:
                    best, place = ratio, number
        if place < 0:
            self._held.append(piece)
        else:
            self._held[place] = self._held[place].joined_with(piece)

    def ready(self, seconds: float, begun: float) -> list[Embedded]:
        """What nothing can follow any more, now that the source is at ``seconds`` and what goes on
        began at ``begun`` at the earliest (infinity: nothing goes on)."""
        oldest = min(seconds, begun) - self._gap
        done = [held for held in self._held if held.passage.last < oldest]
        self._held = [held for held in self._held if held.passage.last >= oldest]
        return done

    def end(self) -> list[Embedded]:
        """All that are held, when the source has ended."""
        held, self._held = self._held, []
        return held

    def _can_follow(self, held: Passage, piece: Passage) -> bool:
        apart = all(first > piece.last or last < piece.first for first, last in held.spans)
        return apart and 0 < piece.first - held.last <= self._gap
