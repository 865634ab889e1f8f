"""A fit of answered questions beside what the gallery's unlabelled distances show.

Answers say little of distances nobody was asked about, and a line has not the right shape
everywhere; the unlabelled ratio (`unlabelled`) has a shape, and knows no answer. Their mean is a
logarithmic pool (Genest and Zidek 1986, "Combining probability distributions", Statistical Science
1): equal weights without an answer, and the ratio's falls as answers come. What it gave beside the
line alone: docs/results/calibration.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from passerby.evaluation.decisions.likelihood import Curve
from passerby.evaluation.decisions.unlabelled import (
    FEWEST_PAIRS,
    UnlabelledDistances,
    unlabelled_distances,
)

_ANSWERS = 100  # after so many the ratio's weight is half of what it was
_KNOTS = 300


def unlabelled_of(population: ArrayLike) -> UnlabelledDistances | None:
    """What the distances [P] of all pairs show; None where they are too few, or copies."""
    distances = np.asarray(population, np.float64)
    if len(distances) < FEWEST_PAIRS:
        return None
    try:
        return unlabelled_distances(distances)
    except ValueError:
        return None


def pooled(
    curve: Curve, fitted: Curve, unlabelled: UnlabelledDistances | None, answers: int
) -> Curve:
    """A curve of a fit, or an end of its interval, moved as the pool moves the fit itself.

    fitted: the fit's curve; answers: that it is of. The interval keeps its width, as nothing is
    known of the ratio's own error.
    """
    if unlabelled is None:
        return curve
    at = np.linspace(0, curve.distances[-1], _KNOTS)
    weight = _ANSWERS / (_ANSWERS + answers) / 2
    moved = curve.llr(at) + weight * (unlabelled.llrs(at) - fitted.llr(at))
    return Curve(tuple(at.tolist()), tuple(np.minimum.accumulate(moved).tolist()))
