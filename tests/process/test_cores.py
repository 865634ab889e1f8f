"""Cores that a process may use, by affinity and by the quotas of made-up control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from passerby.process import cores
from passerby.process.cores import available_cores, share_cores


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty tree of control groups on a machine of sixteen cores."""
    monkeypatch.setattr(cores, "_GROUPS", tmp_path)
    monkeypatch.setattr(cores, "_MEMBERSHIP", tmp_path / "cgroup")
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def test_without_groups_the_affinity_counts(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_cores() == 12
    monkeypatch.delattr(os, "sched_getaffinity")
    assert available_cores() == 16
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


@pytest.mark.parametrize(
    ("quota", "found"),
    [("max 100000", 12), ("400000 100000", 4), ("150000 100000", 2), ("10000 100000", 1),
     ("9900000 100000", 12), ("nonsense", 12), ("1 0 0", 12)],
)  # fmt: skip
def test_a_quota_of_version_2(groups: Path, quota: str, found: int) -> None:
    write(groups / "cgroup", "0::/batch/job\n")
    write(groups / "batch" / "job" / "cpu.max", quota)
    assert available_cores() == found


def test_the_least_of_the_groups_above_counts_and_a_container_is_the_root(groups: Path) -> None:
    write(groups / "cgroup", "0::/batch/job\n")
    write(groups / "batch" / "job" / "cpu.max", "800000 100000")
    write(groups / "batch" / "cpu.max", "300000 100000")
    assert available_cores() == 3
    write(groups / "cpu.max", "200000 100000")
    assert available_cores() == 2


@pytest.mark.parametrize(("quota", "found"), [("-1", 12), ("250000", 3)])
def test_a_quota_of_version_1(groups: Path, quota: str, found: int) -> None:
    write(groups / "cgroup", "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/\n")
    write(groups / "cpu,cpuacct" / "cpu.cfs_quota_us", quota)
    write(groups / "cpu,cpuacct" / "cpu.cfs_period_us", "100000")
    assert available_cores() == found


@pytest.mark.parametrize(
    ("quota", "load", "expected"),
    [
        ("max 100000", 0.2, {}),  # quiet
        ("max 100000", 4.0, {}),  # the others have the four cores that are not ours
        ("max 100000", 6.0, {"OMP_WAIT_POLICY": "PASSIVE"}),
        ("200000 100000", 0.2, {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "2"}),
    ],
)
def test_threads_sleep_while_they_wait_where_others_want_the_cores(
    groups: Path,
    monkeypatch: pytest.MonkeyPatch,
    quota: str,
    load: float,
    expected: dict[str, str],
) -> None:
    write(groups / "cgroup", "0::/batch/job\n")
    write(groups / "batch" / "job" / "cpu.max", quota)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    environment: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", environment)
    share_cores()
    assert environment == expected
    chosen = {"OMP_WAIT_POLICY": "ACTIVE", "OMP_NUM_THREADS": "7"}
    monkeypatch.setattr(os, "environ", dict(chosen))
    share_cores()
    assert os.environ == chosen
