"""Places behind rendered persons: streets, shops, parks, halls, with cars, greenery and people."""

from passerby.synthesis.backgrounds.panorama import panorama
from passerby.synthesis.cameras.scenes import Camera
from passerby.synthesis.streets import install_street

__all__ = ["install_rendered", "panorama"]


def install_rendered(seed: int, camera: int) -> Camera:
    """The camera of the style "street" with that number, before a place that looks more real."""
    return install_street(seed, camera, panorama)
