"""Keeping a gallery: removal, retention, dumps, checks, counts."""
