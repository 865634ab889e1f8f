"""What clothes, skin and hair look like: one picture a person, painted in the rest pose.

Each piece of a person (skin, top, trousers, ...) has a block of the picture: its left half is seen
from in front, its right half from behind. A vertex finds its spot by where it is in the neutral
rest pose, across and up, so that faces, straps, open jackets and prints are painted in two
dimensions. Colours are albedos, stored as their square roots in bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from passerby.synthesis.chance import generator
from passerby.synthesis.drawn.cloth import REGIONS, Spots, second_colour
from passerby.synthesis.drawn.drawing import FOLDS, folds
from passerby.synthesis.rendered.body.garments import Layer
from passerby.synthesis.rendered.outfits import Outfit
from passerby.synthesis.wardrobe import Piece

ROWS, HALF = 192, 128
"""Of a block: it is ROWS tall and twice HALF wide."""

_STATURE = 1.7  # metres of the neutral body, in whose rest pose everything is painted
_SHOULDER, _ARM = 0.17, 0.5  # where sleeves begin: beside the body, and their height
_LINEAR = (np.arange(256, dtype=np.float32) / 255) ** 2


@dataclass(frozen=True)
class Texture:
    """The picture of a person and where its vertices are on it."""

    screen: np.ndarray  # [blocks * ROWS, 2 * HALF, 3] uint8: square roots of albedos
    spots: np.ndarray  # [n, 2] float32: column within the front half, and row

    def albedo(self, columns: np.ndarray, rows: np.ndarray, back: np.ndarray) -> np.ndarray:
        """The colours [k, 3] at spots given as floats [k]; `back` [k] bool: seen from behind."""
        column = np.clip(columns, 0, HALF - 1).astype(np.int32) + np.where(back, HALF, 0)
        row = np.clip(rows, 0, len(self.screen) - 1).astype(np.int32)
        return _LINEAR[self.screen[row, column]]


@dataclass(frozen=True)
class Canvas:
    """A block while it is painted: where each of its spots is, and their colours."""

    x: np.ndarray  # [ROWS, 2 * HALF] metres to the left
    y: np.ndarray  # metres up, from the hips
    front: np.ndarray  # bool
    colours: np.ndarray  # [ROWS, 2 * HALF, 3] float32 albedo, changed in place


def _canvas(low: np.ndarray, high: np.ndarray) -> Canvas:
    across = low[0] + (np.arange(HALF) + 0.5) / HALF * (high[0] - low[0])
    up = high[1] - (np.arange(ROWS) + 0.5) / ROWS * (high[1] - low[1])
    x, y = np.meshgrid(np.tile(across, 2), up)
    front = np.broadcast_to(np.arange(2 * HALF) < HALF, x.shape)
    return Canvas(x.astype(np.float32), y.astype(np.float32), front,
                  np.zeros((*x.shape, 3), np.float32))  # fmt: skip


def _spots(canvas: Canvas, piece: Piece) -> Spots:
    """The block's spots as drawn cloth counts them: stripes run around sleeves as well."""
    beside = np.abs(canvas.x)
    sleeve = (piece == Piece.UPPER) & (beside + 0.4 * (canvas.y - _ARM) > _SHOULDER + 0.03)
    along_arm = ((beside - _SHOULDER) + (_ARM - canvas.y)) * 0.7071
    region = np.where(sleeve, REGIONS.index("sleeve"), REGIONS.index("limb"))
    return Spots(
        piece=np.full(canvas.x.size, piece, np.uint8),
        region=region.ravel().astype(np.int8),
        across=canvas.x.ravel(),
        ahead=np.where(canvas.front, 0.1, -0.1).ravel(),
        fraction=np.zeros(canvas.x.size, np.float32),
        along=np.where(sleeve, _ARM - along_arm, canvas.y).ravel(),
        around=(canvas.x / 0.13).ravel(),
    )


def _relief(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """The shared fold texture on a block, elsewhere on it for each person: 0.8 m a tile."""
    x, y = (int(value) for value in rng.integers(0, FOLDS, 2))
    turned = np.where(canvas.front, 0, 97)
    column = ((canvas.x * 320).astype(np.int32) + x + turned) & (FOLDS - 1)
    row = ((canvas.y * 210).astype(np.int32) + y) & (FOLDS - 1)
    relief: np.ndarray = folds()[row, column]
    return relief


def _blob(
    canvas: Canvas, centre: tuple[float, float], radii: tuple[float, float],
    colour: np.ndarray, strength: float,
) -> None:  # fmt: skip
    """A soft spot on the front."""
    x, y = canvas.x[0, :HALF], canvas.y[:, 0]
    rows = slice(*np.searchsorted(-y, [-centre[1] - 2 * radii[1], -centre[1] + 2 * radii[1]]))
    columns = slice(*np.searchsorted(x, [centre[0] - 2 * radii[0], centre[0] + 2 * radii[0]]))
    across, up = (x[columns] - centre[0]) / radii[0], (y[rows] - centre[1]) / radii[1]
    weight = (np.exp(-((across[None] ** 2 + up[:, None] ** 2) ** 2)) * strength)[:, :, None]
    area = canvas.colours[rows, columns]
    area[:] = area * (1 - weight) + colour * weight


def _paint_face(canvas: Canvas, outfit: Outfit, rng: np.random.Generator) -> None:
    skin = np.array(outfit.look.pieces[Piece.SKIN].colour)
    hair = np.array(outfit.look.pieces[Piece.HAIR].colour)
    dark = np.minimum(skin, np.array([0.02, 0.015, 0.012]))
    for side in (-1, 1):
        _blob(canvas, (side * 0.033, 0.727), (0.017, 0.009), dark, 0.8)
        _blob(canvas, (side * 0.036, 0.75), (0.024, 0.007), hair * 0.6, 0.7)
    lips = skin * np.array([0.8, 0.45, 0.45])
    if outfit.look.beard and not outfit.womanly:
        _blob(canvas, (0, 0.635), (0.055, 0.035), hair * 0.6 + skin * 0.3, rng.uniform(0.4, 0.9))
    _blob(canvas, (0, 0.646), (0.026, 0.008), lips, 0.6)


def _paint_top(canvas: Canvas, outfit: Outfit, spots: Spots, relief: np.ndarray) -> None:
    """Open jackets, prints and straps on the top."""
    look, x, y = outfit.look, canvas.x, canvas.y
    bag = np.array(look.pieces[Piece.BAG].colour, np.float32)
    if look.opening:
        inner = look.pieces[Piece.INNER]
        open_ = canvas.front & (np.abs(x) < look.opening * (1.15 - 0.5 * y)) & (y < _ARM + 0.1)
        canvas.colours[open_] = inner.colour
        canvas.colours[open_ & (y < -0.02)] = look.pieces[Piece.LOWER].colour
    if look.print_place != "none":
        centre, height, wide, high = look.print_box
        side = canvas.front if look.print_place == "chest" else ~canvas.front
        inside = side & (np.abs(x - centre) < wide * 1.4)
        inside &= np.abs(y - (height - 0.53) * _STATURE) < high * 1.4
        lines = np.mod(y * (50 + look.texture % 37) + x * 9, 1)
        inside &= (lines < 0.62) | (relief > 0.8)
        canvas.colours[inside] = look.pieces[Piece.UPPER].second
    if look.bag == "backpack":
        canvas.colours[canvas.front & (np.abs(np.abs(x) - 0.095) < 0.02) & (y > 0.2)] = bag
    if look.bag == "cross":
        diagonal = np.abs(x - look.bag_side * (0.16 - (y - 0.02) * 0.5)) < 0.017
        canvas.colours[diagonal & (np.abs(x) < _SHOULDER + 0.05)] = bag


def _paint(piece: Piece, canvas: Canvas, outfit: Outfit, rng: np.random.Generator) -> None:
    cloth = outfit.look.pieces[piece]
    canvas.colours[:] = cloth.colour
    relief = _relief(canvas, rng)
    spots = _spots(canvas, piece)
    if cloth.pattern != "plain" and piece not in (Piece.SKIN, Piece.HAIR):
        look = replace(outfit.look, stature=_STATURE)
        every = np.arange(canvas.x.size)
        second = second_colour(cloth, spots, every, relief.ravel(), look)
        canvas.colours.reshape(-1, 3)[second] = cloth.second
    if piece == Piece.SKIN:
        _paint_face(canvas, outfit, rng)
        np.multiply(canvas.colours, (1 + 0.03 * relief)[:, :, None], out=canvas.colours)
        return
    if piece == Piece.HAIR:  # strands
        strands = rng.standard_normal(canvas.x.shape[1:]).astype(np.float32)
        np.multiply(
            canvas.colours,
            np.clip(1 + 0.18 * relief + 0.25 * strands, 0.3, 2)[:, :, None],
            out=canvas.colours,
        )
        return
    if piece == Piece.UPPER:
        _paint_top(canvas, outfit, spots, relief)
    slope = relief - np.roll(relief, 2, axis=0) + 0.6 * (relief - np.roll(relief, 2, axis=1))
    weave = rng.standard_normal(relief.shape).astype(np.float32)
    fold = 1 + cloth.folds * (0.10 * np.tanh(relief) + 0.30 * np.tanh(slope * 1.2)) + 0.03 * weave
    np.multiply(canvas.colours, np.clip(fold, 0.35, 1.7)[:, :, None], out=canvas.colours)


def painted(outfit: Outfit, layers: Sequence[Layer], seed: tuple[int, ...]) -> Texture:
    """The picture of a person who wears `layers`; `seed`: numbers that the chance depends on."""
    pieces = [layer.piece for layer in layers]
    rests = [layer.rest for layer in layers]
    blocks: list[np.ndarray] = []
    spots = [np.empty((len(rest), 2), np.float32) for rest in rests]
    for number, piece in enumerate(sorted(set(pieces))):
        mine = [place for place, one in enumerate(pieces) if one == piece]
        together = np.concatenate([rests[place][:, :2] for place in mine])
        low, high = together.min(0) - 0.005, together.max(0) + 0.005
        canvas = _canvas(low, high)
        _paint(piece, canvas, outfit, generator(seed[0], "rendered", *seed[1:], int(piece)))
        blocks.append(np.sqrt(np.clip(canvas.colours, 0, 1)))
        for place in mine:
            share = (rests[place][:, :2] - low) / (high - low)
            spots[place][:, 0] = share[:, 0] * HALF
            spots[place][:, 1] = (1 - share[:, 1]) * ROWS + number * ROWS
    screen = (np.concatenate(blocks) * 255 + 0.5).astype(np.uint8)
    return Texture(screen, np.concatenate(spots))
