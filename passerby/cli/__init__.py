"""The ``passerby`` command: one file a family of commands."""
