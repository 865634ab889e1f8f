"""MakeHuman's bodies and clothes: found, read, packed once, opened."""

from passerby.synthesis.rendered.assets.finding import AssetsMissing, people, prepare
from passerby.synthesis.rendered.assets.opened import Garment, Pack

__all__ = ["AssetsMissing", "Garment", "Pack", "people", "prepare"]
