"""How well groups agree with persons: pairwise, B-cubed and adjusted Rand, from counts alone.

All are computed from how many sightings each group and person share, never from pairs or a table of
groups × persons: a million sightings take a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.process.spelling import count_of
from passerby.tables.keys import numbered


@dataclass(frozen=True)
class Score:
    """precision, recall, and f1, their harmonic mean; each from 0 to 1, 1 where there is nothing
    that could be wrong."""

    precision: float
    recall: float
    f1: float

    def __str__(self) -> str:
        return (
            f"precision {100 * self.precision:.1f} %, recall {100 * self.recall:.1f} %, "
            f"F1 {100 * self.f1:.1f} %"
        )


@dataclass(frozen=True)
class Agreement:
    """Of groups with the true persons of the same sightings.

    pairs: of two sightings, together in a group and of one person; across_cameras: the same for
    pairs by two cameras, None where cameras were not given; b_cubed: mean over sightings of the
    precision and recall of each one's own group (Bagga and Baldwin 1998); adjusted_rand: share of
    pairs decided rightly, less chance (Hubert and Arabie 1985): 0 by chance, 1 perfect.
    """

    sightings: int
    persons: int
    groups: int
    pairs: Score
    across_cameras: Score | None
    b_cubed: Score
    adjusted_rand: float

    def __str__(self) -> str:
        lines = [
            f"{count_of(self.sightings, 'sighting')} of {count_of(self.persons, 'person')} in "
            f"{count_of(self.groups, 'group')}",
            f"pairs: {self.pairs}",
        ]
        if self.across_cameras is not None:
            lines.append(f"pairs across cameras: {self.across_cameras}")
        lines.append(f"B-cubed: {self.b_cubed}; adjusted Rand index {self.adjusted_rand:.3f}")
        return "\n".join(lines)


def agreement(persons: ArrayLike, groups: ArrayLike, cameras: ArrayLike | None = None) -> Agreement:
    """Compare groups [N] with persons [N], both by any names or numbers.

    Raises ValueError for columns of different lengths.
    """
    true, found = numbered(np.asarray(persons)), numbered(np.asarray(groups))
    if len(true) != len(found):
        raise ValueError(f"expected as many groups as persons, got {len(found)} and {len(true)}")
    both = numbered(true, found)
    together, same, right = _pairs(found), _pairs(true), _pairs(both)
    across = None
    if cameras is not None:
        views = numbered(np.asarray(cameras))
        if len(views) != len(true):
            raise ValueError(f"expected {len(true)} cameras, got {len(views)}")
        within = [_pairs(numbered(views, column)) for column in (both, found, true)]
        across = _score(right - within[0], together - within[1], same - within[2])
    sizes = [
        np.bincount(column)[column] if len(column) else column for column in (both, found, true)
    ]
    count = len(true)
    precision = float((sizes[0] / sizes[1]).mean()) if count else 1.0
    recall = float((sizes[0] / sizes[2]).mean()) if count else 1.0
    return Agreement(
        sightings=count,
        persons=len(np.unique(true)),
        groups=len(np.unique(found)),
        pairs=_score(right, together, same),
        across_cameras=across,
        b_cubed=Score(precision, recall, _harmonic(precision, recall)),
        adjusted_rand=_adjusted_rand(right, together, same, count * (count - 1) // 2),
    )


def _pairs(column: NDArray[np.int64]) -> int:
    """Pairs of rows with the same number."""
    counts = np.bincount(column).astype(object)  # whole numbers of any size
    return int((counts * (counts - 1)).sum()) // 2 if len(column) else 0


def _score(right: int, together: int, same: int) -> Score:
    precision = right / together if together else 1.0
    recall = right / same if same else 1.0
    return Score(precision, recall, _harmonic(precision, recall))


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _adjusted_rand(right: int, together: int, same: int, total: int) -> float:
    if total == 0:
        return 1.0
    expected = together * same / total
    most = (together + same) / 2
    return (right - expected) / (most - expected) if most != expected else 1.0
