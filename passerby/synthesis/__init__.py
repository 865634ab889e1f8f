"""Synthetic persons: a multi-camera data set drawn from a seed, of nobody who exists.

Read in the order of a picture: `wardrobe` (who somebody is), `drawn` or `rendered` (how they stand,
and their pixels; `actors` is what both have in common), `cameras` (where they hang, what they make
of it), `figures` (one picture), `truth` (what holds of it), `writing` (a whole set on disk).
`variety` and `streets` are the harder styles: each changes what the one before it made. `clothes`
are those of another day, `backgrounds` the places of rendered persons.
"""

from passerby.synthesis.figures import contact_sheet, draw, photo
from passerby.synthesis.writing import write

__all__ = ["contact_sheet", "draw", "photo", "write"]
