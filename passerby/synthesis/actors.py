"""A person before a camera, drawn or rendered: what a picture needs to know of either."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from passerby.synthesis.drawn.drawing import Figure, Light, View


class Reach(NamedTuple):
    """How far a person reaches in the picture plane: metres from the ground under the hips."""

    left: float
    right: float
    bottom: float
    top: float


class Actor(Protocol):
    """A person in a pose, turned and seen from above."""

    @property
    def reach(self) -> Reach:
        """The tight box around the person."""

    @property
    def joints(self) -> np.ndarray:
        """The joints [17, 3] in COCO's order: x and y in the picture plane, z to the viewer."""

    def depict(self, view: View, light: Light) -> Figure:
        """Draw the person into an empty picture."""


Staged = Callable[[float, float], Actor]
"""A person in a pose, to be seen with a yaw and from a pitch, both in radians as in `solidify`."""
