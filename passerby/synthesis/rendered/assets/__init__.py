"""MakeHuman's bodies and clothes: found, read, packed once, opened."""

from passerby.synthesis.rendered.assets.finding import AssetsMissing, people, prepare
from passerby.synthesis.rendered.assets.opened import Garment, Pack
from passerby.synthesis.rendered.assets.packing import VERSION

__all__ = ["VERSION", "AssetsMissing", "Garment", "Pack", "people", "prepare"]
