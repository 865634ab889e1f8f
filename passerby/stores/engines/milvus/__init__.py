"""``milvus://[USER:PASSWORD@|TOKEN@]HOST:PORT/COLLECTION``: on a Milvus server, through pymilvus.

A gallery is one collection; its `About` is a property of the collection. What holds on the server:

- A sighting's id is the primary key, and rows are only ever upserted, never inserted: a server
  keeps two rows of one key that were inserted, and one of those that were upserted, whoever wrote
  at the same time.
- A write is acknowledged when a strongly consistent read has seen the server reach it. Searches
  then need not ask for strong consistency, which costs each of them a time tick (200 ms).
- Up to `collection.FLAT_ROWS` sightings the server compares all of them; beyond, it is told to keep
  HNSW.

store.py is the contract; collection.py asks the server; rows.py the fields; conditions.py the
filters; address.py what an address says; errors.py what the server's errors mean.
"""

from passerby.stores.engines.milvus.store import MilvusStore

ENGINE = MilvusStore
