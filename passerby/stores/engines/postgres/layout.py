"""The two tables of a gallery, in a schema of its name: made, described, written anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from passerby.stores.about import About
from passerby.stores.engines.postgres.address import Address
from passerby.stores.engines.postgres.conditions import ENDED
from passerby.stores.engines.postgres.rows import INLINE_DIMENSIONS, NOT_IN_STATISTICS, definitions

if TYPE_CHECKING:
    from psycopg import Cursor

LAYOUT = 1
"""Of the tables; who finds a greater one is older than it."""

MOST_DIMENSIONS = 16_000
"""Of a vector, to the extension."""


def create(cursor: Cursor[Any], address: Address, about: About) -> None:
    """Make the tables. Raises ValueError where the schema holds something."""
    from psycopg import sql

    if about.dimensions > MOST_DIMENSIONS:
        raise ValueError(
            f"{address.shown}: pgvector keeps vectors of at most {MOST_DIMENSIONS:,} dimensions, "
            f"these have {about.dimensions:,}"
        )
    cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (address.gallery,))
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(address.gallery)))
    if _is_gallery(cursor, address):
        raise ValueError(f"{address.shown}: a gallery of that name exists already")
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = quote_ident(%s)::regnamespace LIMIT 1",
        (address.gallery,),
    )
    if found := cursor.fetchone():
        raise ValueError(
            f"{address.shown}: a schema of that name exists already and holds other things, "
            f"{found[0]!r} among them"
        )
    cursor.execute("CREATE TABLE gallery (name text PRIMARY KEY, value text NOT NULL)")
    cursor.execute("ALTER TABLE gallery ALTER value SET STATISTICS 0")
    cursor.execute(f"CREATE TABLE sightings ({definitions(about.dimensions)})")
    for name in NOT_IN_STATISTICS:
        cursor.execute(f"ALTER TABLE sightings ALTER {name} SET STATISTICS 0")
    for name in ("looks", "thumbnail", "pictures"):  # of JPEG and float16 nothing is saved
        cursor.execute(f"ALTER TABLE sightings ALTER {name} SET STORAGE EXTERNAL")
    if about.dimensions <= INLINE_DIMENSIONS:
        cursor.execute("ALTER TABLE sightings ALTER vector SET STORAGE PLAIN")
    cursor.execute("CREATE INDEX by_person ON sightings (person)")
    cursor.execute("CREATE INDEX by_camera ON sightings (camera, time)")
    cursor.execute(f"CREATE INDEX by_end ON sightings (({ENDED}))")
    said = {"layout": str(LAYOUT), "about": about.to_json(), "version": "", "remains": ""}
    for name, value in said.items():
        cursor.execute("INSERT INTO gallery VALUES (%s, %s)", (name, value))


def require_gallery(cursor: Cursor[Any], address: Address) -> None:
    """ValueError where there is none, or a newer one."""
    if not _is_gallery(cursor, address):
        raise ValueError(f"{address.shown}: there is no gallery of that name in the database")
    layout = said(cursor, "layout")
    if not layout.isdecimal() or int(layout) > LAYOUT:
        raise ValueError(
            f"{address.shown}: the gallery's tables are of layout {layout[:20]!r}, this Passerby "
            f"reads {LAYOUT}: install a newer one"
        )


def said(cursor: Cursor[Any], name: str) -> str:
    """What the table of names and values says."""
    cursor.execute("SELECT value FROM gallery WHERE name = %s", (name,))
    return str(one(cursor)[0])


def exchange_about(cursor: Cursor[Any], before: str, after: str) -> bool:
    """Replace the description as it was read before; whether nobody else has done so meanwhile."""
    cursor.execute(
        "UPDATE gallery SET value = %s WHERE name = 'about' AND value = %s", (after, before)
    )
    return cursor.rowcount == 1


def note_change(cursor: Cursor[Any], *, remains: bool) -> None:
    """The sightings have another version from this transaction on. remains: it leaves rows behind
    that a compaction has to remove. The last thing of a transaction, as others wait for it."""
    cursor.execute(
        "UPDATE gallery SET value = pg_current_xact_id()::text WHERE name = ANY(%s)",
        (["remains", "version"] if remains else ["version"],),
    )


def write_anew(cursor: Cursor[Any]) -> None:
    """Write the tables and their indexes again, without what was removed.

    A change of a column's type copies what this transaction sees, where VACUUM FULL would keep what
    any other transaction may still see. Others wait until it is done.
    """
    cursor.execute("LOCK TABLE sightings IN ACCESS EXCLUSIVE MODE")
    if said(cursor, "remains"):
        cursor.execute("DROP INDEX IF EXISTS by_vector")  # takes longest; made again afterwards
        cursor.execute("ALTER TABLE sightings ALTER frame TYPE bigint USING frame + 0")
        cursor.execute("UPDATE gallery SET value = '' WHERE name = 'remains'")
    cursor.execute("ALTER TABLE gallery ALTER value TYPE text USING value || ''")


def disk_bytes(cursor: Cursor[Any]) -> int:
    """What the tables take with their indexes."""
    cursor.execute("SELECT pg_total_relation_size('sightings') + pg_total_relation_size('gallery')")
    return int(one(cursor)[0])


def one(cursor: Cursor[Any]) -> Any:
    """The row of an answer that has one."""
    row = cursor.fetchone()
    assert row is not None
    return row


def _is_gallery(cursor: Cursor[Any], address: Address) -> bool:
    cursor.execute(
        "SELECT count(*) FROM pg_class WHERE relname IN ('gallery', 'sightings') "
        "AND relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)",
        (address.gallery,),
    )
    return bool(one(cursor)[0] == 2)
