"""A folder: LanceDB, within the process, without a server. The engine that needs no address.

In the folder lie ``about.json`` (the description), ``table.json`` (which table is current, and how
much a search has to spend for its recall), ``writers.lock`` and one Lance table,
``sightings-N.lance``. Writers take the lock, one batch each; readers take none. A compaction writes
the next table, points ``table.json`` to it and removes the old one with all it ever held: data,
index, versions and logs.

store.py is the contract; folder.py the files and the lock; rows.py the columns; conditions.py the
filters; index.py searches and what they cost; errors.py the engine's failures in words.
version_0_40.py alone knows file names and error texts of that version of the engine.
"""

from passerby.stores.engines.lancedb.store import LanceStore

ENGINE = LanceStore
