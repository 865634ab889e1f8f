"""A detector by what a user calls it: a name, a card, or a network with its card beside it."""

from __future__ import annotations

from pathlib import Path

from passerby.process.spelling import suggest
from passerby.video.detectors.card import Card, network_of, read_card
from passerby.video.detectors.detections import Detector
from passerby.video.detectors.motion import Motion
from passerby.video.detectors.networks import open_network
from passerby.video.detectors.ssd import Ssd
from passerby.video.detectors.torchvision_models import TorchvisionDetector
from passerby.video.detectors.yolo import Yolo
from passerby.video.detectors.yolox import Yolox
from passerby.weights.pull import place_of

_CARDS = Path(__file__).parent / "cards"
_TORCHVISION = "torchvision:"


def detector_names() -> list[str]:
    """The names that `open_detector` knows, beside files and torchvision's."""
    return ["motion", *sorted(card.stem for card in _CARDS.glob("*.json"))]


def open_detector(text: str, threads: int = 1) -> Detector:
    """A detector: "motion", "yolox_nano", "torchvision:NAME", a card (.json), or a network (.onnx,
    .xml) whose card has the same name and stands beside it.

    Raises:
        ValueError: There is none by that name, it was not fetched, or its card or file is wrong.
    """
    if text == "motion":
        return Motion()
    if text.startswith(_TORCHVISION):
        return TorchvisionDetector(text.removeprefix(_TORCHVISION))
    path = Path(text)
    name = text.replace("-", "_")
    if name in detector_names():
        place = place_of(name)
        if not place.is_file():
            raise ValueError(
                f"the detector {name} is not here: passerby pull {name} fetches it once "
                f"({place}); or take --detector motion, which needs no weights"
            )
        return _of_card(read_card(_CARDS / f"{name}.json"), place.parent, name, threads)
    if path.suffix.lower() not in (".json", ".onnx", ".xml"):
        raise ValueError(
            f"no detector is named {text!r}{suggest(text, detector_names())} (expected one of "
            f"{', '.join(detector_names())}, torchvision:NAME, or a file .onnx, .xml or .json)"
        )
    card = path.with_suffix(".json")
    if not card.is_file():
        raise ValueError(
            f"{card} is not there: a detector needs a card that says what its network takes and "
            "gives (page: Video in)"
        )
    return _of_card(read_card(card), card.parent, path.stem, threads)


def _of_card(card: Card, folder: Path, name: str, threads: int) -> Detector:
    network = open_network(network_of(card, folder), threads)
    if card.layout == "yolox":
        return Yolox(name, card, network)
    return (Ssd if card.layout == "ssd" else Yolo)(name, card, network)
