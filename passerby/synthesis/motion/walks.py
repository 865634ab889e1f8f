"""Who walks where and when: visits of persons, alone and in groups, from door to door."""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.chance import generator
from passerby.synthesis.motion.plan import INSIDE, Floats, Plan
from passerby.synthesis.motion.site import Site

_LANES = ((0.8, 2.2), (3.4, 5.0))  # z of the walkways; between them stand obstacles
_LEAST_AWAY = 30.0  # seconds between two visits of a person
_SMOOTH = 0.35  # seconds: corners are cut
_NO_SPEED = 0.2  # metres a second: who is slower stands


@dataclass(frozen=True, eq=False)
class Walk:
    """A visit of a person from door to door.

    person: from 1; times [n]: seconds, rising; x, z [n]: where the person is then, with straight
    lines between.
    """

    person: int
    times: Floats
    x: Floats
    z: Floats

    @property
    def first(self) -> float:
        """When it begins."""
        return float(self.times[0])

    @property
    def last(self) -> float:
        """When it ends."""
        return float(self.times[-1])

    def at(self, seconds: Floats) -> tuple[Floats, Floats]:
        """x and z [...] at times [...] within the walk, a little smoothed."""
        around = [seconds + shift * _SMOOTH for shift in (-1.0, -0.5, 0.0, 0.5, 1.0)]
        x = np.mean([np.interp(one, self.times, self.x) for one in around], axis=0)
        return x, np.mean([np.interp(one, self.times, self.z) for one in around], axis=0)

    def moves(self, seconds: Floats) -> tuple[Floats, Floats, Floats]:
        """Heading (x, z) [..., 2] of length 1, way gone in metres and speed in metres a second.

        Who stands keeps the heading with which they came.
        """
        ahead, behind = self.at(seconds + 0.2), self.at(seconds - 0.2)
        step = np.stack([ahead[0] - behind[0], ahead[1] - behind[1]], -1)
        speed = np.linalg.norm(step, axis=-1) / 0.4
        legs = np.hypot(np.diff(self.x), np.diff(self.z))
        gone = np.interp(seconds, self.times, np.concatenate([[0.0], np.cumsum(legs)]))
        leg = np.clip(np.searchsorted(self.times, seconds, "right") - 1, 0, len(legs) - 1)
        moving = np.maximum.accumulate(np.where(legs > 0.05, np.arange(len(legs)), 0))[leg]
        kept = np.stack([np.diff(self.x)[moving], np.diff(self.z)[moving]], -1)
        heading = np.where((speed > _NO_SPEED)[..., None], step, kept)
        return heading / np.maximum(np.linalg.norm(heading, axis=-1), 1e-9)[..., None], gone, speed


def walks_of(site: Site, plan: Plan) -> list[Walk]:
    """All visits, in the order in which they begin; each person comes at least once.

    Some visits begin before the cameras run or end after, as in any recording.
    """
    rng = generator(site.seed, "passage", 0, 0, 2)
    groups = _groups(rng, site.persons)
    walks = list[Walk]()
    length = site.minutes * 60
    for group in groups:
        free = -0.15 * length if rng.random() < 0.2 else 0.0
        start = float(rng.uniform(free, max(0.8 * length, free + 1)))
        paces = {person: _pace(site.seed, person) for person in group}
        while True:
            route = _route(rng, plan)
            walks += _together(rng, group, route, start, min(paces.values()))
            start = max(walk.last for walk in walks[-len(group) :])
            start += _LEAST_AWAY + float(rng.exponential(0.2 * length))
            if start > 0.95 * length or rng.random() < 0.35:
                break
    return sorted(walks, key=lambda walk: (walk.first, walk.person))


def _groups(rng: np.random.Generator, persons: int) -> list[list[int]]:
    """Persons who come together: most alone, some by two or three."""
    groups, person = list[list[int]](), 1
    while person <= persons:
        size = int(rng.choice([1, 2, 3], p=[0.72, 0.2, 0.08]))
        groups.append(list(range(person, min(person + size, persons + 1))))
        person += size
    return groups


def _pace(seed: int, person: int) -> float:
    """Metres a second of a person who walks alone."""
    return float(np.clip(generator(seed, "person", person, 2).normal(1.35, 0.16), 0.9, 1.9))


def _route(rng: np.random.Generator, plan: Plan) -> list[tuple[float, float, float]]:
    """Points (x, z, seconds of standing there) from one door or end of the hall to another."""
    gates = [*plan.doors, *plan.ends]
    # Ends of the hall are used as often as all doors together.
    chances = np.array([0.5 / len(plan.doors)] * len(plan.doors) + [0.25, 0.25])
    come, go = rng.choice(len(gates), 2, replace=False, p=chances)
    start, goal = gates[come], gates[go]
    lane = float(rng.uniform(*_LANES[int(rng.integers(2))]))
    along = np.arange(0, abs(goal - start), 9.0)[1:] * np.sign(goal - start) + start
    points = [(start, INSIDE, 0.0)] if come < len(plan.doors) else []
    points.append((start, lane, 0.0))
    for x in along[:-1].tolist():
        wander = float(np.clip(lane + rng.normal(0, 0.25), lane - 0.5, lane + 0.5))
        stands = float(rng.uniform(4, 18)) if rng.random() < 0.06 else 0.0
        points.append((x + float(rng.normal(0, 1.0)), max(0.7, wander), stands))
    points.append((goal, lane, 0.0))
    if go < len(plan.doors):
        points.append((goal, INSIDE, 0.0))
    return points


def _together(
    rng: np.random.Generator,
    group: list[int],
    route: list[tuple[float, float, float]],
    start: float,
    pace: float,
) -> list[Walk]:
    """The walks of a group on one route: side by side, or one behind the other through doors."""
    pace *= float(np.exp(rng.normal(0, 0.06)))
    x, z, stands = (np.array(values) for values in zip(*route, strict=True))
    legs = np.hypot(np.diff(x), np.diff(z)) / pace
    arrive = start + np.concatenate([[0.0], np.cumsum(legs + stands[:-1])])
    times, rows = list[float](), list[int]()
    for row, (moment, wait) in enumerate(zip(arrive.tolist(), stands.tolist(), strict=True)):
        times += [moment, moment + wait] if wait else [moment]
        rows += [row, row] if wait else [row]
    walks = []
    for number, person in enumerate(group):
        beside = (number + 1) // 2 * (0.62 if number % 2 else -0.62)
        delay = number * float(rng.uniform(0.35, 0.7))
        apart = np.where(z[rows] < INSIDE, beside, 0.0)
        walks.append(Walk(person, np.array(times) + delay, x[rows], z[rows] + apart))
    return walks
