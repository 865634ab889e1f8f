"""Text that a recorder burns into the picture: the time, the date, the name of the camera."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from passerby.synthesis.chance import pick

# Five columns a sign, the lowest bit its top row. Fonts of the machine would make pictures differ.
_SIGNS = {
    "0": "3e5149453e", "1": "00427f4000", "2": "4261514946", "3": "2141454b31", "4": "1814127f10",
    "5": "2745454539", "6": "3c4a494930", "7": "0171090503", "8": "3649494936", "9": "064949291e",
    "A": "7e1111117e", "C": "3e41414122", "H": "7f0808087f", "M": "7f020c027f", ":": "0036360000",
    "-": "0808080808", "/": "2010080402", " ": "0000000000",
}  # fmt: skip


@dataclass(frozen=True)
class Caption:
    """What a camera's recorder writes, and how; where it meets a crop is a matter of the moment."""

    name: str  # of the camera, "" where only the time is shown
    order: str  # of year, month, day, hour, minute and second
    colour: tuple[int, int, int]
    strip: bool  # on a black strip, or bare
    share: float  # its height over that of a crop
    chance: float  # that a crop meets it


def choose_caption(rng: np.random.Generator, camera: int) -> Caption:
    """The caption of the camera with that number."""
    names = {"": 3.0, f"CAM {camera:02d}": 4, f"CH{camera}": 3}
    orders = {"20{:02d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}": 3.0,
              "{2:02d}/{1:02d}/20{0:02d} {3:02d}:{4:02d}:{5:02d}": 2,
              "{3:02d}:{4:02d}:{5:02d}": 2}  # fmt: skip
    return Caption(
        name=pick(rng, names),
        order=pick(rng, orders),
        colour=pick(rng, {(255, 255, 255): 6.0, (240, 230, 70): 2, (110, 250, 110): 1}),
        strip=bool(rng.random() < 0.3),
        share=rng.uniform(0.035, 0.1),
        chance=rng.uniform(0.1, 0.5),
    )


def _written(text: str) -> Image.Image:
    """The signs side by side, seven rows tall, 255 where there is ink."""
    columns = np.frombuffer(b"".join(bytes.fromhex(_SIGNS[sign] + "00") for sign in text), np.uint8)
    return Image.fromarray((columns[None] >> np.arange(7)[:, None] & 1).astype(np.uint8) * 255)


def burn(picture: Image.Image, rng: np.random.Generator, caption: Caption) -> None:
    """Write the piece of the caption that lies over this crop, near its top or its foot.

    Changes `picture` in place; it has the resolution of the sensor, as the text has.
    """
    year, month, day = rng.integers(18, 27), rng.integers(1, 13), rng.integers(1, 29)
    numbers = (year, month, day, *(rng.integers(0, most) for most in (24, 60, 60)))
    text = " ".join(filter(None, (caption.order.format(*map(int, numbers)), caption.name)))
    stencil = _written(text)
    high = max(5, round(caption.share * picture.height))
    stencil = stencil.resize((round(stencil.width * high / stencil.height), high))
    # Any stretch of the text may lie over the crop, as persons walk below it.
    column = int(rng.uniform(min(0, picture.width - stencil.width), 0.5 * picture.width))
    edge = rng.uniform(0, 0.08) * picture.height
    row = int(edge if rng.random() < 0.5 else picture.height - high - edge)
    if caption.strip:
        picture.paste((0, 0, 0), (column - 1, row - 1, column + stencil.width + 1, row + high + 1))
    picture.paste(caption.colour, (column, row), stencil)
