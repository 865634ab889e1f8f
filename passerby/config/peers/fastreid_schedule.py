"""FastReID's learning rate: iterations of warm-up and of frozen layers, epochs of the rest.

Its scheduler of epochs steps at the end of an epoch once the warm-up and the delay are over, so
STEPS count from there and not from the beginning (fastreid/engine/hooks.py).
"""

from __future__ import annotations

import math
from dataclasses import replace

from passerby.config.peers.keys import Keys, choice, numbers
from passerby.config.sections import Network, Phase, Schedule

Stage = tuple[int, Schedule]


def stages_of(
    keys: Keys, epochs: int, images: int, batch: int, network: Network
) -> tuple[Schedule, tuple[Phase, ...]]:
    """(The schedule, phases where one does not say it): over epochs of ``images // batch`` steps.

    Raises:
        ValueError: where iterations are counted and ``images`` is 0, not known.
    """
    warm = _epochs(keys, "SOLVER.WARMUP_ITERS", 1000, images, batch)
    keys.became("SOLVER.WARMUP_ITERS", "schedule.warm_up")
    choice(keys, "SOLVER.WARMUP_METHOD", "linear", {"linear": "linear"}, "schedule.warm_up")
    rising = Schedule(
        "constant",
        warm_up=warm,
        warm_up_start=keys.take("SOLVER.WARMUP_FACTOR", 0.1, "schedule.warm_up_start"),
    )
    delay = keys.take("SOLVER.DELAY_EPOCHS", 0, "schedule")
    stages = _stages(keys, epochs, rising, delay)
    frozen = _frozen(keys, stages, images, batch)
    if not frozen and len(stages) == 1:
        return stages[0][1], ()
    named = [("whole", *stages[0]), *(("cosine", *stage) for stage in stages[1:])]
    phases = tuple(Phase(name, length, schedule=(own,)) for name, length, own in named)
    if frozen:
        length, first = stages[0]
        head = Phase("head", frozen, trains=_head(network), schedule=(replace(first, steps=()),))
        rest = Phase("whole", length - frozen, schedule=(_later(first, frozen),))
        phases = (head, rest, *phases[1:])
        keys.notes.append("the optimizer begins without memory in each phase")
    return Schedule(), phases


def _stages(keys: Keys, epochs: int, rising: Schedule, delay: int) -> list[Stage]:
    kinds = {"MultiStepLR": "step", "CosineAnnealingLR": "cosine"}
    kind = choice(keys, "SOLVER.SCHED", "MultiStepLR", kinds, "schedule.kind")
    given = keys.take("SOLVER.STEPS", (30, 55), "schedule.steps")
    steps = [round(step) for step in numbers("SOLVER.STEPS", given, len(given))]
    factor = keys.take("SOLVER.GAMMA", 0.1, "schedule.factor")
    lowest = keys.take("SOLVER.ETA_MIN_LR", 1e-7, "schedule.floor")
    floor = min(lowest / keys.take("SOLVER.BASE_LR", 3e-4), 1)
    if kind == "step":
        keys.became("SOLVER.ETA_MIN_LR", "of the cosine, which is not taken")
        begin = max(math.floor(rising.warm_up), delay)
        late = tuple(step + begin for step in steps if step + begin < epochs)
        if begin:
            keys.became(
                "SOLVER.STEPS", f"schedule.steps, {begin} later: FastReID counts from there"
            )
        return [(epochs, replace(rising, kind="step", steps=late, factor=factor))]
    for key in ("STEPS", "GAMMA"):
        keys.became(f"SOLVER.{key}", "of the steps, which are not taken")
    falling = Schedule("cosine", warm_up=0, floor=floor)
    if delay <= rising.warm_up:
        return [(epochs, replace(rising, kind="cosine", floor=floor))]
    if delay >= epochs:
        return [(epochs, rising)]
    return [(delay, rising), (epochs - delay, falling)]


def _frozen(keys: Keys, stages: list[Stage], images: int, batch: int) -> int:
    """Epochs in which the head trains alone."""
    layers: list[str] = keys.take("MODEL.FREEZE_LAYERS", [], "phases")
    if not layers or not keys.take("SOLVER.FREEZE_ITERS", 0):
        keys.became("SOLVER.FREEZE_ITERS", "nothing is frozen")
        return 0
    if not {*layers} <= {"backbone", "b1", "b2", "b3"}:
        keys.lose("MODEL.FREEZE_LAYERS", "the backbone is frozen as a whole")
    keys.became("SOLVER.FREEZE_ITERS", "phases")
    length = max(round(_epochs(keys, "SOLVER.FREEZE_ITERS", 0, images, batch)), 1)
    if length >= stages[0][0]:
        raise ValueError(
            f"SOLVER.FREEZE_ITERS: {length} epochs are as long as the run's first part"
        )
    return length


def _head(network: Network) -> tuple[str, ...]:
    if network.system != "plain":
        return tuple(["reduction*", "classifier*"] + ["pooling*"] * ("gem" in network.system))
    parts = ["classifier*"]
    parts += ["neck*"] * (network.neck != "none") + ["pooling*"] * ("gem" in network.pooling)
    return tuple(parts + ["projection*"] * (network.projection != "none"))


def _later(schedule: Schedule, epochs: int) -> Schedule:
    """The same rate by epochs counted from a later one."""
    left = max(schedule.warm_up - epochs, 0.0)
    begun = 1 - schedule.warm_up_start
    start = schedule.warm_up_start + begun * epochs / schedule.warm_up if left else 0.0
    steps = tuple(step - epochs for step in schedule.steps if step > epochs)
    return replace(schedule, warm_up=left, warm_up_start=start, steps=steps)


def _epochs(keys: Keys, key: str, usual: int, images: int, batch: int) -> float:
    """Iterations as epochs of whole batches."""
    count = keys.take(key, usual)
    if count and not images:
        raise ValueError(
            f"{key} counts iterations, and how many are an epoch the data set does not tell: say "
            "how many images its train part has with --images N"
        )
    if count and images < batch:
        raise ValueError(f"{images} images make no batch of {batch}: --images")
    return round(count / (images // batch), 2) if count else 0.0
