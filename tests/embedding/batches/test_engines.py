"""The programs of ``examples/`` on the engines that are there: the same folder, killed or not.

None of the engines is needed by anything else, so that a test skips where its engine is absent.
Where they want other versions of packages, PASSERBY_ENGINES names the Python of an environment that
has them.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from passerby.data.crops import read_crops
from passerby.embedding.batches.parts import embed_to_parts
from passerby.embedding.embedder import load
from passerby.tables.embeddings import Embeddings
from passerby.tables.parts.folder import read_manifest

ROOT = Path(__file__).resolve().parents[3]
PYTHON = os.environ.get("PASSERBY_ENGINES", sys.executable)
MODULES = {"ray": "ray", "daft": "daft", "spark": "pyspark"}
COUNT = 1300  # images: 41 batches of 32, so that there is something left to do after a kill
CODE = (
    "import runpy, sys; main = runpy.run_path(sys.argv[1])['main']; "
    "print(main(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], 'cpu'))"
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the engines are tried on Linux")


@pytest.fixture(scope="module")
def installed() -> set[str]:
    """Which engines there are."""
    if sys.executable == PYTHON:
        return {name for name, module in MODULES.items() if importlib.util.find_spec(module)}
    code = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n)])"
    done = subprocess.run(
        [PYTHON, "-c", code, *MODULES.values()], capture_output=True, text=True, check=True
    )
    return {name for name, module in MODULES.items() if module in done.stdout.split()}


@pytest.fixture
def engine(request, installed):
    """An engine's name, where it is installed."""
    if request.param not in installed:
        pytest.skip(f"{MODULES[request.param]} is not installed for {PYTHON}")
    return request.param


@pytest.fixture(scope="module")
def whole(make_model, draw_crop, tmp_path_factory):
    """Images, a model, and what one process makes of them."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(COUNT):
        draw_crop(folder / "crops" / f"{number}.jpg", number)
    (folder / "crops" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    model = make_model(0)
    crops = read_crops(folder / "crops").crops
    embed_to_parts(load(model, device="cpu", threads=1), crops, folder / "whole")
    return folder / "crops", model, folder / "whole"


def command(engine: str, whole: Sequence[Path], out: Path, workers: int) -> list[str]:
    images, model, _ = whole
    program = ROOT / "examples" / f"embed_{engine}.py"
    return [PYTHON, "-c", CODE, *map(str, (program, images, out, workers, model))]


def environment(mark: Path) -> dict[str, str]:
    """Of the program and all that it starts, which are told by the mark."""
    ours = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PASSERBY_MARK": str(mark)}
    ours |= {"RAY_memory_monitor_refresh_ms": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    ours |= {"PYSPARK_PYTHON": PYTHON, "DAFT_ANALYTICS_ENABLED": "0"}
    return os.environ | ours


def run(given: list[str], mark: Path) -> str:
    done = subprocess.run(
        given, env=environment(mark), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def workers_at_work(mark: Path, program: int) -> list[int]:
    """Processes that a program has started, on whatever ways, and that have a network loaded."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"PASSERBY_MARK={mark}".encode() in (process / "environ").read_bytes()
            if marked and "libtorch_cpu" in (process / "maps").read_text():
                found.append(int(process.name))
        except OSError:
            continue
    return [number for number in found if number != program]


def require_same(out: Path, expected: Path) -> None:
    """The same rows in the same parts to the last bit; the files may be of another Arrow's make."""
    made, wanted = read_manifest(out), read_manifest(expected)
    assert [(p.rows, p.vectors) for p in made.parts] == [(p.rows, p.vectors) for p in wanted.parts]
    one, other = Embeddings.load(out), Embeddings.load(expected)
    for name in ("vectors", "hashes", "images", "persons", "sources"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    assert len({*one.hashes.tolist()}) == COUNT
    assert not [*out.glob("*.part")]


ENGINES = [pytest.param(name, id=name) for name in MODULES]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize(
    "workers", [2, pytest.param(1, marks=pytest.mark.long), pytest.param(4, marks=pytest.mark.long)]
)
def test_an_engine_makes_what_one_process_makes(engine, workers, whole, tmp_path):
    said = run(command(engine, whole, tmp_path / "p", workers), tmp_path)
    assert f"{COUNT} embeddings of 512 numbers in 41 parts" in said
    require_same(tmp_path / "p", whole[2])


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_killed_worker_loses_and_doubles_nothing(engine, whole, tmp_path):
    """The engine starts another or gives up; then the same program goes on."""
    given, out = command(engine, whole, tmp_path / "p", 2), tmp_path / "p"
    with subprocess.Popen(
        given, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as program:
        killed = []
        while program.poll() is None and not killed:
            if any(out.glob("part-*.parquet")):
                killed = workers_at_work(tmp_path, program.pid)[:1]
                for number in killed:
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.01)
        there = len([*out.glob("part-*.parquet")])
        program.wait(timeout=600)
    assert killed
    assert there < 41
    if program.returncode:
        run(given, tmp_path)
    require_same(out, whole[2])
