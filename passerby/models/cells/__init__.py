"""Cells: small graphs of operations, found by a search, that networks are stacked from."""
