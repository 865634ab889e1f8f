"""A picture that is painted at twice its size, so that edges come out smooth."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[float, float, float]  # 0 to 255, as on a screen
_FINE = 2


def tinted(colour: Sequence[float], factor: float) -> Colour:
    """The colour brighter or darker by a factor."""
    red, green, blue = (min(255.0, max(0.0, value * factor)) for value in colour)
    return red, green, blue


def dull(rng: np.random.Generator, low: float, high: float, tint: float = 0.05) -> Colour:
    """A greyish colour between two brightnesses, a little warm or cold."""
    red, green, blue = rng.uniform(low, high) * (1 + rng.normal(0, tint, 3))
    return tinted((red, green, blue), 1)


def vivid(rng: np.random.Generator) -> Colour:
    """A colour of signs, cars and goods."""
    strong = rng.permutation([rng.uniform(120, 220), rng.uniform(50, 150), rng.uniform(30, 90)])
    faded = rng.uniform(0.1, 0.75)  # by sun and rain
    red, green, blue = strong * (1 - faded) + strong.mean() * faded
    return float(red), float(green), float(blue)


class Canvas:
    """Shapes on a picture; coordinates are in pixels of the finished picture, from its corner."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.picture = Image.new("RGB", (width * _FINE, height * _FINE))
        self._pen = ImageDraw.Draw(self.picture)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle; nothing where it is turned inside out."""
        if right > left and bottom > top:
            self._pen.rectangle(self._grown((left, top, right, bottom)), _whole(colour))

    def oval(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled ellipse in a box."""
        if right > left and bottom > top:
            self._pen.ellipse(self._grown((left, top, right, bottom)), _whole(colour))

    def shape(self, corners: Sequence[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        self._pen.polygon([(x * _FINE, y * _FINE) for x, y in corners], _whole(colour))

    def line(
        self, start: tuple[float, float], end: tuple[float, float], thick: float, colour: Colour
    ) -> None:
        """A straight line."""
        self._pen.line(self._grown((*start, *end)), _whole(colour), max(1, round(thick * _FINE)))

    def fade(
        self, left: float, top: float, right: float, bottom: float, colours: tuple[Colour, Colour]
    ) -> None:
        """A rectangle from one colour at the top to another at the foot."""
        box = [round(value) for value in self._grown((left, top, right, bottom))]
        wide, high = box[2] - box[0], box[3] - box[1]
        if wide > 0 and high > 0:
            column = np.linspace(colours[0], colours[1], high)[:, None].astype(np.uint8)
            self.picture.paste(Image.fromarray(column).resize((wide, high)), (box[0], box[1]))

    def stencil(self, left: float, top: float, mask: np.ndarray, paint: np.ndarray) -> None:
        """Paint [h, w, 3] through a mask [h, w] of 0 to 1, enlarged to the canvas."""
        size = (mask.shape[1] * _FINE, mask.shape[0] * _FINE)
        over = Image.fromarray(np.clip(mask * 255, 0, 255).astype(np.uint8)).resize(size)
        with_colour = Image.fromarray(np.clip(paint, 0, 255).astype(np.uint8)).resize(size)
        self.picture.paste(with_colour, (round(left * _FINE), round(top * _FINE)), over)

    def lay(self, top: int, ground: np.ndarray) -> None:
        """Cover the picture from a row on with a ground [rows, width, 3]."""
        rows = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
        self.picture.paste(rows.resize((rows.width * _FINE, rows.height * _FINE)), (0, top * _FINE))

    def finished(self, soft: float = 0.0) -> np.ndarray:
        """The picture [height, width, 3] float32."""
        small = self.picture.reduce(_FINE)
        if soft:
            small = small.filter(ImageFilter.GaussianBlur(soft))
        return np.asarray(small, np.float32)

    def _grown(self, values: Sequence[float]) -> list[float]:
        return [value * _FINE for value in values]


def _whole(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue
