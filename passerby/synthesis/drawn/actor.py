"""A drawn person before a camera."""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.actors import Reach, Staged
from passerby.synthesis.drawn.body import Part, assemble
from passerby.synthesis.drawn.drawing import (
    Figure,
    Light,
    Solids,
    View,
    render,
    rotation,
    solidify,
)
from passerby.synthesis.drawn.joints import joints_of
from passerby.synthesis.drawn.pose import strike_pose
from passerby.synthesis.wardrobe import Appearance


@dataclass(frozen=True)
class Drawn:
    """A person of simple solids."""

    parts: list[Part]
    solids: Solids
    look: Appearance
    axes: np.ndarray  # [3, 3] from the body's axes to view axes

    @property
    def joints(self) -> np.ndarray:
        """The joints [17, 3] in COCO's order: x and y in the picture plane, z to the viewer."""
        return joints_of(self.parts) @ self.axes.T

    @property
    def reach(self) -> Reach:
        """The tight box around the person."""
        left, right, bottom, top = self.solids.reach.T
        return Reach(left.min(), right.max(), bottom.min(), top.max())

    def depict(self, view: View, light: Light) -> Figure:
        """Draw the person into an empty picture."""
        return render(self.parts, self.solids, self.look, view, light)


def drawn(rng: np.random.Generator, look: Appearance) -> Staged:
    """A person of simple solids in a pose that chance chooses."""
    return _staged(look, assemble(look, strike_pose(rng, look)))


def drawn_walking(
    rng: np.random.Generator, look: Appearance, step: float, stands: bool = False
) -> Staged:
    """A person of simple solids who walks or stands; arguments as for `strike_pose`."""
    return _staged(look, assemble(look, strike_pose(rng, look, step, stands)))


def _staged(look: Appearance, parts: list[Part]) -> Staged:
    def staged(yaw: float, pitch: float) -> Drawn:
        return Drawn(parts, solidify(parts, yaw, pitch), look, rotation(yaw, pitch))

    return staged
