"""The parts of the body that a model finds in some images, each with its visibility."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.explanation.part_attention import part_attention
from passerby.explanation.subject import Subject
from passerby.visual.explain.map_sheet import Column, map_sheet


def draw_parts(
    subject: Subject, images: Sequence[NDArray[np.uint8]], names: Sequence[str]
) -> Image.Image | None:
    """A sheet with a column a part; None of a model that has no maps of parts."""
    found = part_attention(subject.network, subject.inputs(images))
    if found is None:
        return None
    values, visibility = found.values.float().cpu().numpy(), found.visibility.tolist()
    columns = [
        Column(
            part.replace("_", " "),
            "attention to it",
            values[:, number],
            [f"visible {100 * own[number]:.0f} %" for own in visibility],
            greatest=1.0,
        )
        for number, part in enumerate(found.names)
    ]
    return map_sheet(images, names, columns)
