"""What is seen of a person, layer by layer: skin that nothing covers, clothes, hair, hats, bags."""

import numpy as np

from passerby.synthesis.rendered.assets import Pack
from passerby.synthesis.rendered.bags import Solid, bag_meshes
from passerby.synthesis.rendered.body.garments import (
    Layer,
    base_part,
    bottom,
    kept,
    skirt,
    tights,
    top,
    whole,
)
from passerby.synthesis.rendered.body.skeleton import HANGING, bone_number, heads
from passerby.synthesis.rendered.hats import EDGE, peak, uncovered
from passerby.synthesis.rendered.outfits import CLOSE, Outfit
from passerby.synthesis.wardrobe import Piece

_STATURE, _HIPS = 1.7, 0.51  # of the neutral body; the share of it below its origin
_ANKLE, _WRIST = -0.76, 0.43
_SHOE = -0.74  # how far up shoes are seen below trousers


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


def _solid_layers(pack: Pack, solids: list[Solid]) -> list[Layer]:
    """Bags as layers: parts on one bone keep their places beside one vertex of the body.

    That vertex is the nearest one to them, or the hand's for what hangs from it.
    """
    layers = []
    for bone in dict.fromkeys(solid.bone for solid in solids):
        parts = [solid for solid in solids if solid.bone == bone]
        middle = np.concatenate([part.points for part in parts]).mean(0)
        if bone in HANGING:
            hand = pack.bone_numbers[bone.replace("hang", "hand")]
            middle = heads(pack, pack.points)[hand]
        away = ((pack.points[pack.body] - middle) ** 2).sum(1)
        anchor = int(pack.body[np.argmin(away)])
        layers += [_solid_layer(pack, part, anchor) for part in parts]
    return layers


def _solid_layer(pack: Pack, solid: Solid, anchor: int) -> Layer:
    """A mesh on one bone that keeps its place beside the base vertex `anchor`."""
    count = len(solid.points)
    weights = np.zeros((count, len(pack.bones) + len(HANGING)), np.float32)
    weights[:, bone_number(pack, solid.bone)] = 1
    return Layer(
        solid.piece, np.full((count, 3), anchor, np.int32),
        np.tile(np.array([1, 0, 0], np.float32), (count, 1)),
        solid.points - pack.points[anchor], np.zeros((3, 2), np.int32), np.zeros(3, np.float32),
        solid.faces, weights, solid.points, solid.two_sided,
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
        layers.append(_shell(pack, Piece.HAT, 0.014, EDGE, face=False))
    if look.hat == "cap":
        layers += _solid_layers(pack, [peak()])
    if look.hat == "hood":
        layers.append(_shell(pack, Piece.UPPER, 0.03, 0.56, face=True))
    elif outfit.hair:
        hair = whole(pack, outfit.hair, Piece.HAIR, two_sided=True)
        layers.append(hair if look.hat == "none" else uncovered(hair))
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
    bags = _solid_layers(pack, bag_meshes(outfit))
    return [skin, *upper, *lower, shoes, *_headwear(pack, outfit), *bags]
