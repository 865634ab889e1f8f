"""The Milvus engine beyond what every engine does: addresses, escaping, faults of the server."""

from __future__ import annotations

import multiprocessing
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.gallery.upkeep.dumps import dump, restore
from passerby.stores import StoreUnavailable
from passerby.stores.about import About
from passerby.stores.engines.milvus import rows
from passerby.stores.engines.milvus.address import TOKEN_VARIABLE, Address
from passerby.stores.engines.milvus.conditions import condition_of
from passerby.stores.opening import create_store, open_store
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings, with_columns
from tests.stores.conftest import DIMENSIONS, make_sightings, milvus_place
from tests.stores.milvus_server import MilvusServer, free_ports


def test_addresses():
    plain = Address.from_text("milvus://localhost/lobby")
    assert (plain.uri, plain.collection, plain.token) == ("http://localhost:19530", "lobby", "")
    full = Address.from_text(
        "milvus://root:p%40ss%3Aword@example.org:19531/lobby?tls=1&ca=a.pem&cert=b.pem&key=c.pem"
        "&name=other&database=east&consistency=strong&patience=2.5"
    )
    assert full == Address(
        uri="https://example.org:19531",
        shown="milvus://example.org:19531/lobby",
        collection="lobby",
        token="root:p@ss:word",
        tls=True,
        ca="a.pem",
        cert="b.pem",
        key="c.pem",
        name="other",
        database="east",
        consistency="strong",
        patience=2.5,
    )
    assert Address.from_text("milvus://a-token@host/lobby").token == "a-token"
    lite = Address.from_text("milvus:///tmp/some/file.db/lobby")
    assert (lite.uri, lite.collection) == ("/tmp/some/file.db", "lobby")


def test_the_token_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "root:hidden")
    assert Address.from_text("milvus://host/lobby").token == "root:hidden"
    assert Address.from_text("milvus://own@host/lobby").token == "own"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("host", "expected milvus://HOST:PORT/COLLECTION"),
        ("host/", "a collection is named by letters"),
        ("host/a-b", "got 'a-b'"),
        ("host/a/b", "expected milvus://HOST:PORT/COLLECTION"),
        ("host:port/a", "expected milvus://HOST:PORT/COLLECTION"),
        ("host/a?tsl=1", "no option is named 'tsl', only tls"),
        ("host/a?tls=yes", "tls cannot be 'yes'"),
        ("host/a?patience=long", "patience cannot be 'long'"),
        ("host/a?ca=a.pem", "go with tls=1"),
        ("host/a?tls=1&cert=a.pem", "cert needs key and ca"),
        ("host\u2100/a", "expected milvus://HOST:PORT/COLLECTION"),
        ("[host/a", "expected milvus://HOST:PORT/COLLECTION"),
    ],
)
def test_wrong_addresses_are_explained_without_their_password(rest, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        Address.from_text(f"milvus://root:secret@{rest}")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("secret", ["qq/zz", "qq?zz", "qq#zz", "qq@zz"])
def test_a_password_that_is_not_written_as_in_a_url_is_not_repeated(secret):
    with pytest.raises(ValueError, match=r"milvus://host") as raised:
        Address.from_text(f"milvus://root:{secret}@host/a-b")
    assert not {"root", "qq", "zz"} & {*re.split(r"\W", str(raised.value))}


def test_filters_are_rendered():
    where = Where(cameras=("a", 'b"\\'), known=False, min_quality=0.5)
    assert condition_of(where) == r'camera in ["a", "b\"\\"] and person == "" and quality >= 0.5'
    assert condition_of(Where()) == ""


@pytest.fixture(scope="module")
def named(milvus_server):
    """A gallery that is filled once and only searched."""
    texts = [
        *("a", 'a"', "a\\", 'a\\"', "a'", "a\n", "a\\n", "\\u0061", "a] or id != [", "%", "_"),
        *("é", "e\u0301", "\u2028", "🚶", "\x01", "\x7f", "{x}", "/* */ -- //", "true", "é" * 100),
    ]
    sightings = make_sightings(len(texts))
    sightings = Sightings(sightings.ids, sightings.vectors, persons=texts)
    store = create_store(milvus_place(milvus_server), About("m", "plain", DIMENSIONS))
    store.write(sightings)
    yield store, sightings
    store.close()


@pytest.mark.hostile
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["a", 'a"', "a\\", 'a\\"', "a'", "a\n", "\\u0061", "🚶", "\u2028"]),
            st.text(max_size=12).filter(lambda text: "\0" not in text),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_name_is_only_a_name(named, texts):
    store, sightings = named
    where = Where(persons=tuple(texts))
    assert store.count(where) == where.keeps(sightings).sum()


def test_thumbnails_that_the_server_cannot_hold_are_refused_before_they_are_sent(named):
    store, sightings = named
    large = with_columns(sightings[:1], thumbnails=[bytes(50_000)])
    with pytest.raises(ValueError, match=r"at most 49,149 bytes each, got 50,000"):
        store.write(large)
    assert store.count() == len(sightings)


def test_large_reads_and_many_ids(milvus_server, about):
    """More than the server gives in one answer, more ids than go into one expression."""
    count = 17_000
    sightings = make_sightings(count)
    jpegs = [bytes(49_000)] * 600 + [b""] * (count - 600)
    given = Sightings(sightings.ids, sightings.vectors, thumbnails=jpegs, cameras=["a"] * count)
    store = create_store(milvus_place(milvus_server), about)
    assert store.write(given).added == count  # more than 32 MiB: two requests
    assert store.write(given).present == count
    pages = [*store.read(with_vectors=False, batch=50_000)]
    assert sorted(str(name) for page in pages for name in page.ids) == sorted(sightings.ids)
    some = Where(ids=tuple(sightings.ids[:11_000].tolist()))
    assert store.count(some) == 11_000
    hits = store.search(sightings.vectors[-1:], 3, some)
    nearest = np.sort(1 - sightings.vectors[:11_000] @ sightings.vectors[-1])[:3]
    np.testing.assert_allclose(hits.distances, nearest, atol=1e-5)
    assert store.groups("camera") == {"a": count}
    assert store.delete(Where(cameras=("a",))) == count
    assert store.count() == 0
    store.close()


def test_a_large_gallery_gets_an_index(milvus_server, about, monkeypatch, steps):
    """HNSW beyond a number of sightings: recall under filters stays, exact search is exact."""
    monkeypatch.setattr("passerby.stores.engines.milvus.collection.FLAT_ROWS", 2000)
    sightings = make_sightings(6000, persons=300)
    store = create_store(milvus_place(milvus_server), about)
    store.write(sightings)
    queries = make_sightings(50, seed=5, persons=300).vectors
    store.compact()
    # Built is not loaded: until then an interim index answers, which missed one in nine here.
    assert store._collection.without_index() == 0
    state = store.index_state()
    assert (state.kind, state.indexed, state.rows) == ("HNSW", 6000, 6000)
    assert "interim" not in state.effort
    assert steps
    rare = Where(cameras=("cam 2",), sources=("north",), known=True)
    for where in (Where(), Where(not_cameras=("cam 1",)), Where(cameras=("cam 1",)), rare):
        expected = sightings[where.keeps(sightings)]
        distances = 1 - queries @ expected.vectors.T
        ids = expected.ids[np.argsort(distances, axis=1)[:, :10]]
        found = store.search(queries, 10, where)
        assert not found.exact
        common = [len({*found.of(q)[0].ids} & {*ids[q]}) for q in range(len(queries))]
        assert np.mean(common) >= 9.9
        exact = store.search(queries, 10, where, exact=True)
        assert exact.exact
        np.testing.assert_allclose(
            exact.distances.reshape(-1, 10), np.sort(distances, axis=1)[:, :10], atol=1e-5
        )
    more = make_sightings(1500, seed=9)
    store.write(with_columns(more, ids=[f"{9:08x}{row:024x}" for row in range(1500)]))
    assert "the other 1,500 by an interim index" in store.index_state().effort
    store.update_index()  # the server indexes them by itself, where they are many
    deadline = time.monotonic() + 60
    while store.index_state().indexed < 7500:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    store.close()


def test_compaction_says_what_is_gone_and_when(named):
    store, _ = named
    erased = store.compact()
    assert (erased.bytes_before, erased.bytes_after) == (None, None)
    for setting in ("gc.interval", "gc.dropTolerance", "retentionTimeInMinutes"):
        assert setting in erased.meaning


def test_what_is_no_gallery_is_refused(milvus_server, about):
    place = milvus_place(milvus_server)
    with pytest.raises(ValueError, match="there is no gallery of that name"):
        open_store(place)
    address = Address.from_text(place)
    client = address.connect()
    client.create_collection(address.collection, dimension=4)
    client.close()
    with pytest.raises(ValueError, match="that collection is no gallery"):
        open_store(place)
    with pytest.raises(ValueError, match="exists already"):
        create_store(place, about)
    newer = milvus_place(milvus_server)
    create_store(newer, replace(about, format=99)).close()
    with pytest.raises(ValueError, match="format 99, this one reads 1"):
        open_store(newer)


def test_a_wrong_password_is_not_tried_again(milvus_server):
    place = f"milvus://root:wrong@{milvus_server.address}/lobby"
    with pytest.raises(ValueError, match="auth check failure") as raised:
        open_store(place)
    assert not isinstance(raised.value, StoreUnavailable)
    assert "wrong" not in str(raised.value)


def test_a_server_that_is_not_there_is_asked_for_a_while():
    place = f"milvus://root:secret@127.0.0.1:{free_ports(1)[0]}/lobby?patience=0.5"
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:\d+/lobby does not answer") as raised:
        open_store(place)
    assert "secret" not in str(raised.value)


def _write_all(place: str, seed: int) -> int:
    store = open_store(place)
    sightings = make_sightings(600)
    order = np.random.default_rng(seed).permutation(600)
    added = 0
    for start in range(0, 600, 50):
        added += store.write(sightings[order[start : start + 50]]).added
    store.close()
    return added


def test_writers_of_the_same_sightings_make_each_once(milvus_server, about):
    """Three processes at once, each with all of them in an order of its own."""
    place = milvus_place(milvus_server)
    store = create_store(place, about)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        running = pool.starmap_async(_write_all, [(place, seed) for seed in range(3)])
        while not running.ready():  # a third one searches meanwhile
            store.search(make_sightings(1).vectors, 5)
        added = running.get()
    assert store.count() == 600
    assert sum(added) >= 600  # two that write the same new one at once both call it new
    assert len({str(name) for page in store.read() for name in page.ids}) == 600
    store.close()


def test_what_another_says_while_the_description_is_changed_is_kept(milvus_server, about):
    place = milvus_place(milvus_server)
    one, other = create_store(place, about), open_store(place)

    def renamed(now):
        if not now.place:  # the first time
            other.change_about(lambda there: replace(there, place="elsewhere"))
        return replace(now, name="another")

    assert one.change_about(renamed) == replace(about, name="another", place="elsewhere")
    assert other.refresh_about() == one.about
    one.close()
    other.close()


def test_a_server_that_goes_away_and_comes_back(milvus_server, about):
    """Killed between and within acknowledged writes: all of them are there, none twice."""
    place = milvus_place(milvus_server)
    store = create_store(place + "?patience=60", about)
    sightings = make_sightings(800)
    for start in range(0, 400, 50):
        store.write(sightings[start : start + 50])
    with ThreadPoolExecutor(1) as pool:
        milvus_server.kill()
        with pytest.raises(StoreUnavailable, match="What it acknowledged is kept"):
            open_store(place + "?patience=0.3")
        writing = pool.submit(
            lambda: [store.write(sightings[n : n + 50]).added for n in range(400, 800, 50)]
        )
        milvus_server.start()
        assert len(writing.result()) == 8
    assert store.count() == 800
    hits = store.search(sightings.vectors, 1)
    np.testing.assert_allclose(hits.distances, 0, atol=1e-5)
    again = open_store(place)
    assert again.about == about
    assert again.write(sightings).present == 800
    again.close()
    store.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls(milvus_server, about, tmp_path):
    """A server with a certificate of its own: trusted when named, refused when not."""
    certificate, key = _certificate(tmp_path)
    server = MilvusServer(tmp_path / "milvus", like=milvus_server)
    server.start(tls=(certificate, key))
    try:
        place = milvus_place(server)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            create_store(place + "?tls=1&patience=0.3", about)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            create_store(place + "?patience=0.3", about)
        place += f"?tls=1&ca={certificate}&name=gallery.test"
        create_store(place, about).close()
        store = open_store(place)
        assert store.count() == 0
        store.close()
    finally:
        server.kill()


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ("-subj", "/CN=gallery.test", "-addext", "subjectAltName=DNS:gallery.test")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def test_without_its_extra_one_line_says_what_to_install(monkeypatch):
    for name in ("pymilvus", "grpc"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (open_store, lambda place: create_store(place, About("m", "plain", 8))):
        with pytest.raises(ValueError, match=r'pip install "passerby\[milvus\]"$') as raised:
            call("milvus://localhost:19530/lobby")
        assert "\n" not in str(raised.value)


def test_its_client_closes_nobody_elses_log(tmp_path):
    """Its package configures logging when it is imported, which closes all handlers there are."""
    pytest.importorskip("pymilvus")
    program = (
        "import logging, sys\n"
        "closed = []\n"
        "class Handler(logging.StreamHandler):\n"
        "    def close(self): closed.append(self)\n"
        "kept = Handler()\n"
        "from passerby.stores.engines.milvus.address import pymilvus\n"
        "assert pymilvus().MilvusClient and not closed, closed\n"
        "logging.config.dictConfig({'version': 1})\n"
        "assert closed == [kept]"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_collection_of_before_passages_keeps_images_and_refuses_passages(
    tmp_path, about, monkeypatch
):
    whole = rows.schema

    def older(client, dimensions):
        made = whole(client, dimensions)
        kept = [field for field in made.fields if field.name not in rows.LATER]
        return CollectionSchema(kept, enable_dynamic_field=False)

    from pymilvus import CollectionSchema

    monkeypatch.setattr("passerby.stores.engines.milvus.collection.schema", older)
    place = f"milvus://{tmp_path}/old.db/gallery"
    store = create_store(place, about)
    given = make_sightings(40)
    still = with_columns(given, untils=None, coherences=None, looks=None, pictures=None)
    store.write(still)
    read = Sightings.joined([*store.read(with_thumbnails=True)])
    assert read[np.argsort(read.ids)].thumbnails == still.thumbnails
    late = Where(since=datetime(2026, 5, 2, tzinfo=UTC))
    assert store.count(late) == late.keeps(still).sum()
    assert len(store.search(still.vectors[:2], 3, with_vectors=True).sightings) == 6
    with pytest.raises(ValueError, match=r"passerby gallery dump milvus://.* restore FILE PLACE"):
        store.write(given, replace=True)
    dump(store, tmp_path / "old.zip")
    monkeypatch.setattr("passerby.stores.engines.milvus.collection.schema", whole)
    restore(tmp_path / "old.zip", f"milvus://{tmp_path}/new.db/gallery")
    new = open_store(f"milvus://{tmp_path}/new.db/gallery")
    assert new.write(given, replace=True).replaced == 40
    store.close()
    new.close()
