"""The conformance suite on a server of one's own, named in the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from passerby.stores.opening import create_store, open_store
from tests.stores.own_servers import OwnServers, named

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def theirs(postgres_server, monkeypatch):
    """A database that holds something of others, and its address with an option."""
    postgres_server.sql(
        "DROP DATABASE IF EXISTS theirs", "CREATE DATABASE theirs", database="postgres"
    )
    postgres_server.sql("CREATE TABLE orders (number int)", database="theirs")
    url = postgres_server.address.replace("/people", "/theirs?sslmode=prefer")
    monkeypatch.setenv("PASSERBY_POSTGRES_URL", url)
    monkeypatch.delenv("PASSERBY_MILVUS_URL", raising=False)
    return lambda: sorted(
        name
        for (name,) in postgres_server.sql(
            "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' "
            "UNION SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "UNION SELECT extname FROM pg_extension",
            database="theirs",
        )
    )


BEFORE = ["information_schema", "orders", "plpgsql", "public"]


def test_a_server_of_ones_own_is_left_as_it_was(theirs, about, sightings):
    assert named() == ["own-postgres"]
    servers = OwnServers()
    places = [servers.place("own-postgres") for _ in range(3)]
    for place in places[:2]:  # of the third nothing is made
        with closing(create_store(place, about)) as store:
            assert store.write(sightings(10)).added == 10
    assert "vector" in theirs()
    servers.remove()
    assert theirs() == BEFORE
    again = OwnServers()
    create_store(again.place("own-postgres"), about).close()
    postgres = again.place("own-postgres")
    again.remove()
    with pytest.raises(ValueError, match="no extension"):
        open_store(postgres)


def test_the_suite_runs_on_it(theirs, request):
    if not request.config.getoption("long"):
        pytest.skip("another pytest takes ten seconds: --long")
    tests = ["what_is_written_is_read", "a_gallery_is_found_again", "test_into_any_engine"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"]
    command += ["tests/stores/test_conformance.py", "tests/stores/test_dumps_of_engines.py"]
    done = subprocess.run(
        [*command, "-k", f"own-postgres and ({' or '.join(tests)})"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert theirs() == BEFORE
