"""Bones: where they are in a body, how a pose turns them, and how the skin follows.

A pose gives each bone a rotation about its head, in the axes of the rest pose (x to the person's
left, y up, z forward); bones carry their children along.
"""

from collections.abc import Mapping

import numpy as np

from passerby.synthesis.rendered.assets.opened import Pack


def about_x(angle: float) -> np.ndarray:
    """A rotation [3, 3] that turns y towards z: legs swing backwards."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]], np.float32)


def about_y(angle: float) -> np.ndarray:
    """A rotation [3, 3] that turns z towards x: to the person's left."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)


def about_z(angle: float) -> np.ndarray:
    """A rotation [3, 3] that turns x towards y: the left arm rises."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)


def about(axis: np.ndarray, angle: float) -> np.ndarray:
    """A rotation [3, 3] about any axis [3] (Rodrigues)."""
    x, y, z = axis / max(float(np.linalg.norm(axis)), 1e-9)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], np.float32)
    turned = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned.astype(np.float32)


HANGING = ("hang_l", "hang_r")
"""Bones beyond the pack's: what hangs from a hand moves with it but does not turn."""


def bone_number(pack: Pack, name: str) -> int:
    """The place of a bone of the pack, or of HANGING after these, among the motions."""
    if name in HANGING:
        return len(pack.bones) + HANGING.index(name)
    return pack.bone_numbers[name]


def heads(pack: Pack, base: np.ndarray) -> np.ndarray:
    """Where each bone of a body [base points, 3] begins: [bones, 3]."""
    bones, points, shares = pack.heads
    moved = base[points] * shares[:, None]
    return np.stack(
        [np.bincount(bones, moved[:, axis], len(pack.bones)) for axis in range(3)], axis=1
    ).astype(np.float32)


def transforms(pack: Pack, places: np.ndarray, rotations: Mapping[str, np.ndarray]) -> np.ndarray:
    """The motion [bones + 2, 3, 4] of each bone of a body with heads `places` [bones, 3].

    The last two are those of HANGING.
    """
    found = np.empty((len(pack.bones) + len(HANGING), 3, 4), np.float32)
    still = np.eye(3, dtype=np.float32)
    for number, (name, parent) in enumerate(zip(pack.bones, pack.parents.tolist(), strict=True)):
        rotation = rotations.get(name, still)
        move = places[number] - rotation @ places[number]
        if parent >= 0:
            carried = found[parent]
            move = carried[:, :3] @ move + carried[:, 3]
            rotation = carried[:, :3] @ rotation
        found[number, :, :3], found[number, :, 3] = rotation, move
    for number, hand in enumerate(("hand_l", "hand_r"), len(pack.bones)):
        place = pack.bone_numbers[hand]
        found[number, :, :3] = still
        found[number, :, 3] = moved(found[[place]], places[[place]])[0] - places[place]
    return found


def blended(weights: np.ndarray, motions: np.ndarray) -> np.ndarray:
    """The motion [n, 3, 4] of each vertex: those of the bones by its weights [n, bones (+ 2)]."""
    mixed = weights @ motions[: weights.shape[1]].reshape(-1, 12)
    return mixed.reshape(-1, 3, 4)


def moved(motions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [n, 3] after their motions [n, 3, 4]."""
    return directed(motions, points) + motions[:, :, 3]


def directed(motions: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Directions [n, 3], such as normals, after their motions [n, 3, 4]."""
    x, y, z = directions[:, :1], directions[:, 1:2], directions[:, 2:]
    turned: np.ndarray = motions[:, :, 0] * x + motions[:, :, 1] * y + motions[:, :, 2] * z
    return turned
