"""What several pictures of one person say together of each passage of a gallery.

The likelihood ratio of a passage is the mean over the pictures of those of its nearest sighting, as
`search.posterior` takes the mean over sightings: true whatever the pictures have in common. Its
false-match rate, where no calibration holds, is at most the number of pictures times the least.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from passerby.evaluation.bootstrap import Interval
from passerby.gallery.search.matches import Match, Matches


@dataclass(frozen=True)
class Worth:
    """llr: natural logarithm of the likelihood ratio, None where none is known, with its interval;
    false_match_rate: in its place; distance: of the nearest picture."""

    distance: float
    llr: float | None = None
    llr_interval: Interval | None = None
    false_match_rate: float | None = None


@dataclass
class _Pictures:
    """What each of some pictures says of one passage: the match nearest to it."""

    by_picture: dict[int, Match] = field(default_factory=dict)

    def add(self, picture: int, match: Match) -> None:
        known = self.by_picture.get(picture)
        if known is None or match.distance < known.distance:
            self.by_picture[picture] = match

    def worth(self, pictures: int) -> Worth:
        matches = [*self.by_picture.values()]
        rates = [m.false_match_rate for m in matches if m.false_match_rate is not None]
        llrs = [m.llr for m in matches if m.llr is not None]
        spreads = [m.llr_interval for m in matches if m.llr_interval is not None]
        whole = llrs and len(spreads) == len(llrs)
        return Worth(
            min(m.distance for m in matches),
            _mean(llrs, pictures),
            Interval(
                _mean([one.low for one in spreads], pictures) or 0.0,
                _mean([one.high for one in spreads], pictures) or 0.0,
            )
            if whole
            else None,
            min(1.0, pictures * min(rates)) if rates else None,
        )


def worths(found: Sequence[Matches], passage_of: dict[str, int]) -> dict[int, Worth]:
    """By passage; passage_of: the number of each sighting's. A picture that did not find a passage
    counts as if its ratio were nothing."""
    each: dict[int, _Pictures] = {}
    for picture, matches in enumerate(found):
        for match in matches:
            if match.sighting in passage_of:
                each.setdefault(passage_of[match.sighting], _Pictures()).add(picture, match)
    return {passage: one.worth(len(found)) for passage, one in each.items()}


def _mean(llrs: Sequence[float], count: int) -> float | None:
    """The logarithm of the mean of ratios over ``count``, of which these are not nothing."""
    if not llrs:
        return None
    most = max(llrs)
    return most + math.log(sum(math.exp(one - most) for one in llrs) / count)
