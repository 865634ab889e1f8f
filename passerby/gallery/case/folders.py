"""Texts without the folders of the machine that they come from: cases do not tell of them."""

from __future__ import annotations

import re

# Of an absolute path all but its last part; "/door" (a camera of no source) is none.
_FOLDERS = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:|~)?[/\\](?:[^\s/\\,;'\"<>|]+[/\\])+")
_ANY = re.compile(r"[/\\]")


def last_part(path: str) -> str:
    """The name of a file without its folders.

    >>> last_part("/srv/cameras/door/0815.jpg"), last_part("door")
    ('0815.jpg', 'door')
    """
    return _ANY.split(path.rstrip("/\\"))[-1]


def without_folders(text: str) -> str:
    """A text in which absolute paths are file names alone.

    >>> without_folders("no answer: /srv/crops/a.jpg is small (site/door, /door)")
    'no answer: a.jpg is small (site/door, /door)'
    """
    return _FOLDERS.sub("", text)
