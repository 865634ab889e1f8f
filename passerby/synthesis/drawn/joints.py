"""Where the joints of a posed person are: COCO's seventeen, in COCO's order."""

import numpy as np

from passerby.synthesis.drawn.body import Part

_SIDED = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = ("nose", *(f"{side}_{name}" for name in _SIDED for side in ("left", "right")))

# How far a joint may lie below the surface and still be what one sees there, in metres.
_DEPTHS = {"nose": 0.03, "eye": 0.03, "ear": 0.05, "shoulder": 0.12, "elbow": 0.09, "wrist": 0.08,
           "hip": 0.2, "knee": 0.11, "ankle": 0.1}  # fmt: skip
DEPTHS = np.array([_DEPTHS[name.split("_")[-1]] for name in JOINTS])


def joints_of(parts: list[Part]) -> np.ndarray:
    """The joints [17, 3] of assembled parts, in the axes and metres of the parts."""
    places: dict[str, np.ndarray] = {}
    for part in parts:
        for name, point in zip(part.joints, (part.start, part.end), strict=False):
            places[name] = np.array(point)
        if part.region == "head":
            places |= _face(part)
    return np.array([places[name] for name in JOINTS])


def _face(head: Part) -> dict[str, np.ndarray]:
    """Nose, eyes and ears on the surface of the head, an ellipsoid."""
    chin, top, across = np.array(head.start), np.array(head.end), np.array(head.side)
    axis = top - chin
    across = across / np.linalg.norm(across)
    ahead = np.cross(across, axis / np.linalg.norm(axis))
    radius = head.radii[1]
    middle, eyes = chin + 0.5 * axis, chin + 0.56 * axis
    forward = head.depth * radius * ahead
    places = {"nose": middle + 1.05 * forward}
    for side, left in (("left", 1), ("right", -1)):
        # Eyes are drawn 26 mm beside the middle; there the head is a little less deep.
        places[f"{side}_eye"] = eyes + 0.92 * forward + left * 0.026 * across
        places[f"{side}_ear"] = middle + left * 0.95 * radius * across
    return places
