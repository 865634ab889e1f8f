"""The image and the compose file, linted: there is no engine here to build them with."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from passerby.serve.settings import DEFAULT_PORT
from passerby.version import __version__

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docker"
RELEASE = __version__.partition(".dev")[0]


def instructions():
    """(name, words) of each instruction of the Dockerfile, lines joined."""
    text = (FOLDER / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def last_stage():
    """What the image itself is made by."""
    all_of_them = instructions()
    begin = max(n for n, (name, _) in enumerate(all_of_them) if name == "FROM")
    return all_of_them[begin:]


def require_pinned(image):
    name, _, tag = image.partition(":")
    assert name
    assert re.search(r"\d", tag), f"{image}: a version, not a tag that moves"
    assert "latest" not in tag


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())


def test_only_known_instructions_in_two_stages_of_one_base():
    known = {
        "FROM", "ARG", "ENV", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK",
        "ENTRYPOINT", "CMD",
    }  # fmt: skip
    assert {name for name, _ in instructions()} == known
    bases = [words.split()[0] for name, words in instructions() if name == "FROM"]
    assert len(bases) == 2
    assert len({*bases}) == 1
    require_pinned(bases[0])
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    least = re.search(r"3\.(\d+)", supported)[1]
    assert int(re.search(r"python:3\.(\d+)", bases[0])[1]) >= int(least)


def test_the_image_is_nobody_s_root_and_says_whether_it_is_well():
    stage = dict(last_stage())
    user = stage["USER"].split(":")[0]
    assert user.isdecimal()
    assert int(user) >= 10000
    assert f"--uid {user}" in stage["RUN"]
    check = stage["HEALTHCHECK"]
    code = json.loads(check.partition("CMD")[2])[2]
    compile(code, "healthcheck", "exec")
    assert f"127.0.0.1:{DEFAULT_PORT}/healthz" in code
    assert stage["EXPOSE"] == str(DEFAULT_PORT)


def test_no_tools_of_the_build_are_in_the_image():
    copied = [words for name, words in last_stage() if name == "COPY"]
    assert copied == ["--from=build /opt/passerby /opt/passerby"]
    assert not any("pip " in words for _, words in last_stage())
    assert "apt-get" not in (FOLDER / "Dockerfile").read_text()


def test_what_is_copied_into_the_build_is_there_and_nothing_else_goes_along():
    copied = [shlex.split(words)[:-1] for name, words in instructions() if name == "COPY"][:-1]
    files = {file for words in copied for file in words}
    assert all((ROOT / file).exists() for file in files)
    kept = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in kept
    assert {line[1:] for line in kept if line.startswith("!")} == files


def test_extras_that_are_installed_are_declared():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = re.search(r'"\.\[([a-z,]+)\]"', (FOLDER / "Dockerfile").read_text())[1].split(",")
    assert {*wanted} <= {*extras["optional-dependencies"]}


@pytest.mark.parametrize("service", ["server", "milvus"])
def test_images_have_versions_and_no_more_rights_than_needed(service, compose):
    one = compose["services"][service]
    require_pinned(one["image"])
    assert "no-new-privileges:true" in one["security_opt"]
    assert not one.get("privileged")
    assert "network_mode" not in one
    assert all(":/var/run/docker.sock" not in volume for volume in one["volumes"])


def test_the_server_reads_its_root_and_is_published_to_this_machine_alone(compose):
    server = compose["services"]["server"]
    assert server["image"] == f"passerby:{RELEASE}"
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert server["ports"] == [f"127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}"]
    assert "ports" not in compose["services"]["milvus"]
    assert server["depends_on"]["milvus"]["condition"] == "service_healthy"
    build = server["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).is_file()
    named = {volume.partition(":")[0] for volume in server["volumes"]}
    assert named <= {*compose["volumes"]}
    assert {volume.partition(":")[2] for volume in server["volumes"]} == {"/data", "/state"}


def test_both_commands_are_understood(compose, parse_server):
    stage = dict(last_stage())
    assert json.loads(stage["ENTRYPOINT"]) == ["passerby"]
    assert parse_server(json.loads(stage["CMD"])) == "0.0.0.0"
    assert parse_server(compose["services"]["server"]["command"]) == "0.0.0.0"


@pytest.fixture
def parse_server(monkeypatch, passerby_command):
    """The address that a command of ``passerby`` would listen at."""
    seen = []
    monkeypatch.setattr("passerby.serve.running.run", lambda settings: seen.append(settings.host))

    def parse(words):
        done = passerby_command(*words)
        assert (done.code, done.err) == (0, "")
        return seen[-1]

    return parse


def test_the_mounted_files_are_there(compose):
    files = [volume.split(":")[0] for volume in compose["services"]["milvus"]["volumes"]]
    mounted = [FOLDER / file for file in files if file.startswith("./")]
    assert mounted
    assert all(isinstance(yaml.safe_load(file.read_text()), dict) for file in mounted)
