"""The PostgreSQL engine beyond what every engine does: addresses, HNSW, erasure, faults."""

from __future__ import annotations

import multiprocessing
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.stores import Store, StoreUnavailable
from passerby.stores.about import About
from passerby.stores.engines.postgres import index, searching
from passerby.stores.engines.postgres.address import Address
from passerby.stores.opening import create_store, open_store
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings, with_columns
from tests.stores.conftest import DIMENSIONS, make_sightings, postgres_place
from tests.stores.milvus_server import free_ports
from tests.stores.postgres_server import DATABASE, PASSWORD, USER, CannotRun, PostgresServer


def test_addresses():
    plain = Address.from_text("postgres://localhost/people/lobby")
    assert (plain.host, plain.port, plain.database, plain.gallery) == (
        "localhost",
        0,
        "people",
        "lobby",
    )
    full = Address.from_text(
        "postgres://me:p%40ss%2Fword@example.org:5433/people%2Feast/Lobby_2?sslmode=verify-full"
        "&sslrootcert=a.pem&sslcert=b.pem&sslkey=c.pem&patience=2.5"
    )
    assert full == Address(
        shown="postgres://example.org:5433/people%2Feast/Lobby_2",
        database="people/east",
        gallery="Lobby_2",
        host="example.org",
        port=5433,
        user="me",
        password="p@ss/word",
        tls=(
            ("sslmode", "verify-full"),
            ("sslrootcert", "a.pem"),
            ("sslcert", "b.pem"),
            ("sslkey", "c.pem"),
        ),
        patience=2.5,
    )
    socket = Address.from_text("postgres:///people/lobby?host=/run/postgresql")
    assert (socket.host, socket.user) == ("/run/postgresql", "")
    assert "p@ss" not in repr(full)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("host", "expected postgres://HOST:PORT/DATABASE/GALLERY"),
        ("host/people", "expected postgres://HOST:PORT/DATABASE/GALLERY"),
        ("host/people/a/b", "expected postgres://HOST:PORT/DATABASE/GALLERY"),
        ("host:port/people/a", "expected postgres://HOST:PORT/DATABASE/GALLERY"),
        ("host/people/a-b", "got 'a-b'"),
        ('host/people/a";drop table x;--', "a gallery is named by letters"),
        ("host/people/" + "a" * 64, "at most 63"),
        ("host/people/a?sslmod=x", "no option is named 'sslmod', only sslmode"),
        ("host/people/a?sslmode=on", "sslmode cannot be 'on', only disable"),
        ("host\u2100/people/a", "expected postgres://HOST:PORT/DATABASE/GALLERY"),
        ("[host/people/a", "expected postgres://HOST:PORT/DATABASE/GALLERY"),
        ("host/people/a?patience=long", "patience cannot be 'long'"),
    ],
)
@pytest.mark.parametrize("secret", ["qqq", "qq/zz", "qq?zz", "qq#zz", "qq@zz"])
def test_wrong_addresses_are_explained_without_their_password(secret, rest, message):
    with pytest.raises(ValueError, match=r"postgres://\[?host") as raised:
        Address.from_text(f"postgres://jane:{secret}@{rest}")
    if secret == "qqq":
        assert message in str(raised.value)
    for part in ("jane", *re.split(r"\W", secret)):
        assert part not in str(raised.value)


@contextmanager
def made(server: PostgresServer, about: About, options: str = "") -> Iterator[Store]:
    """An empty gallery, removed in the end."""
    store = create_store(postgres_place(server, options), about)
    try:
        yield store
    finally:
        store.close()


def _about(dimensions: int = DIMENSIONS) -> About:
    return About(model="0123456789abcdef", pooling="plain", dimensions=dimensions, name="small")


def _truth(queries, sightings, where, k=10):
    expected = sightings[where.keeps(sightings)]
    distances = 1 - queries @ expected.vectors.T
    order = np.argsort(distances, axis=1)[:, :k]
    return expected.ids[order], np.take_along_axis(distances, order, 1)


def test_a_large_gallery_gets_an_index(postgres_server, monkeypatch, steps):
    """Recall under filters stays, distances are those of the vectors, exact search is exact."""
    monkeypatch.setattr(index, "FLAT_ROWS", 2000)
    monkeypatch.setattr(searching, "COMPARED", 0)
    sightings = make_sightings(4000, persons=300)
    queries = make_sightings(30, seed=5, persons=300).vectors
    with made(postgres_server, _about()) as store:
        store.write(sightings[:3000])
        assert store.search(queries[:1], 5).exact
        state = store.update_index()
        assert (state.kind, state.indexed, state.rows) == ("HNSW", 3000, 3000)
        assert steps
        store.write(sightings[3000:])  # the server takes them into the index by itself
        rare = Where(cameras=("cam 2",), sources=("north",), known=True)
        for where in (Where(), Where(not_cameras=("cam 1",)), Where(cameras=("cam 1",)), rare):
            ids, distances = _truth(queries, sightings, where)
            found = store.search(queries, 10, where)
            assert not found.exact
            common = [len({*found.of(q)[0].ids} & {*ids[q]}) for q in range(len(queries))]
            assert np.mean(common) >= 9.9
            np.testing.assert_allclose(
                found.distances.reshape(-1, 10).mean(), distances.mean(), atol=1e-4
            )
            for few in (queries, queries[:2]):  # compared here, and on the server
                exact = store.search(few, 10, where, exact=True)
                assert exact.exact
                np.testing.assert_allclose(
                    exact.distances.reshape(-1, 10), distances[: len(few)], atol=1e-5
                )
        assert store.search(queries[:1], 600).exact  # more than the index is worth
        monkeypatch.setattr(searching, "COMPARED", 2000)
        assert store.search(queries[:1], 5, rare).exact  # of a few hundred
        assert store.search(queries[:1], 5, Where(cameras=("cam 1",), known=False)).exact
        assert not store.search(queries[:1], 5, Where(not_cameras=("cam 1",))).exact
        assert not store.search(queries[:1], 5, Where(known=False)).exact


def test_a_large_addition_puts_the_index_away_and_makes_it_anew(
    postgres_server, monkeypatch, tmp_path, capsys
):
    """Also after a kill between the two; a small one, and one that is there already, keep it."""
    monkeypatch.setattr(index, "FLAT_ROWS", 100)
    monkeypatch.setattr(index, "MANY", 50)
    monkeypatch.setattr(index, "_LOCKED", 0.1)
    given, about = make_sightings(400), _about()

    with made(postgres_server, about) as store:
        gallery = Gallery(store)

        def added(name: str, rows: slice) -> tuple[int, bool]:
            part = given[rows]
            persons = np.full(len(part), -1)
            table = Embeddings(part.vectors, persons, hashes=part.ids, model=about.model)
            count = gallery.add(table.save(tmp_path / name)).added
            assert store.index_state().kind == "HNSW"
            return count, "is put away while" in capsys.readouterr().out

        assert added("first", slice(150)) == (150, False)  # there was none
        assert added("few", slice(190)) == (40, False)
        assert added("again", slice(190)) == (0, False)
        assert added("many", slice(150, 290)) == (100, True)
        with _reader(postgres_server) as reading:  # who uses it for long
            reading(f"SELECT count(*) FROM {_place(store).rpartition('/')[2]}.sightings")
            store.expect(100)
            store.write(given[290:300])
            assert store.index_state().kind == "HNSW"
        store.expect(100)
        store.write(given[300:310])  # and is killed
        assert store.index_state().kind == ""
        assert store.search(given.vectors[:1], 3).exact
        assert "is put away while" in capsys.readouterr().out
        assert added("rest", slice(400)) == (90, False)
        assert store.count() == 400


def test_an_index_that_gives_up_is_helped_out(postgres_server, monkeypatch):
    """Under a filter that only the farthest satisfy."""
    monkeypatch.setattr(index, "FLAT_ROWS", 100)
    monkeypatch.setattr(searching, "COMPARED", 0)
    ordinary = index.search_settings
    monkeypatch.setattr(
        index,
        "search_settings",
        lambda k: ordinary(k) | {"hnsw.ef_search": "5", "hnsw.max_scan_tuples": "1"}
        | {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off"},
    )  # fmt: skip
    sightings = make_sightings(1500, persons=50)
    query = sightings.vectors[:1]
    farthest = np.argsort(-(1 - sightings.vectors @ query[0]))[:12]
    sources = np.where(np.isin(np.arange(1500), farthest), "far", "near")
    sightings = with_columns(sightings, sources=sources)
    with made(postgres_server, _about()) as store:
        store.write(sightings)
        assert store.update_index().kind == "HNSW"
        hits = store.search(query, 10, Where(sources=("far",)))
        _, distances = _truth(query, sightings, Where(sources=("far",)))
        np.testing.assert_allclose(hits.distances, distances[0], atol=1e-5)


def test_what_a_kill_left_of_an_index_is_made_again(postgres_server, monkeypatch):
    monkeypatch.setattr(index, "FLAT_ROWS", 100)
    with made(postgres_server, _about()) as store:
        store.write(make_sightings(300))
        store.update_index()
        schema = Address.from_text(_place(store)).gallery
        postgres_server.sql(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
            f"'{schema}.by_vector'::regclass"
        )
        assert store.index_state().kind == ""
        assert store.search(make_sightings(1).vectors, 3).exact
        assert store.update_index().kind == "HNSW"


def _place(store: Any) -> str:
    return store._database.address.shown


@pytest.mark.parametrize(
    ("dimensions", "kind"), [(1_800, "HNSW"), (2_048, "HNSW"), (4_000, "HNSW"), (4_001, "")]
)
def test_many_dimensions(dimensions, kind, postgres_server, monkeypatch):
    """float16 is indexed up to 4,000; beyond, all are compared. Pages of 8 kB hold any of them."""
    monkeypatch.setattr(index, "FLAT_ROWS", 20)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    long = ["é" * 512] * 30
    given = Sightings(
        [f"{row:032x}" for row in range(30)], vectors, persons=long, cameras=long, sources=long,
        images=["x" * 8192] * 30, thumbnails=[rng.bytes(3000)] * 30,
    )  # fmt: skip
    with made(postgres_server, _about(dimensions)) as store:
        assert store.write(given).added == 30
        assert store.update_index().kind == kind
        hits = store.search(vectors[:2], 3, with_vectors=True)
        assert hits.sightings.ids[[0, 3]].tolist() == given.ids[:2].tolist()
        np.testing.assert_array_equal(hits.sightings.vectors[[0, 3]], vectors[:2])


def test_more_dimensions_than_the_server_keeps_are_refused(postgres_server):
    with pytest.raises(ValueError, match=r"at most 16,000 dimensions, these have 16,001"):
        create_store(postgres_place(postgres_server), _about(16_001))


SECRET = "somebody who asked to be forgotten"


def _marked(vectors: bool = True) -> tuple[Sightings, tuple[bytes, ...]]:
    """One sighting whose columns are told by their bytes, and these: text, a JPEG, looks, and the
    vector as float32 and as float16."""
    rng = np.random.default_rng(77)
    vector = rng.normal(size=(1, DIMENSIONS)).astype(np.float32)
    vector /= np.linalg.norm(vector)
    picture = rng.bytes(4000)  # larger than a page holds beside others: it lies elsewhere
    given = Sightings(
        ["ab" * 16], vector, persons=[SECRET], images=["private/path.jpg"], cameras=["cam 1"],
        thumbnails=[picture], pictures=[[picture[::-1]]],
    )  # fmt: skip
    marks = (SECRET.encode(), b"private/path.jpg", picture[:64], picture[::-1][:64], b"ab" * 16)
    return given, (*marks, vector[0].tobytes(), vector[0].astype(np.float16).tobytes())


def _on_disk(server: PostgresServer, marks: tuple[bytes, ...]) -> set[int]:
    """Which of the marks any file of the databases holds, the log of writes aside."""
    server.sql("CHECKPOINT", database="postgres")
    found: set[int] = set()
    for path in (server.data / "base").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found |= {number for number, mark in enumerate(marks) if mark in content}
    return found


def test_what_was_removed_is_in_no_file_after_a_compaction(postgres_server, monkeypatch, capsys):
    """Not in the table, what lies beside it, an index, or the server's statistics; also while
    another transaction could still see it, which VACUUM FULL would respect."""
    monkeypatch.setattr(index, "FLAT_ROWS", 100)
    given, marks = _marked()
    others = make_sightings(400)
    with made(postgres_server, _about(), "?patience=0.5") as store:
        store.write(others)
        store.update_index()
        store.write(given)
        alert = replace(store.about, name=SECRET)
        store.change_about(lambda _: alert)
        store.change_about(lambda about: replace(about, name="small"))
        postgres_server.sql("ANALYZE")
        assert _on_disk(postgres_server, marks) == set(range(len(marks)))
        with _reader(postgres_server) as reading:
            assert store.delete(Where(persons=(SECRET,))) == 1
            reading("SELECT 1")
            erased = store.compact()
            assert _on_disk(postgres_server, marks) == set()
            assert "no index was made, as another transaction" in capsys.readouterr().out
            assert store.index_state().kind == ""
        assert "pg_wal" in erased.meaning
        assert erased.bytes_before is not None
        assert store.update_index().kind == "HNSW"
        assert store.count() == 400
        again = Sightings.joined([*store.read(with_thumbnails=True)])
        assert again.thumbnails == others.thumbnails


@contextmanager
def _reader(server: PostgresServer) -> Iterator[Callable[[str], object]]:
    """A transaction that keeps seeing what it saw first."""
    import psycopg

    with psycopg.connect(
        host="127.0.0.1", port=server.port, user=USER, password=PASSWORD, dbname=DATABASE
    ) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1")
        yield connection.execute


def test_a_name_that_was_taken_away_is_gone_after_a_compaction(postgres_server):
    given, marks = _marked()
    with made(postgres_server, _about()) as store:
        store.write(given)
        store.name_persons(given.ids.tolist(), ["another"])
        assert _on_disk(postgres_server, marks[:1]) == {0}
        store.compact()
        assert _on_disk(postgres_server, marks[:1]) == set()
        assert store.groups("person") == {"another": 1}


def test_a_compaction_of_nothing_removed_writes_nothing_anew(postgres_server):
    with made(postgres_server, _about()) as store:
        store.write(make_sightings(50))
        schema = Address.from_text(_place(store)).gallery
        file = f"SELECT pg_relation_filenode('{schema}.sightings')"
        before = postgres_server.sql(file)
        store.compact()
        assert postgres_server.sql(file) == before


def _write_all(place: str, seed: int) -> int:
    store = open_store(place)
    sightings = make_sightings(600)
    order = np.random.default_rng(seed).permutation(600)
    added = 0
    for start in range(0, 600, 50):
        part = sightings[order[start : start + 50]]
        added += store.write(part).added
        store.name_persons(part.ids.tolist(), [f"of {seed}"] * len(part))
    store.close()
    return added


def test_writers_of_the_same_sightings_make_each_once(postgres_server):
    """Three processes at once, each with all of them in an order of its own."""
    place = postgres_place(postgres_server)
    store = create_store(place, _about())
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        running = pool.starmap_async(_write_all, [(place, seed) for seed in range(3)])
        while not running.ready():
            store.search(make_sightings(1).vectors, 5)
        added = running.get()
    assert store.count() == sum(added) == 600
    store.close()


def test_threads_share_a_store(postgres_server):
    sightings = make_sightings(400)
    with made(postgres_server, _about()) as store, ThreadPoolExecutor(4) as pool:
        parts = [sightings[start : start + 20] for start in range(0, 400, 20)]
        assert sum(written.added for written in pool.map(store.write, parts)) == 400
        found = pool.map(lambda part: store.search(part.vectors, 1).sightings.ids.tolist(), parts)
        assert [*found] == [part.ids.tolist() for part in parts]


def test_what_several_say_of_a_gallery_is_all_kept(postgres_server):
    place = postgres_place(postgres_server)
    create_store(place, _about()).close()

    def count(_: int) -> None:
        store = open_store(place)
        store.change_about(lambda about: replace(about, decisions=about.decisions + 1))
        store.close()

    with ThreadPoolExecutor(4) as pool:
        assert len([*pool.map(count, range(20))]) == 20
    store = open_store(place)
    assert store.about.decisions == 20
    store.close()


def test_a_server_that_goes_away_and_comes_back(postgres_server):
    """Killed between and within acknowledged writes: all of them are there, none twice."""
    place = postgres_place(postgres_server)
    store = create_store(place + "?patience=60", _about())
    sightings = make_sightings(800)
    for start in range(0, 400, 50):
        store.write(sightings[start : start + 50])
    with ThreadPoolExecutor(1) as pool:
        postgres_server.kill()
        with pytest.raises(StoreUnavailable, match="What it acknowledged is kept") as raised:
            open_store(place + "?patience=0.3")
        assert "of the tests" not in str(raised.value)
        writing = pool.submit(
            lambda: [store.write(sightings[n : n + 50]).added for n in range(400, 800, 50)]
        )
        postgres_server.start()
        assert writing.result() == [50] * 8
    assert store.count() == 800
    again = open_store(place)
    assert again.about == _about()
    assert again.write(sightings).present == 800
    again.close()
    store.close()


def test_what_is_no_gallery_is_refused(postgres_server):
    place = postgres_place(postgres_server)
    with pytest.raises(ValueError, match="there is no gallery of that name"):
        open_store(place)
    schema = Address.from_text(place).gallery
    postgres_server.sql(f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.orders (number int)")
    with pytest.raises(ValueError, match="there is no gallery of that name"):
        open_store(place)
    with pytest.raises(ValueError, match="exists already and holds other things, 'orders'"):
        create_store(place, _about())
    postgres_server.sql(f"DROP TABLE {schema}.orders")
    create_store(place, _about()).close()  # an administrator made the schema
    newer = postgres_place(postgres_server)
    create_store(newer, replace(_about(), format=99)).close()
    with pytest.raises(ValueError, match="format 99, this one reads 1"):
        open_store(newer)
    postgres_server.sql(f"UPDATE {schema}.gallery SET value = '2' WHERE name = 'layout'")
    with pytest.raises(ValueError, match=r"of layout '2', this Passerby reads 1"):
        open_store(place)


def test_names_that_differ_in_case_are_two_galleries(postgres_server):
    small, large = (f"{postgres_server.address}/{name}" for name in ("lobby_x", "Lobby_X"))
    one, other = create_store(small, _about()), create_store(large, _about())
    one.write(make_sightings(3))
    assert (one.count(), other.count()) == (3, 0)
    one.close()
    other.close()


def test_a_wrong_password_is_not_tried_again(postgres_server):
    place = f"postgres://{USER}:wrong@127.0.0.1:{postgres_server.port}/{DATABASE}/lobby"
    with pytest.raises(ValueError, match="password authentication failed") as raised:
        open_store(place)
    assert not isinstance(raised.value, StoreUnavailable)
    assert "wrong" not in str(raised.value)
    nowhere = postgres_server.address.rpartition("/")[0] + "/elsewhere/lobby"
    with pytest.raises(ValueError, match='database "elsewhere" does not exist'):
        open_store(nowhere)


def test_the_password_may_come_from_the_environment(postgres_server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGUSER", USER)
    store = create_store(f"postgres://127.0.0.1:{postgres_server.port}/{DATABASE}/own", _about())
    assert store.count() == 0
    store.close()


def test_a_command_does_not_repeat_the_password(passerby_command):
    place = f"postgres://me:secret@127.0.0.1:{free_ports(1)[0]}/people/lobby?patience=0.3"
    done = passerby_command("gallery", "show", place)
    assert done.code == 2
    assert "people/lobby does not answer" in done.err
    assert "secret" not in done.out + done.err


def test_who_may_only_read_can_search(postgres_server):
    with made(postgres_server, _about()) as store:
        given = make_sightings(20)
        store.write(given)
        schema = Address.from_text(_place(store)).gallery
        postgres_server.sql(
            "CREATE ROLE reader LOGIN PASSWORD 'read'",
            f"GRANT USAGE ON SCHEMA {schema} TO reader",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader",
        )
        address = f"postgres://reader:read@127.0.0.1:{postgres_server.port}/{DATABASE}/{schema}"
        reader = open_store(address)
        assert reader.search(given.vectors[:1], 1).sightings.ids.tolist() == [given.ids[0]]
        assert reader.index_state().rows == 20
        with pytest.raises(ValueError, match="permission denied for table sightings"):
            reader.delete(Where(cameras=("cam 1",)))
        reader.close()


def test_the_extension_may_be_anywhere(postgres_server):
    """As where an administrator keeps extensions in a schema of their own."""
    postgres_server.sql("CREATE DATABASE apart", database="postgres")
    postgres_server.sql(
        "CREATE SCHEMA extensions", "CREATE EXTENSION vector SCHEMA extensions", database="apart"
    )
    store = create_store(postgres_server.address.replace("/people", "/apart/lobby"), _about())
    given = make_sightings(20)
    store.write(given)
    assert store.search(given.vectors[:3], 1).sightings.ids.tolist() == given.ids[:3].tolist()
    store.close()


def test_a_database_without_the_extension_holds_no_gallery(postgres_server):
    postgres_server.sql("CREATE DATABASE bare", database="postgres")
    with pytest.raises(ValueError, match="no extension vector, and no gallery"):
        open_store(postgres_server.address.replace("/people", "/bare/lobby"))
    postgres_server.sql(
        "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0", database="postgres"
    )
    with pytest.raises(ValueError, match="the encoding of the database must be UTF8"):
        create_store(postgres_server.address.replace("/people", "/latin/lobby"), _about())


def test_without_its_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for call in (open_store, lambda place: create_store(place, _about())):
        with pytest.raises(ValueError, match=r'pip install "passerby\[postgres\]"$') as raised:
            call("postgres://localhost/people/lobby")
        assert "\n" not in str(raised.value)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls():
    """A certificate of its own: trusted when named, refused when not. By another server, since that
    of the wheel knows no TLS."""
    folders = [Path(shutil.which("postgres") or "").parent]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    known = [each for each in folders if (each / "initdb").exists()]
    if not known:
        pytest.skip("no PostgreSQL of this machine's own, with TLS, is installed")
    try:
        server = PostgresServer(known[-1])
    except CannotRun as error:
        pytest.skip(str(error))
    try:
        certificate, key = _certificate(server.folder, "IP:127.0.0.1")
        server.own(key)
        server.own(certificate)
        server.stop()
        server.start(ssl="on", ssl_cert_file=str(certificate), ssl_key_file=str(key))
        trusted = f"?sslmode=verify-full&sslrootcert={certificate}"
        for options, encrypted in ((trusted, True), ("?sslmode=disable", False)):
            with Address.from_text(f"{server.address}/lobby{options}").connect() as connection:
                assert connection.pgconn.ssl_in_use == encrypted
        for options in ("?sslmode=verify-full&sslrootcert=/nowhere.pem", "?sslmode=verify-full"):
            with pytest.raises(ValueError, match=r"certificate") as raised:
                open_store(f"{server.address}/lobby{options}")
            assert not isinstance(raised.value, StoreUnavailable)
    finally:
        server.remove()


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=gallery.test", "-addext", f"subjectAltName={name}"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
