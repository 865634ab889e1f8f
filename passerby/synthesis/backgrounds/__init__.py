"""Places behind rendered persons: streets, shops, parks, halls, with cars, greenery and people."""

from dataclasses import replace

from passerby.synthesis.backgrounds.panorama import panorama
from passerby.synthesis.cameras.scenes import Camera
from passerby.synthesis.chance import generator
from passerby.synthesis.streets import install_street

__all__ = ["install_rendered", "panorama"]


def install_rendered(seed: int, camera: int) -> Camera:
    """The camera of the style "street" with that number, before a place that looks more real.

    Real coats are never black (docs/synthetic.md): lenses and air scatter light, and black levels
    are raised. So all cameras have some haze.
    """
    street = install_street(seed, camera, panorama)
    rng = generator(seed, "street", camera, 1)
    return replace(
        street,
        exposure=street.exposure * 1.1,
        haze=max(street.haze, rng.uniform(0.01, 0.06)),
    )
