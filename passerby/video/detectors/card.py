"""The card of a detector: a small JSON file that says what its network takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from passerby.process.json_files import read_dataclass
from passerby.weights.download import verified

Layout = Literal["yolox", "yolo_v5", "yolo_v8", "yolo_end_to_end", "ssd"]


@dataclass(frozen=True)
class Card:
    """What is known of a detector's file.

    layout: of its output (see the files of this folder); file: the network (.onnx, or .xml of
    OpenVINO), as seen from the card; height, width: of its input; sure: the score that begins a
    track; floor: below it boxes are dropped. A low floor lets background inherit the track of who
    left: each network needs its own. sha256: of the file, "" where unknown; colours and divisor:
    of the input, after division; person: the class's number; overlap: of suppression.
    """

    layout: Layout
    file: str
    height: int
    width: int
    sure: float
    floor: float
    sha256: str = ""
    colours: Literal["rgb", "bgr"] = "rgb"
    divisor: float = 255.0
    person: int = 0
    overlap: float = 0.5


def read_card(path: Path) -> Card:
    """A card from its file.

    Raises:
        ValueError: It is none, or its numbers make no sense.
    """
    card = read_dataclass(Card, path, "the card of a detector")
    if not 0 < card.floor <= card.sure < 1:
        raise ValueError(f"{path}: expected 0 < floor <= sure < 1, got {card.floor}, {card.sure}")
    if not (0 < card.height <= 4096 and 0 < card.width <= 4096 and card.divisor > 0):
        raise ValueError(f"{path}: height, width and divisor must be above 0, and 4096 at most")
    if not 0 < card.overlap <= 1 or card.person < 0:
        raise ValueError(f"{path}: expected 0 < overlap <= 1 and a person's class from 0")
    return card


def network_of(card: Card, folder: Path) -> Path:
    """The file of a card that stands in a folder, its hash checked.

    Raises:
        ValueError: It is not there, or another one than the card says.
    """
    file = folder / card.file
    if not file.is_file():
        raise ValueError(f"the detector's file is not there: {file}")
    if card.sha256:
        verified(file, card.sha256)
    return file
