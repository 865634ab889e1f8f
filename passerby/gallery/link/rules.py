"""How sightings are linked: what is expected of persons, and what mistakes cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from passerby.gallery.tracklets import GAP

PREFIX = "linked/"
"""Of the names that linking gives."""


@dataclass(frozen=True)
class Rules:
    """How sightings are linked.

    passages: in how many of them a person is expected to be seen, from which the prior odds follow;
    cost: of a pair joined falsely, beside one missed: the operating point is that of the least
    expected cost; least_ratio: the mean likelihood ratio to link above, in place of both;
    tolerance: seconds that a person needs from one camera to another at least; overlapping: pairs
    of cameras that see the same place, where one person may be at one time; one twice: there are
    mirrors in its picture, and two tracklets at once may be of one person; neighbours: near
    sightings looked at of each; over_known: also group known persons anew; prefix: of the names
    given. Names that begin with it were given by an earlier linking and bind nothing; gap: seconds
    without a sighting that end a tracklet, as trackers give their numbers again; transits: count
    how long persons take from camera to camera, too, where those who are linked surely without show
    that it says something.
    """

    passages: float = 4.0
    cost: float = 0.2
    least_ratio: float | None = None
    tolerance: float = 1.0
    overlapping: tuple[tuple[str, str], ...] = ()
    neighbours: int = 30
    over_known: bool = False
    prefix: str = PREFIX
    gap: float = GAP
    transits: bool = False

    def __post_init__(self) -> None:
        if not self.passages > 1 or not self.tolerance >= 0 or self.neighbours < 1:
            raise ValueError(
                "expected more than 1 passage of a person, a tolerance of 0 seconds or more and at "
                f"least 1 neighbour, got {self.passages}, {self.tolerance} and {self.neighbours}"
            )
        if not 0 < self.cost < math.inf:
            raise ValueError(f"a false join costs more than nothing, got {self.cost}")
        if self.least_ratio is not None and not self.least_ratio >= 1:
            raise ValueError(f"a least likelihood ratio must be 1 or more, got {self.least_ratio}")
        if not self.gap > 0:
            raise ValueError(f"a gap that ends a tracklet takes some seconds, got {self.gap}")
        if not self.prefix:
            raise ValueError(f"names of linked persons need a prefix, such as {PREFIX}")

    def least_llr(self, passages: int) -> float:
        """What a mean log-likelihood ratio must exceed among so many passages.

        Joining two groups costs ``cost`` for each pair of two persons, leaving them apart 1 for
        each pair of one: joining is cheaper where the odds after the evidence are above ``cost``.
        """
        if self.least_ratio is not None:
            return math.log(self.least_ratio)
        against = max(1.0, (passages - 1) / (self.passages - 1))
        return math.log(max(1.0, self.cost * against))
