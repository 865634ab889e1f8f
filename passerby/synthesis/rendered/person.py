"""One person as one mesh: body, garments, hair and bags, without the skin that clothes cover."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from passerby.synthesis.rendered.assets import Pack, people
from passerby.synthesis.rendered.bags import IN_HAND, Solid, bag_meshes
from passerby.synthesis.rendered.body.gait import Stance, posed, strike
from passerby.synthesis.rendered.body.garments import (
    Layer,
    base_part,
    bottom,
    fitted,
    kept,
    normals,
    skirt,
    tights,
    top,
    whole,
)
from passerby.synthesis.rendered.body.shape import shaped
from passerby.synthesis.rendered.body.skeleton import (
    HANGING,
    blended,
    bone_number,
    directed,
    heads,
    moved,
    transforms,
)
from passerby.synthesis.rendered.light import occlusion
from passerby.synthesis.rendered.outfits import CLOSE, Outfit, dress_rendered
from passerby.synthesis.rendered.raster import Surface
from passerby.synthesis.rendered.textures import Texture, painted
from passerby.synthesis.wardrobe import Appearance, Piece

_STATURE, _HIPS = 1.7, 0.51  # of the neutral body; the share of it below its origin
_ANKLE, _WRIST = -0.76, 0.43
_SHOE = -0.74  # how far up shoes are seen below trousers


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
    heads: np.ndarray  # [bones, 3] where bones begin
    face: np.ndarray  # [5, 3] nose, eyes and ears (Pack.face_marks)


@dataclass(frozen=True)
class Body:
    """A person in a pose, standing on the ground: x to their left, y up, z forward; metres."""

    person: Person
    points: np.ndarray  # [n, 3] float32
    normals: np.ndarray  # [n, 3]
    joints: np.ndarray  # [17, 3] in COCO's order


def _height(share: float) -> float:
    """A height in the rest pose (metres) from a share of the stature."""
    return (share - _HIPS) * _STATURE


def _shell(pack: Pack, piece: Piece, push: float, low: float, *, face: bool) -> Layer:
    """A cover of head and neck above a height; with `face`, that stays free."""
    layer = base_part(pack, "body", piece, push=push)
    middle = layer.rest[layer.faces].mean(1)
    inside = (middle[:, 1] > low) & (np.abs(middle[:, 0]) < 0.2)
    if face:
        inside &= (middle[:, 2] < 0.085) | (middle[:, 1] > 0.80)
    return kept(layer, inside)


def _solid_layer(pack: Pack, solid: Solid) -> Layer:
    """A bag as a layer: it keeps its place beside the nearest vertex of the body."""
    away = ((pack.points[pack.body] - solid.points.mean(0)) ** 2).sum(1)
    anchor = int(pack.body[np.argmin(away)])
    count = len(solid.points)
    weights = np.zeros((count, len(pack.bones) + len(HANGING)), np.float32)
    weights[:, bone_number(pack, solid.bone)] = 1
    return Layer(
        solid.piece, np.full((count, 3), anchor, np.int32),
        np.tile(np.array([1, 0, 0], np.float32), (count, 1)), solid.points - pack.points[anchor],
        np.zeros((3, 2), np.int32), np.zeros(3, np.float32), solid.faces, weights, solid.points,
        solid.two_sided,
    )  # fmt: skip


def _upper(pack: Pack, outfit: Outfit) -> tuple[list[Layer], np.ndarray, float]:
    """The top with what hangs below it, the base vertices it covers, and its hem."""
    look, height = outfit.look, pack.points[:, 1]
    low = max(_height(look.hem), -0.05)
    if outfit.top == CLOSE:
        layers = [tights(pack, min(low, 0.12), 1.0, Piece.UPPER, outfit.thickness)]
        arms = np.abs(pack.points[:, 0]) < _WRIST
        hidden = (height > low + 0.03) & (height < 0.55) & arms
        hem = low
    else:
        layers = [top(pack, outfit.top)]
        hem = float(np.percentile(layers[0].rest[:, 1], 3))
        hidden = pack.garments[outfit.top].hidden & (height > hem + 0.03)
    if look.hem < 0.45 or (outfit.top != CLOSE and hem > 0.06 and look.outfit != "dress"):
        end = min(_height(look.hem), 0.0)
        layers.append(skirt(pack, end, hem + 0.12, Piece.UPPER, outfit.thickness + 0.004))
    return layers, hidden, hem


def _lower(pack: Pack, outfit: Outfit, hem: float) -> tuple[list[Layer], np.ndarray]:
    """Trousers, shorts, skirt or the lower part of a dress, and the base vertices covered."""
    look, height = outfit.look, pack.points[:, 1]
    legs = np.abs(pack.points[:, 0]) < 0.3
    upto = max(hem + 0.09, 0.1)
    if outfit.bottom not in ("", CLOSE):
        hidden = pack.garments[outfit.bottom].hidden & (height < upto + 0.02)
        return [bottom(pack, outfit.bottom, upto)], hidden
    if outfit.bottom == CLOSE:
        low = _ANKLE if look.outfit == "trousers" else _height(look.leg_end)
        hidden = legs & (height < upto) & (height > low + 0.03)
        upto = max(hem + 0.02, 0.1)  # no further below the top: it would show through
        return [tights(pack, low, upto, Piece.LOWER, outfit.width)], hidden
    layers = [skirt(pack, _height(look.leg_end), hem + 0.1, Piece.LOWER)]
    hidden = np.zeros(len(height), bool)
    if look.pieces[Piece.LEGS] != look.pieces[Piece.SKIN]:
        layers.append(tights(pack, _ANKLE, 0.06, Piece.LEGS))
        hidden = legs & (height < 0.05) & (height > _ANKLE + 0.03)
    return layers, hidden


def _headwear(pack: Pack, outfit: Outfit) -> list[Layer]:
    look, layers = outfit.look, []
    if look.hat == "brim":
        layers.append(whole(pack, "fedora01", Piece.HAT, two_sided=True))
    if look.hat in ("beanie", "cap"):
        layers.append(_shell(pack, Piece.HAT, 0.014, 0.765, face=False))
    if look.hat == "hood":
        layers.append(_shell(pack, Piece.UPPER, 0.03, 0.56, face=True))
    elif outfit.hair and not (look.hat != "none" and outfit.hair == "afro01"):
        layers.append(whole(pack, outfit.hair, Piece.HAIR, two_sided=True))
    return layers


def layers_of(pack: Pack, outfit: Outfit) -> list[Layer]:
    """Everything that is seen of a person, the uncovered skin first."""
    upper, hidden, hem = _upper(pack, outfit)
    lower, hidden_below = _lower(pack, outfit, hem)
    shoes = whole(pack, outfit.shoes, Piece.SHOES)
    if outfit.look.outfit == "trousers":
        shoes = kept(shoes, shoes.rest[shoes.faces, 1].max(1) < _SHOE)
    hidden = hidden | hidden_below | pack.garments[outfit.shoes].hidden
    light = "female1605" if outfit.womanly else "male1591"
    skin = whole(pack, light, Piece.SKIN)
    covered = hidden[pack.garments[light].references].all(1)
    skin = kept(skin, ~covered[skin.faces].all(1))
    bags = [_solid_layer(pack, solid) for solid in bag_meshes(outfit)]
    return [skin, *upper, *lower, shoes, *_headwear(pack, outfit), *bags]


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
