"""The image built and run as the compose file runs it, where a container engine answers (--long).

TORCH_INDEX in the environment is passed to the build, as the compose file does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from passerby.serve.settings import DEFAULT_PORT
from passerby.synthesis.writing import write

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "passerby:test"
FOLDERS = ("data", "state")
AT = f"http://127.0.0.1:{DEFAULT_PORT}"


def call(*command: str) -> subprocess.CompletedProcess[str]:
    """The command and what it said; how it ended is the caller's to judge."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> str:
    """Docker or Podman."""
    if not request.config.getoption("long"):
        pytest.skip("building the image takes minutes: --long")
    for name in ("docker", "podman"):
        if shutil.which(name) and call(name, "info").returncode == 0:
            return name
    pytest.skip("neither docker nor podman answers here")


@pytest.fixture(scope="module")
def run(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs commands of ``passerby`` in the image, with the rights that the compose file gives."""
    index = f"TORCH_INDEX={os.environ.get('TORCH_INDEX', '')}"
    file = str(ROOT / "docker" / "Dockerfile")
    built = call(engine, "build", "-f", file, "--build-arg", index, "-t", IMAGE, str(ROOT))
    assert built.returncode == 0, built.stdout + built.stderr
    pictures = tmp_path_factory.mktemp("pictures")
    write(pictures / "set", seed=0, train_persons=2, test_persons=2, cameras=2, images=2)
    volumes = [f"passerby-test-{name}-{os.getpid()}" for name in FOLDERS]
    yield Run(engine, pictures / "set", volumes)
    call(engine, "volume", "rm", "-f", *volumes)
    call(engine, "image", "rm", "-f", IMAGE)


class Run:
    """Containers with the rights of the compose file's server, on the same volumes."""

    def __init__(self, engine: str, pictures: Path, volumes: list[str]) -> None:
        self.engine, self.pictures = engine, pictures
        compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
        service = compose["services"]["server"]
        assert service["read_only"]
        self.options = ["--read-only", f"-v={pictures}:/pictures:ro"]
        self.options += [f"--tmpfs={one}" for one in service["tmpfs"]]
        self.options += [f"--cap-drop={one}" for one in service["cap_drop"]]
        self.options += [f"--security-opt={one}" for one in service["security_opt"]]
        self.options += [f"-v={one}:/{at}" for one, at in zip(volumes, FOLDERS, strict=True)]

    def __call__(self, *words: str, options: tuple[str, ...] = ("--rm",)) -> str:
        """What it prints; it ends well, or the test fails with what it complained of."""
        done = self.ask("run", *options, *self.options, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The engine itself."""
        return call(self.engine, *words)


@pytest.fixture(scope="module")
def key(run: Run) -> str:
    """May search."""
    return run(IMAGE, "serve", "keys", "add", "ann", "--scope", "read")


@pytest.fixture(scope="module")
def server(run: Run, key: str) -> Iterator[str]:
    """The name of a container that serves drawn persons, as the image does by itself."""
    run(IMAGE, "gallery", "create", "/data/gallery")
    run(IMAGE, "gallery", "add", "/data/gallery", "/pictures/bounding_box_test", "--camera", "door")
    name = f"passerby-test-{os.getpid()}"
    run(
        IMAGE,
        options=("--detach", "--name", name, "-p", f"127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}"),
    )
    yield name
    run.ask("rm", "-f", name)


def test_root_is_read_only_and_nobody_is_root(run):
    inside = "import os; print(os.getuid(), os.access('/', os.W_OK), os.access('/data', os.W_OK))"
    assert run("--entrypoint", "python", IMAGE, "-c", inside) == "10001 False True"


def test_it_serves_whoever_has_a_key(run, server, key):
    deadline = time.monotonic() + 120
    while health(run, server) != 0:
        assert time.monotonic() < deadline, run.ask("logs", server)
        time.sleep(1)
    picture = next(run.pictures.glob("query/*.jpg")).read_bytes()
    request = urllib.request.Request(f"{AT}/v1/search", picture, {"Content-Type": "image/jpeg"})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)
    request.add_header("Authorization", f"Bearer {key}")
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["matches"]


def test_told_to_stop_it_ends_well(run, server):
    assert run.ask("stop", "-t", "40", server).returncode == 0
    logs = run.ask("logs", server)
    assert "what was taken is finished" in logs.stdout + logs.stderr
    state = run.ask("inspect", "--format", "{{.State.ExitCode}}", server)
    assert state.stdout.strip() == "0"


def health(run: Run, server: str) -> int:
    """What the image's own health check ends with, in the container."""
    text = (ROOT / "docker" / "Dockerfile").read_text()
    check = json.loads(text[text.index("CMD [", text.index("HEALTHCHECK")) + 4 :].splitlines()[0])
    return run.ask("exec", server, *check).returncode
