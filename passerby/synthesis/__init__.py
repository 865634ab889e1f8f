"""Synthetic persons: a multi-camera data set drawn from a seed, of nobody who exists.

Read the files in the order of a picture: `wardrobe` (who somebody is), `body` (how they stand),
`drawing` and `cloth` (their pixels), `scenes` (where the camera hangs), `obstacles` and `lens`
(what it makes of them), `figures` (one picture), `writing` (a whole set on disk). `variety` and
`streets` are the harder styles: each changes what the one before it made.
"""

from passerby.synthesis.figures import contact_sheet, draw, photo
from passerby.synthesis.writing import write

__all__ = ["contact_sheet", "draw", "photo", "write"]
