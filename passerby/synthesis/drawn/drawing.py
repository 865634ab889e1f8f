"""From parts to pixels: which spot of which part each pixel sees, and how bright it is.

A part is a solid whose surface satisfies a quadratic equation, so for each pixel the depth of its
nearest point is the larger root of that equation. Parts are drawn one after the other into a
depth buffer inside their bounding boxes; whichever point is nearest stays (a z-buffer). Colour and
light are worked out afterwards, once per visible pixel.

View axes: x right, y up, z towards the viewer, in metres; the view is orthographic. Surface
coordinates of a part: `along` its axis and `across` (around) it, so that stripes wrap around a
chest and a print on it is seen from the front only.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from passerby.synthesis.chance import generator
from passerby.synthesis.drawn.body import Part
from passerby.synthesis.drawn.cloth import REGIONS, Spots, colours, level, tailor
from passerby.synthesis.wardrobe import Appearance

FOLDS = 256  # side of the shared fold texture in pixels; a power of two


@dataclass(frozen=True)
class View:
    """How metres become pixels, and where in the picture a figure stands."""

    height: int  # of the picture, in pixels
    width: int
    scale: float  # pixels per metre, upwards
    stretch: float  # how much wider than that, as crops are all resized to one shape
    column: float  # of the point on the ground under the hips
    row: float
    fineness: int = 1  # samples along a pixel's side, of rendered figures


@dataclass(frozen=True)
class Light:
    """Light from one direction and from all around."""

    direction: tuple[float, float, float]  # towards the light, in view axes, length 1
    ambient: float  # 0 only the direct light, 1 no direction at all


@dataclass(frozen=True)
class Figure:
    """The visible pixels of a figure."""

    pixels: np.ndarray  # [n] int64: indices into the flattened picture
    radiance: np.ndarray  # [n, 3] float32, linear light
    depth: np.ndarray  # [n] float32: metres towards the viewer
    mask: np.ndarray  # [height, width] bool
    cover: np.ndarray | None = None  # [n] float32: the share of each pixel that it fills; all


@dataclass(frozen=True)
class Solids:
    """All parts of a figure in view axes, as the coefficients of their equations."""

    # a, b and s of a point p are forms[k] . p + offsets[k]: across, forwards (both in metres; b
    # divided by the flattening) and the fraction of the axis.
    forms: np.ndarray  # [parts, 3, 3]
    offsets: np.ndarray  # [parts, 3]
    profile: np.ndarray  # [parts, 3]: squared radius = profile . (1, s, s^2)
    reach: np.ndarray  # [parts, 4]: left, right, bottom and top, in metres
    lengths: np.ndarray  # [parts]


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., 3] scaled to length 1."""
    length = np.sqrt((vectors * vectors).sum(-1, keepdims=True))
    unit: np.ndarray = vectors / np.maximum(length, 1e-9)
    return unit


def rotation(yaw: float, pitch: float) -> np.ndarray:
    """From the body's own axes to view axes [3, 3]; angles as for `solidify`."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    tilt = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    axes: np.ndarray = tilt @ turn
    return axes


def solidify(parts: list[Part], yaw: float, pitch: float) -> Solids:
    """The equations of the parts as a camera sees them, the hips above the origin.

    With a `yaw` of 0 the person faces the camera, with pi the back shows; `pitch` is how far the
    camera looks down. Both in radians.
    """
    axes = rotation(yaw, pitch)
    start = np.array([part.start for part in parts]) @ axes.T
    end = np.array([part.end for part in parts]) @ axes.T
    side = np.array([part.side for part in parts]) @ axes.T
    radii = np.array([part.radii for part in parts])
    depth = np.array([part.depth for part in parts])[:, None]
    axis = end - start
    length = np.sqrt((axis * axis).sum(1, keepdims=True))
    along = axis / length
    across = _unit(side - (side * along).sum(1, keepdims=True) * along)
    ahead = np.cross(across, along)
    forms = np.stack([across, ahead / depth, along / length], axis=1)
    offsets = -np.einsum("pkc,pc->pk", forms, start)
    low, middle, high = (radii * radii).T
    profile = np.stack([low, 4 * middle - 3 * low - high, 2 * (low + high) - 4 * middle], axis=1)
    spread = 1.02 * radii.max(1, keepdims=True) * np.sqrt(across**2 + (ahead * depth) ** 2)[:, :2]
    least = np.minimum(start, end)[:, :2] - spread
    most = np.maximum(start, end)[:, :2] + spread
    reach = np.stack([least[:, 0], most[:, 0], least[:, 1], most[:, 1]], axis=1)
    return Solids(forms, offsets, profile, reach, length[:, 0])


def _equations(solids: Solids) -> tuple[np.ndarray, np.ndarray]:
    """Per part: depth = sqrt(quadratic(x, y)) - linear(x, y), and s = s(x, y) + slope * depth."""
    forms, offsets, profile = solids.forms, solids.offsets, solids.profile
    u, v, w = forms[:, 0], forms[:, 1], forms[:, 2]
    bend, slope = profile[:, 2, None], profile[:, 1, None]
    square = (
        u[:, :, None] * u[:, None] + v[:, :, None] * v[:, None]
        - bend[:, :, None] * w[:, :, None] * w[:, None]
    )  # fmt: skip
    ao, bo, so = offsets[:, 0, None], offsets[:, 1, None], offsets[:, 2, None]
    line = ao * u + bo * v - (slope / 2 + bend * so) * w
    constant = (
        offsets[:, 0] ** 2 + offsets[:, 1] ** 2
        - profile[:, 0] - profile[:, 1] * offsets[:, 2] - profile[:, 2] * offsets[:, 2] ** 2
    )  # fmt: skip
    # A solid seen almost along its axis has no nearest side; the balls in the joints cover it.
    lead = np.maximum(square[:, 2, 2], 1e-4)
    p, q, r = square[:, 0, 2] / lead, square[:, 1, 2] / lead, line[:, 2] / lead
    quadratic = np.stack([
        p * p - square[:, 0, 0] / lead,
        2 * (p * q - square[:, 0, 1] / lead),
        q * q - square[:, 1, 1] / lead,
        2 * (p * r - line[:, 0] / lead),
        2 * (q * r - line[:, 1] / lead),
        r * r - constant / lead,
    ], axis=1)  # fmt: skip
    linear = np.stack([p, q, r], axis=1)
    return quadratic.astype(np.float32), linear.astype(np.float32)


def _boxes(solids: Solids, view: View) -> np.ndarray:
    """The pixels [parts, 4] that a part may cover: left, right, top and bottom."""
    left, right, bottom, top = solids.reach.T
    scale = view.scale * view.stretch
    columns = view.column + scale * left, view.column + scale * right + 1
    rows = view.row - view.scale * top, view.row - view.scale * bottom + 1
    edges = np.floor(np.stack([*columns, *rows], axis=1))
    boxes: np.ndarray = np.clip(
        edges, 0, [view.width, view.width, view.height, view.height]
    ).astype(int)
    return boxes


def _visible(
    solids: Solids, boxes: np.ndarray, xs: np.ndarray, ys: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The depth [height, width] and the number of the nearest part (-1 nothing) of each pixel."""
    depth = np.full((len(ys), len(xs)), -10, np.float32)
    owner = np.full((len(ys), len(xs)), -1, np.int16)
    quadratic, linear = _equations(solids)
    fractions = np.concatenate([solids.forms[:, 2], solids.offsets[:, 2:]], 1).astype(np.float32)
    # Sums over rows and columns are taken once for all parts, over the whole picture.
    row = quadratic[:, 2:3] * ys * ys + quadratic[:, 4:5] * ys + quadratic[:, 5:6]
    column = quadratic[:, 0:1] * xs * xs + quadratic[:, 3:4] * xs
    mixed = quadratic[:, 1:2] * ys
    row_line, column_line = linear[:, 1:2] * ys + linear[:, 2:3], linear[:, 0:1] * xs
    row_axis, column_axis = fractions[:, 1:2] * ys + fractions[:, 3:4] - 0.5, fractions[:, :1] * xs
    slopes = fractions[:, 2]
    for part, (left, right, top, bottom) in enumerate(boxes.tolist()):
        if left >= right or top >= bottom:
            continue
        root = mixed[part, top:bottom, None] * xs[left:right]
        root += row[part, top:bottom, None]
        root += column[part, left:right]
        hit = root > 0
        np.maximum(root, 0, out=root)
        np.sqrt(root, out=root)
        root -= row_line[part, top:bottom, None]
        root -= column_line[part, left:right]
        axis = root * slopes[part]
        axis += row_axis[part, top:bottom, None]
        axis += column_axis[part, left:right]
        np.abs(axis, out=axis)
        hit &= axis <= 0.5
        box = depth[top:bottom, left:right]
        hit &= root > box
        np.copyto(box, root, where=hit)
        np.copyto(owner[top:bottom, left:right], np.int16(part), where=hit)
    return depth, owner


def _crevices(depth: np.ndarray) -> np.ndarray:
    """How much nearer the surroundings are: an arm darkens the side that it hangs before."""
    grey = np.clip(depth * 110 + 128, 0, 255).astype(np.uint8)
    around = np.asarray(Image.fromarray(grey).filter(ImageFilter.BoxBlur(5)), np.float32)
    return np.clip((around - grey) * 0.012, 0, 0.5)


@lru_cache(maxsize=1)
def folds() -> np.ndarray:
    """A relief [FOLDS, FOLDS] of mean 0 that tiles; the same for every set."""
    rng = generator(0, "texture")
    relief = np.zeros((FOLDS, FOLDS), np.float32)
    for cells in (8, 16, 48):
        grid = rng.standard_normal((cells // 2, cells)).astype(np.float32)
        tiled = np.tile(grid, (3, 3))
        smooth = Image.fromarray(tiled).resize((3 * FOLDS, 3 * FOLDS), Image.Resampling.BICUBIC)
        relief += np.asarray(smooth)[FOLDS : 2 * FOLDS, FOLDS : 2 * FOLDS] * (8 / cells) ** 0.5
    return relief / relief.std()


def _shade(
    normals: np.ndarray, light: Light, relief: np.ndarray, crevices: np.ndarray
) -> np.ndarray:
    """The light [n] that each spot sends on; cloth folds tilt the surface up and down."""
    lx, ly, lz = light.direction
    facing = normals[0] * lx + normals[1] * ly + normals[2] * lz
    direct = np.maximum(facing * 0.85 + 0.15, 0)
    sky = 0.72 + 0.28 * normals[1]
    lit = (1 - light.ambient) * direct * 1.25 + light.ambient * sky
    lit *= 1 + relief
    lit *= 1 - crevices
    return np.maximum(lit, 0.02)


def render(parts: list[Part], solids: Solids, look: Appearance, view: View, light: Light) -> Figure:
    """Draw a figure into an empty picture; `solids` are the `parts` as the camera sees them."""
    across = view.scale * view.stretch
    xs = ((np.arange(view.width) + 0.5 - view.column) / across).astype(np.float32)
    ys = ((view.row - np.arange(view.height) - 0.5) / view.scale).astype(np.float32)
    depth, owner = _visible(solids, _boxes(solids, view), xs, ys)
    mask = owner >= 0
    pixels = np.flatnonzero(mask)
    rows, columns = np.divmod(pixels, view.width)
    points = np.stack([xs[columns], ys[rows], depth.ravel()[pixels]])
    spots, normals = _surface(parts, solids, owner.ravel()[pixels], points)
    level(spots, look)
    tailor(spots, look)
    relief = _relief(spots, look)
    albedo = colours(spots, look, relief)
    folds = np.array([cloth.folds for cloth in look.pieces], np.float32)[spots.piece]
    lit = _shade(normals, light, relief * folds * 0.16, _crevices(depth).ravel()[pixels])
    return Figure(pixels, (albedo * lit).T, points[2], mask)


def _surface(
    parts: list[Part], solids: Solids, part: np.ndarray, points: np.ndarray
) -> tuple[Spots, np.ndarray]:
    """Surface coordinates and normals [3, n] of the points [3, n] of the parts [n]."""
    beyond = [part.piece if part.beyond is None else part.beyond for part in parts]
    table = np.concatenate([
        solids.forms.reshape(-1, 9), solids.offsets, solids.profile[:, 1:] / (2, 1),
        np.array([
            (length, part.height, part.cut, REGIONS.index(part.region), part.piece, after)
            for part, length, after in zip(parts, solids.lengths, beyond, strict=True)
        ]),
    ], axis=1).T.astype(np.float32)  # fmt: skip
    chosen = table[:, part]
    u, v, w = chosen[0:3], chosen[3:6], chosen[6:9]
    a, b, s = (
        form[0] * points[0] + form[1] * points[1] + form[2] * points[2] + offset
        for form, offset in zip((u, v, w), chosen[9:12], strict=True)
    )
    normals = u * a + v * b - w * (chosen[12] + chosen[13] * s)
    normals /= np.sqrt((normals * normals).sum(0)) + 1e-9
    length, base, cut, region, before, after = chosen[14:20]
    spots = Spots(
        piece=np.where(s < cut, before, after).astype(np.uint8),
        region=region.astype(np.int8),
        across=a,
        ahead=b,
        fraction=s,
        along=base + s * length,
        around=np.arctan2(a, b),
    )
    return spots, normals


def _relief(spots: Spots, look: Appearance) -> np.ndarray:
    """The fold texture [n] at the spots, elsewhere on it for each person."""
    across = (spots.around * 20 + look.texture).astype(np.int32) & (FOLDS - 1)
    along = (spots.along * 150 + (look.texture >> 8)).astype(np.int32) & (FOLDS - 1)
    relief: np.ndarray = folds()[along, across]
    return relief
