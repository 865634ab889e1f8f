"""One person as one mesh, dressed and painted once, then posed for every picture."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from passerby.synthesis.rendered.assets import Pack, people
from passerby.synthesis.rendered.bags import IN_HAND
from passerby.synthesis.rendered.body.gait import Stance, posed, strike
from passerby.synthesis.rendered.body.garments import (
    fitted,
    normals,
)
from passerby.synthesis.rendered.body.shape import shaped
from passerby.synthesis.rendered.body.skeleton import (
    HANGING,
    blended,
    directed,
    heads,
    moved,
    transforms,
)
from passerby.synthesis.rendered.dressing import layers_of
from passerby.synthesis.rendered.light import occlusion
from passerby.synthesis.rendered.outfits import Outfit, dress_rendered
from passerby.synthesis.rendered.raster import Surface
from passerby.synthesis.rendered.textures import Texture, painted
from passerby.synthesis.wardrobe import Appearance


@dataclass(frozen=True)
class Person:
    """A dressed body in the rest pose, and everything about it that no pose changes."""

    outfit: Outfit
    points: np.ndarray  # [n, 3] float32, metres
    normals: np.ndarray  # [n, 3]
    weights: np.ndarray  # [n, bones] float32
    surface: Surface  # of m triangles
    back: np.ndarray  # [m] bool: seen from behind in the rest pose
    open_sky: np.ndarray  # [n] float32: ambient occlusion, 1 open
    texture: Texture
    worn: np.ndarray  # [n] bool: not hanging from a hand, nor pulled or pushed by it
    heads: np.ndarray  # [bones, 3] where bones begin
    face: np.ndarray  # [5, 3] nose, eyes and ears (Pack.face_marks)


@dataclass(frozen=True)
class Body:
    """A person in a pose, standing on the ground: x to their left, y up, z forward; metres."""

    person: Person
    points: np.ndarray  # [n, 3] float32
    normals: np.ndarray  # [n, 3]
    joints: np.ndarray  # [17, 3] in COCO's order


def assembled(pack: Pack, outfit: Outfit, numbers: tuple[int, ...]) -> Person:
    """The person that wears an outfit; `numbers`: what the chance of textures depends on."""
    base = shaped(pack, outfit.build)
    layers = layers_of(pack, outfit)
    counts = np.cumsum([0] + [len(layer.rest) for layer in layers])
    points = np.concatenate([fitted(layer, base) for layer in layers])
    faces = np.concatenate(
        [layer.faces + first for layer, first in zip(layers, counts[:-1], strict=True)]
    )
    two_sided = np.concatenate([np.full(len(layer.faces), layer.two_sided) for layer in layers])
    surface = Surface(faces.astype(np.int32), two_sided)
    places = heads(pack, base)
    weights = np.zeros((len(points), len(pack.bones) + len(HANGING)), np.float32)
    for layer, first in zip(layers, counts[:-1], strict=True):
        weights[first : first + len(layer.rest), : layer.weights.shape[1]] = layer.weights
    facing = normals(points, faces)
    standing = blended(weights, transforms(pack, places, posed(_STANDING, places,
                                                               pack.bone_numbers)))  # fmt: skip
    return Person(
        outfit=outfit,
        points=points,
        normals=facing,
        weights=weights,
        surface=surface,
        back=facing[faces][:, :, 2].mean(1) < 0,
        open_sky=occlusion(
            moved(standing, points), directed(standing, facing), surface
        ),
        worn=weights[:, len(pack.bones) :].sum(1) == 0,
        texture=painted(outfit, layers, numbers),
        heads=places,
        face=base[pack.face_marks],
    )  # fmt: skip


_STANDING = strike(np.random.default_rng(0), gait=0.0, short=False, hands=("hanging", "hanging"))


@lru_cache(maxsize=48)
def person(look: Appearance, numbers: tuple[int, ...]) -> Person:
    """The person of that look (numbers: see `dress_rendered`); about 100 ms, then remembered."""
    return assembled(people(), dress_rendered(look, numbers), numbers)


_JOINTS = ("upperarm", "lowerarm", "hand", "thigh", "calf", "foot")


def enacted(who: Person, stance: Stance) -> Body:
    """The person in a pose: feet on the ground, hips above the origin."""
    pack = people()
    motions = transforms(pack, who.heads, posed(stance, who.heads, pack.bone_numbers))
    skin = blended(who.weights, motions)
    points = moved(skin, who.points)
    face = moved(blended(pack.weights[pack.face_marks], motions), who.face)
    numbers = [pack.bone_numbers[f"{name}_{side}"] for name in _JOINTS for side in "lr"]
    limbs = moved(motions[numbers], who.heads[numbers])
    pelvis = pack.bone_numbers["pelvis"]
    root = moved(motions[[pelvis]], who.heads[[pelvis]])[0]
    shift = -np.array([root[0], points[:, 1].min(), root[2]], np.float32)
    joints = np.concatenate([face, limbs]) + shift
    return Body(who, points + shift, directed(skin, who.normals), joints.astype(np.float32))


def strike_pose(rng: np.random.Generator, outfit: Outfit) -> Stance:
    """A moment of walking or standing that suits what the person wears and carries."""
    look = outfit.look
    short = look.outfit in ("skirt", "dress") and look.leg_end < 0.3
    hands = ["", ""]
    if outfit.carried in IN_HAND:
        hands[0 if look.bag_side > 0 else 1] = "carrying"
    if outfit.carried == "pram":
        hands = ["pushing", "pushing"]
    return strike(rng, gait=look.gait, short=short, hands=(hands[0], hands[1]))
