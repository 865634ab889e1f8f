"""What a site in motion is made from; equal arguments mean equal sites."""

from dataclasses import dataclass
from typing import Literal

# Raised whenever the same arguments would give another site.
SITE_VERSION = 1

Actors = Literal["drawn", "rendered"]


@dataclass(frozen=True)
class Site:
    """A site: its cameras, for how long they film, and how many persons come by.

    rate: frames a second; width, height: of the video, in pixels.

    Raises:
        ValueError: A number that is too small, or an odd width or height.
    """

    seed: int = 0
    cameras: int = 4
    minutes: float = 5.0
    persons: int = 40
    style: Actors = "drawn"
    rate: int = 25
    width: int = 640
    height: int = 360
    version: int = SITE_VERSION
    pack_version: int = 0  # of the bodies and clothes that persons are rendered from; 0 none

    def __post_init__(self) -> None:
        least = {"seed": 0, "cameras": 1, "persons": 1, "rate": 1, "width": 64, "height": 64}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(f"expected {name} of {minimum} or more, got {getattr(self, name)}")
        if self.frames < 1:
            raise ValueError(f"expected minutes for at least one frame, got {self.minutes:g}")
        if self.width % 2 or self.height % 2:
            raise ValueError(f"video has even sides, got {self.width} × {self.height} pixels")

    @property
    def frames(self) -> int:
        """Of each camera's video."""
        return round(self.minutes * 60 * self.rate)
