"""The engines that the conformance suite runs on, and sightings to fill them with."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from passerby.stores import Store
from passerby.stores.about import About
from passerby.stores.opening import create_store
from passerby.tables.filters import Where
from passerby.tables.looks import Looks
from passerby.tables.sightings import Sightings
from tests.stores.milvus_server import PASSWORD, CannotRun, MilvusServer, why_not
from tests.stores.own_servers import VARIABLES, OwnServers, named
from tests.stores.postgres_server import CannotRun as CannotRunPostgres
from tests.stores.postgres_server import PostgresServer
from tests.stores.postgres_server import why_not as no_postgres

DIMENSIONS = 32
NAT = np.datetime64("NaT", "us")
_NUMBERS = itertools.count()


def make_sightings(count: int, *, seed: int = 0, persons: int = 20) -> Sightings:
    """Clustered unit vectors; some columns of some sightings are not known."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, persons, count)
    vectors = rng.normal(size=(persons, DIMENSIONS))[who] + 0.4 * rng.normal(
        size=(count, DIMENSIONS)
    )
    times = np.datetime64("2026-05-01T08:00", "us") + rng.integers(0, 72 * 3600, count).astype(
        "timedelta64[s]"
    )
    times[rng.random(count) < 0.1] = np.datetime64("NaT")
    looks = [make_looks(seed + row, times[row]) if row % 5 == 2 else None for row in range(count)]
    lasting = np.arange(count) * np.timedelta64(97, "s") % np.timedelta64(2, "h")
    return Sightings(
        [f"{seed:08x}{number:024x}" for number in range(count)],
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        persons=np.where(rng.random(count) < 0.5, [f"person/{p}" for p in who], ""),
        cameras=np.where(
            rng.random(count) < 0.9, [f"cam {c}" for c in rng.integers(0, 6, count)], ""
        ),
        sources=np.where(rng.random(count) < 0.5, "north", "south"),
        times=times,
        frames=rng.integers(0, 1000, count),
        tracklets=rng.integers(-1, 50, count),
        qualities=np.where(rng.random(count) < 0.8, rng.random(count), np.nan),
        images=[f"crops/{number}.jpg" for number in range(count)],
        thumbnails=[b"\xff\xd8" + bytes([number % 256]) for number in range(count)],
        untils=[time + lasting[row] if row % 3 == 0 else NAT for row, time in enumerate(times)],
        coherences=[np.nan if each is None else each.pooled()[1] for each in looks],
        looks=looks,
        pictures=[[bytes([row % 256, k]) * 9 for k in range(row % 6)] for row in range(count)],
    )


def make_looks(seed: int, time: np.datetime64, count: int = 3) -> Looks:
    """Looks at somebody whose vectors float16 holds exactly: of length 1, and of few bits."""
    rng = np.random.default_rng(seed)
    vectors = np.zeros((count, DIMENSIONS), np.float32)
    vectors[:, :4] = rng.choice([-0.5, 0.5], (count, 4))
    vectors[:, 0] = 0.5
    seconds = np.arange(count) + rng.random()
    return Looks(
        (0.0, 9.5),
        seconds,
        time + seconds.astype("timedelta64[s]"),
        np.arange(count) * 25,
        rng.integers(0, 900, (count, 4)).astype(np.float32),
        vectors,
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``kill_trial`` runs five times, and fifty times with ``--long``."""
    if "kill_trial" in metafunc.fixturenames:
        trials = 50 if metafunc.config.getoption("long") else 5
        metafunc.parametrize("kill_trial", range(trials))


@pytest.fixture
def about() -> About:
    return About(model="0123456789abcdef", pooling="plain", dimensions=DIMENSIONS, name="small")


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """The real server, started once; skips where the wheel that carries it cannot run."""
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("milvus")
    server = MilvusServer(folder)
    try:
        try:
            server.start()
        except CannotRun as error:
            pytest.skip(str(error))
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def milvus_place(server: MilvusServer, options: str = "") -> str:
    """A collection that is not there yet."""
    return f"milvus://root:{PASSWORD}@{server.address}/gallery_{next(_NUMBERS)}{options}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL with pgvector, started once; skips where none can run."""
    if reason := no_postgres():
        pytest.skip(reason)
    try:
        server = PostgresServer()
    except CannotRunPostgres as error:
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.remove()


def postgres_place(server: PostgresServer, options: str = "") -> str:
    """A schema that is not there yet."""
    return f"{server.address}/gallery_{next(_NUMBERS)}{options}"


@pytest.fixture(scope="session")
def own_servers() -> Iterator[OwnServers]:
    """Those that the environment names; nothing is left on them."""
    servers = OwnServers()
    yield servers
    servers.remove()


ENGINES = ("memory", "lancedb", "milvus", "milvus-lite", "postgres", *named())


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an engine may make a gallery of its own."""
    if request.param == "lancedb":
        return str(tmp_path / "gallery")
    if request.param == "milvus":
        return milvus_place(request.getfixturevalue("milvus_server"))
    if request.param == "milvus-lite":
        return f"milvus://{tmp_path}/lite.db/gallery"
    if request.param == "postgres":
        return postgres_place(request.getfixturevalue("postgres_server"))
    if request.param in VARIABLES:
        servers: OwnServers = request.getfixturevalue("own_servers")
        return servers.place(request.param)
    return f"memory://{tmp_path.name}-{next(_NUMBERS)}"


@pytest.fixture(scope="session")
def milvus_collections() -> Iterator[dict[tuple[str, int], Store]]:
    """A collection of each server and number of dimensions: making one takes it two seconds."""
    made: dict[tuple[str, int], Store] = {}
    yield made
    for each in made.values():
        each.close()


@pytest.fixture
def store(
    request: pytest.FixtureRequest,
    place: str,
    about: About,
    milvus_collections: dict[tuple[str, int], Store],
) -> Iterator[Store]:
    """An empty gallery. The many tests of the contract share a collection of the real server, which
    they empty; in whole runs, after ten minutes, a row that others had written with the same id,
    and removed, was seen to be missing there, so that others have one of their own."""
    shared = request.module.__name__.endswith("test_conformance")
    if place.startswith("milvus://") and ".db/" not in place and shared:
        own = place.rpartition("/")[0], about.dimensions
        if own not in milvus_collections:
            milvus_collections[own] = create_store(place, about)
        kept = milvus_collections[own]
        for known in (True, False):
            kept.delete(Where(known=known))
        yield kept
        return
    made = create_store(place, about)
    yield made
    made.close()


@pytest.fixture
def sightings() -> Callable[..., Sightings]:
    return make_sightings
