"""Embeddings as a folder of Parquet parts: for many machines, and for more vectors than memory.

``schema.py`` is the layout; `folder` says what lies where, `writing` makes a part, `reading` reads
them one at a time.
"""
