"""Persons walk from door to door, never at two places at once, at a walker's pace."""

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np

from passerby.synthesis.motion.plan import INSIDE, plan_of
from passerby.synthesis.motion.site import Site
from passerby.synthesis.motion.walks import walks_of

SITE = Site(seed=2, persons=60)
PLAN = plan_of(SITE)
WALKS = walks_of(SITE, PLAN)


def test_everybody_comes_and_some_come_again():
    visits = Counter(walk.person for walk in WALKS)
    assert sorted(visits) == list(range(1, 61))
    assert 5 < sum(count > 1 for count in visits.values()) < 40


def test_nobody_is_on_two_walks_at_once():
    by_person = defaultdict(list)
    for walk in WALKS:
        by_person[walk.person].append((walk.first, walk.last))
    gaps = [
        later[0] - earlier[1]
        for stays in by_person.values()
        for earlier, later in pairwise(sorted(stays))
    ]
    assert min(gaps) > 20


def test_walks_lead_from_door_to_door_at_a_walkers_pace():
    gates = [*((x, INSIDE) for x in PLAN.doors), *((x, None) for x in PLAN.ends)]
    for walk in WALKS:
        for end in (0, -1):
            assert any(
                abs(walk.x[end] - x) < 0.01 and (z is None or walk.z[end] == z) for x, z in gates
            )
        _, _, speed = walk.moves(np.arange(walk.first + 1, walk.last - 1, 0.2))
        assert speed.max() < 2.6
        assert np.median(speed[speed > 0.2]) > 0.7


def test_groups_walk_side_by_side():
    starts = defaultdict(list)
    for walk in WALKS:
        starts[walk.x.tobytes()].append(walk)
    together = [some for some in starts.values() if len(some) > 1]
    assert len(together) > 5
    for first, second, *_ in together:
        middle = np.array([(first.first + first.last) / 2])
        apart = np.hypot(*np.subtract(first.at(middle), second.at(middle)))
        assert 0.3 < apart[0] < 2.5


def test_who_stands_keeps_their_heading():
    walk = next(one for one in WALKS if (np.diff(one.x) == 0).any() and (np.diff(one.z) == 0).any())
    still = np.flatnonzero((np.diff(walk.x) == 0) & (np.diff(walk.z) == 0))[0]
    middle = (walk.times[still] + walk.times[still + 1]) / 2
    heading, _, speed = walk.moves(np.array([walk.times[still] - 0.7, middle]))
    assert speed[1] == 0
    assert heading[0] @ heading[1] > 0.95
