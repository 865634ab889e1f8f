"""Files are written whole or not at all, and a full disk is told with figures."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerby.process.whole_files import (
    DiskFull,
    remove_parts,
    require_folder_of,
    write_all_whole,
    write_whole,
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        subprocess.run(mount, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for content in (b"first", b"second", b""):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert names(tmp_path) == ["a.bin"]


def test_on_a_full_disk_the_old_file_stays_and_nothing_else(small_disk: Path) -> None:
    path = small_disk / "a.bin"
    write_whole(path, b"old" * 10_000)
    with pytest.raises(
        DiskFull, match=r"no room for .*a\.bin.*needs 0\.3 MB, and 0\.2 MB are free"
    ):
        write_whole(path, b"new" * 100_000)
    assert path.read_bytes() == b"old" * 10_000
    assert names(small_disk) == ["a.bin"]
    write_whole(path, b"new" * 10_000)  # the room of the failed one is free again


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_what_is_full_is_said_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A disk, a quota, a limit on the size of files."""
    path = tmp_path / "state.pt"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match=r"state\.pt .*it needs 3\.0 MB.*--resume"):
        write_whole(path, bytes(3_000_000))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["state.pt"]


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_whole(tmp_path / "file" / "a", b"")


def test_folders_that_lack_are_made(tmp_path: Path) -> None:
    require_folder_of(tmp_path / "new" / "er" / "a")
    assert not (tmp_path / "new").exists()  # only asked for so far
    write_whole(tmp_path / "new" / "er" / "a", b"1")
    assert (tmp_path / "new" / "er" / "a").read_bytes() == b"1"
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file is no folder"):
        require_folder_of(tmp_path / "file" / "a")


def test_of_two_files_none_is_replaced_before_both_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write_all_whole({first: b"1", second: b"1"})
    calls = []

    def full_at_the_second(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_at_the_second)
    with pytest.raises(DiskFull):
        write_all_whole({first: b"2", second: b"2"})
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"1")
    assert names(tmp_path) == ["a", "b"]


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    for name in ("state.pt", "state.pt.part", "model.safetensors.part"):
        (tmp_path / name).write_bytes(b"x")
    remove_parts(tmp_path)
    assert names(tmp_path) == ["state.pt"]
