"""``postgres://[USER[:PASSWORD]@][HOST[:PORT]]/DATABASE/GALLERY``: in PostgreSQL, by pgvector.

A gallery is one schema of a database: a table of sightings and a small one of what is said of them
all. What holds there:

- A batch is one transaction: all of it or nothing, also when the server or this process is killed.
- Text from outside is sent as bound values, never as part of a statement; the gallery's name is
  made of letters, digits and _ and quoted as an identifier.
- Up to `index.FLAT_ROWS` sightings the server compares all of them; beyond, it keeps HNSW of the
  vectors as float16, and what that finds is ordered by the vectors as they are.
- A compaction writes the tables and their indexes anew, whatever other transactions still see. No
  statistics are kept of names and vectors: the server would keep some of what was removed in them.

store.py is the contract; database.py connections and transactions; layout.py the tables; index.py
HNSW; searching.py the nearest; rows.py the columns; conditions.py the filters; address.py what an
address says; errors.py what the server's errors mean.
"""

from passerby.stores.engines.postgres.store import PostgresStore

ENGINE = PostgresStore
