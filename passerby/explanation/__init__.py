"""Why a network says what it says: maps over an image, and where its vectors lie.

One kind of map a file; drawing is in `passerby.visual.explain`.
"""
