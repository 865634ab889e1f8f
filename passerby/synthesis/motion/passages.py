"""Who is before which camera, from when to when: the truth of a site, without a picture drawn."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.synthesis.motion.plan import Plan, plan_of
from passerby.synthesis.motion.site import Site
from passerby.synthesis.motion.walks import Walk, walks_of

GAP = 2.0
"""Seconds: who is back in the picture within them never left."""

_LEAST = 0.4  # seconds: shorter glimpses are no passage
_STATURE = 1.7


class Passage(NamedTuple):
    """A stay of a person before a camera; first and last: seconds since the cameras run; walk:
    the number of the visit that it is part of, in the order in which visits begin."""

    person: int
    camera: int
    first: float
    last: float
    walk: int


def passages_of(site: Site) -> list[Passage]:
    """All passages of a site, in the order in which they begin; some 20 ms.

    A person is before a camera while most of them is in its picture, also where somebody or
    something hides them. Persons are numbered from 1, cameras from 1.
    """
    plan = plan_of(site)
    return passages_on(site, plan, walks_of(site, plan))


def passages_on(site: Site, plan: Plan, walks: list[Walk]) -> list[Passage]:
    """The passages that walks give, as in `passages_of`; those of one walk and camera that are
    less than GAP apart are one."""
    found = list[Passage]()
    for number, walk in enumerate(walks):
        frames = frames_of(site, walk)
        if not len(frames):
            continue
        x, z = walk.at(frames / site.rate)
        for one in plan.viewpoints:
            seen = frames[one.sees(x, z, _STATURE)]
            found += [
                Passage(walk.person, one.camera, first, last, number)
                for first, last in _stays(site, seen)
            ]
    return sorted(found, key=lambda passage: (passage.first, passage.camera, passage.person))


def frames_of(site: Site, walk: Walk) -> NDArray[np.int64]:
    """The frames [n] during a walk, from 0."""
    first = max(0, int(np.ceil(walk.first * site.rate)))
    last = min(site.frames - 1, int(np.floor(walk.last * site.rate)))
    return np.arange(first, last + 1)


def _stays(site: Site, frames: NDArray[np.int64]) -> list[tuple[float, float]]:
    """First and last second of runs of frames [n]."""
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > GAP * site.rate)
    firsts, lasts = np.r_[frames[:1], frames[breaks + 1]], np.r_[frames[breaks], frames[-1:]]
    return [
        (first / site.rate, last / site.rate)
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
        if last - first >= _LEAST * site.rate
    ]
