"""Sightings that a picture is of for certain: their file, or what the gallery keeps of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from passerby.data.crops import content_id
from passerby.gallery.search.matches import Matches
from passerby.stores import Store
from passerby.tables.filters import Where

_NEAREST = 100  # passages that a picture found, of which one has it, if any


def of_very_pictures(
    store: Store, images: Sequence[bytes], found: Iterable[Matches]
) -> tuple[str, ...]:
    """Ids of the sightings that were made of one of these files, and of those found whose thumbnail
    or kept picture one of them is, byte for byte: passages of video have no other picture."""
    hashes = {content_id(image) for image in images}
    near = {match.sighting for matches in found for match in [*matches][:_NEAREST]}
    ids = {*hashes}
    for part in store.read(Where(ids=tuple(near)), with_thumbnails=True) if near else ():
        for name, thumbnail, pictures in zip(
            part.ids.tolist(), part.thumbnails, part.pictures, strict=True
        ):
            if hashes & {content_id(jpeg) for jpeg in (thumbnail, *pictures) if jpeg}:
                ids.add(name)
    return tuple(sorted(ids))
