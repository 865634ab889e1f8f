"""Persons rendered from MakeHuman's bodies and clothes, for the style "rendered".

Read the files in the order of a picture: `assets` (the user's copies, packed once), `outfits` (who
wears what), `bags`, `body` (shape, garments, bones, gait), `dressing` (their layers), `textures`,
`person` (one mesh), `light`, `raster` (triangles to samples), `actor` (a person before a camera).
"""
