"""The passages of a site are what its walks and cameras give, frame by frame."""

from itertools import pairwise, product

import numpy as np

from passerby.synthesis.motion.passages import GAP, Passage, passages_of
from passerby.synthesis.motion.plan import plan_of
from passerby.synthesis.motion.site import Site
from passerby.synthesis.motion.walks import walks_of


def frame_by_frame(site):
    """Slowly: who is seen in each frame, and runs of frames."""
    plan = plan_of(site)
    open_stays, done = {}, []
    walks = walks_of(site, plan)
    for frame in range(site.frames):
        seconds = frame / site.rate
        for turn, walk in enumerate(walks):
            if not walk.first <= seconds <= walk.last:
                continue
            x, z = walk.at(np.array([seconds]))
            for number, one in enumerate(plan.viewpoints):
                if one.sees(x, z, 1.7)[0]:
                    key = walk.person, number + 1, turn
                    if key in open_stays and seconds - open_stays[key][1] > GAP + 1e-9:
                        done.append((key, *open_stays.pop(key)))
                    first = open_stays.get(key, (seconds,))[0]
                    open_stays[key] = first, seconds
    done += [(key, *stay) for key, stay in open_stays.items()]
    found = [Passage(key[0], key[1], a, b, key[2]) for key, a, b in done if b - a >= 0.4 - 1e-9]
    return sorted(found, key=lambda one: (one.first, one.camera, one.person))


def test_passages_are_those_seen_frame_by_frame():
    site = Site(seed=5, cameras=3, minutes=1.5, persons=6, rate=5)
    assert passages_of(site) == frame_by_frame(site)
    assert len(passages_of(site)) > 8


def test_the_same_arguments_give_the_same_passages():
    assert passages_of(Site(seed=7)) == passages_of(Site(seed=7))
    assert passages_of(Site(seed=7)) != passages_of(Site(seed=8))


def test_only_overlapping_cameras_see_somebody_at_once():
    for seed in range(5):
        pairs = set()
        found = passages_of(Site(seed=seed))
        for one, other in product(found, found):
            assert 0 <= one.first < one.last < 300
            together = one.first <= other.last and other.first <= one.last
            if together and one.person == other.person and one.camera < other.camera:
                pairs.add((one.camera, other.camera))
        assert pairs == {(1, 2)}


def test_from_place_to_place_it_takes_as_long_as_walking_does():
    legs = []
    for seed in range(5):
        found = passages_of(Site(seed=seed))
        for person in range(1, 41):
            own = [one for one in found if one.person == person]
            legs += [
                later.first - earlier.last
                for earlier, later in pairwise(own)
                if {earlier.camera, later.camera} == {3, 4}
            ]
    assert len(legs) > 30
    assert min(legs) > 12
    assert 20 < np.median(legs) < 60
