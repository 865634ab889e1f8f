"""torchvision's detectors by name, their published weights fetched with our checks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from passerby.process.cache_folder import cache_folder
from passerby.process.spelling import suggest
from passerby.video.detectors.detections import Detections, Detector, cleaned
from passerby.weights.download import fetch
from passerby.weights.state_dicts import read_weights

_PERSON = 1  # COCO's, after the background


class TorchvisionDetector(Detector):
    """One of torchvision's object detectors, as fasterrcnn_mobilenet_v3_large_320_fpn.

    Weights come from the address that torchvision names, once, into the cache; the digits in their
    file's name are those of its SHA-256, and it is read without running code.

    Raises:
        ValueError: It has no detector of that name, or the weights cannot be had.
    """

    sure = 0.6

    def __init__(self, name: str, floor: float = 0.3) -> None:
        from torchvision import models

        known = models.list_models(models.detection)
        if name not in known:
            raise ValueError(
                f"torchvision has no detector named {name!r}{suggest(name, known)} (expected one "
                f"of {', '.join(known)})"
            )
        weights: Any = models.get_model_weights(name)["DEFAULT"]
        file = urlsplit(weights.url).path.rpartition("/")[2]
        digits = file.rpartition(".")[0].rpartition("-")[2]
        target = cache_folder() / "detectors" / file
        path = fetch(weights.url, target, digits).path
        self.name, self._floor = f"torchvision:{name}", floor
        self._model = models.get_model(name, weights=None, weights_backbone=None)
        self._model.load_state_dict(read_weights(path))
        self._model.eval()

    def detect(self, pixels: NDArray[np.uint8]) -> Detections:
        """See `Detector`."""
        import torch

        planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255
        with torch.inference_mode():
            found = self._model([planes])[0]
        scores = found["scores"].numpy()
        chosen = (found["labels"].numpy() == _PERSON) & (scores >= self._floor)
        return cleaned(found["boxes"].numpy()[chosen], scores[chosen], pixels.shape, 0.5)
