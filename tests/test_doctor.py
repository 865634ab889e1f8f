"""The doctor: what is broken is trouble with advice, what is absent is told, nobody is named."""

import json
import os
from importlib import metadata
from pathlib import Path

import pytest

from passerby.doctor import installation as packages
from passerby.doctor import machine as computer
from passerby.doctor.findings import Finding, findings_json, findings_text
from passerby.doctor.installation import installation
from passerby.doctor.machine import machine
from passerby.doctor.speed import speed
from passerby.process.cores import available_cores


def named(findings):
    return {one.name: one for one in findings}


def test_what_is_installed_is_told_by_version():
    found = named(installation())
    assert found["torch"].said == metadata.version("torch")
    assert found["torch"].state == "fine"
    assert found["[gallery]"].said == (
        f"lancedb {metadata.version('lancedb')}, pyarrow {metadata.version('pyarrow')}"
    )
    assert not [one for one in found.values() if one.state == "trouble"]


def test_a_package_that_does_not_load_is_trouble_with_advice(monkeypatch):
    def broken(name):
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(packages, "import_module", broken)
    found = named(installation())
    assert found["torch"].state == "trouble"
    assert "libGL.so.1" in found["torch"].said
    assert "libgl1" in found["torch"].advice


def test_what_is_missing_says_what_brings_it(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.metadata, "version", absent)
    found = named(installation())
    assert found["torch"].state == "trouble"
    assert found["[gallery]"].said == (
        'lancedb, pyarrow not installed: pip install "passerby[gallery]"'
    )
    assert "torchreid" not in found


def test_another_package_for_reidentification_is_noted(monkeypatch):
    known = metadata.version
    monkeypatch.setattr(
        packages.metadata, "version", lambda name: "1.4" if name == "torchreid" else known(name)
    )
    found = named(installation())["torchreid"]
    assert (found.state, found.said) == ("note", "1.4, beside passerby")
    assert "another's copy" in found.advice


def test_more_threads_than_cores_are_trouble(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", str(available_cores() + 1))
    found = named(machine())["cores"]
    assert found.state == "trouble"
    assert found.advice.endswith(f"OMP_NUM_THREADS={available_cores()}")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no /dev/shm here")
def test_little_shared_memory_is_noted(monkeypatch):
    monkeypatch.setattr(computer, "LEAST_SHARED", 10**15)
    assert "--shm-size" in named(machine())["/dev/shm"].advice


def test_a_cache_that_cannot_be_is_trouble(monkeypatch, tmp_path):
    (tmp_path / "readonly").mkdir(mode=0o500)
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "readonly" / "cache"))
    monkeypatch.setattr(computer.os, "access", lambda path, mode: path != tmp_path / "readonly")
    found = named(machine())["cache"]
    assert found.state == "trouble"
    assert "not writable" in found.said


def test_nobody_is_named(monkeypatch):
    monkeypatch.setenv("HOME", os.path.abspath("/home/ann"))
    monkeypatch.setenv("USERPROFILE", os.path.abspath("/home/ann"))
    home = os.path.abspath("/home/ann")
    found = [Finding("cache", f"{home}/.cache, 2 GB free", "note", f"look into {home}")]
    assert "ann" not in findings_text(found)
    assert "~" in findings_text(found)
    assert "ann" not in findings_json(found)


def test_speed_is_measured():
    found = named(speed(0.01))
    assert "images a second" in found["embedding by torch"].said
    assert "100,000" in found["comparing"].said


def test_the_command(passerby_command, monkeypatch):
    done = passerby_command("doctor", "--no-speed", "--json")
    assert done.code == 0, done.err
    assert {one["name"] for one in json.loads(done.out)["findings"]} >= {"Python", "torch", "cores"}
    monkeypatch.setenv("OMP_NUM_THREADS", "512")
    done = passerby_command("doctor", "--no-speed")
    assert done.code == 2
    assert "X cores" in done.out
    assert "lines that begin with X" in done.err
