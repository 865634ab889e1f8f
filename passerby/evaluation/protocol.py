"""Which pairs count: matches, ignored images, and the camera rule of Market-1501.

For one query, gallery images of the same person by the same camera are ignored (the camera rule:
they are often the next frame), as are junk images (person −1). All others are ranked; those of the
query's person are its matches. Without camera numbers the rule must be switched off explicitly:
toolkits that invent a camera discard every match and report zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.tables.embeddings import Embeddings, require_one_model
from passerby.tables.keys import person_numbers
from passerby.tables.records import JUNK


class Protocol:
    """Says for each query which gallery rows match and which are ignored.

    Person numbers mean something only within a source: where both sides carry sources, a match
    must be of the same source. Raises ValueError for empty parts, missing cameras, and parts of
    different models.
    """

    def __init__(self, query: Embeddings, gallery: Embeddings, camera_rule: bool = True) -> None:
        for name, part in (("query", query), ("gallery", gallery)):
            if len(part) == 0:
                raise ValueError(f"the {name} is empty: nothing to evaluate")
            if camera_rule and part.cameras is None:
                raise ValueError(
                    f"the {name} has no camera numbers, and the camera rule needs them; pass "
                    "camera_rule=False (--no-camera-rule) to count all images of the same person"
                )
        require_one_model(query, gallery)
        self.camera_rule = camera_rule
        self._query_keys, gallery_keys = person_numbers(query, gallery)
        self._query_is_junk = query.persons == JUNK
        self._query_cameras, self._gallery_cameras = query.cameras, gallery.cameras
        order = np.argsort(gallery_keys, kind="stable")
        self._rows_by_person = order
        self._sorted_keys = gallery_keys[order]
        self.junk = np.flatnonzero(gallery.persons == JUNK)

    def of_query(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(matching gallery rows, rows ignored beside `junk`), each ascending, of one query."""
        if self._query_is_junk[row]:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        key = self._query_keys[row]
        first, last = np.searchsorted(self._sorted_keys, [key, key + 1])
        same_person = self._rows_by_person[first:last]
        if not self.camera_rule:
            return same_person, same_person[:0]
        assert self._query_cameras is not None
        assert self._gallery_cameras is not None
        same_camera = self._gallery_cameras[same_person] == self._query_cameras[row]
        return same_person[~same_camera], same_person[same_camera]
