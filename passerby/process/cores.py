"""How many cores a process may use: fewer than the machine has in a container or under taskset."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available_cores() -> int:
    """The least of the machine's cores, this process's affinity and its cgroup's quota."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        cores = len(os.sched_getaffinity(0))
    quota = _quota(_GROUPS, _MEMBERSHIP)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def _quota(groups: Path, membership: Path) -> float | None:
    """The cores that a Linux control group grants, of version 2 or 1; None: as many as there are.

    A limit of any group above counts too, so the least of all is taken.
    """
    with suppress(OSError):
        lines = membership.read_text(encoding="utf-8").splitlines()
        granted: list[float] = []
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            # Inside a container the path is often of the machine, while its own group is the root.
            roots = [groups] if not controllers else [groups / controllers, groups / "cpu"]
            for root in roots:
                own = root / path.lstrip("/")
                for folder in (own, *own.parents):
                    if folder.is_relative_to(root):
                        granted += _cpu_limits(folder)
        return min(granted, default=None)
    return None


def _cpu_limits(folder: Path) -> list[float]:
    """Microseconds of a period in which the group may run, over the period; [] without a limit."""
    with suppress(OSError, ValueError):
        maximum, period = (folder / "cpu.max").read_text(encoding="ascii").split()  # version 2
        return [] if maximum == "max" else [int(maximum) / int(period)]
    with suppress(OSError, ValueError):
        runs = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        return [] if runs <= 0 else [runs / int(period)]
    return []


def share_cores() -> None:
    """Set how OpenMP uses cores that others use, too; before torch is loaded, for this process.

    A thread that spins while it waits takes the core from the one that it waits for: beside other
    work two threads train at a fiftieth of one's speed. Asleep they keep half of what a quiet
    machine gives; there it costs 3 to 10 %, so it is left alone. A container's quota is charged
    for spinning: there they always sleep, and are no more than it grants. Variables that are set
    stay as they are.
    """
    own = available_cores()
    granted = hasattr(os, "sched_getaffinity") and own < len(os.sched_getaffinity(0))
    if granted:
        os.environ.setdefault("OMP_NUM_THREADS", str(own))
    if granted or _is_busy(own):
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _is_busy(own: int) -> bool:
    """Whether other work leaves fewer than so many of the machine's cores."""
    if own == 1 or not hasattr(os, "getloadavg"):  # nobody to wait for; Windows
        return False
    with suppress(OSError):
        return os.getloadavg()[0] > (os.cpu_count() or 1) - own + 0.5
    return False
