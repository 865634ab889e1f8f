"""The sheet of parts: what a network says of each, on one scale; none without maps."""

import numpy as np
import torch
from torch import Tensor

from passerby.body_parts import JOINTS, PARTS
from passerby.config import Input
from passerby.explanation.part_attention import part_attention
from passerby.explanation.subject import Subject
from passerby.models.features import Features
from passerby.models.system import System
from passerby.visual.explain.heat import strengths
from passerby.visual.explain.model_parts import draw_parts


class Known(System):
    """A network whose last stage sees the second part at one place, half visible, and no other."""

    def __init__(self, maps: bool) -> None:
        super().__init__()
        self.has_maps = maps

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        maps = torch.zeros(len(images), 2, len(JOINTS) + len(PARTS), 4, 2)
        maps[:, 0] = 1
        maps[:, 1, len(JOINTS) + 1, 2, 1] = 0.5
        maps[:, 1, len(JOINTS) + 2] = -3
        return Features(images.flatten(1), (), maps if self.has_maps else None)


def subject(maps: bool) -> Subject:
    return Subject(Known(maps), Input(height=32, width=16), torch.device("cpu"))


def test_the_last_stage_counts() -> None:
    found = part_attention(Known(True), torch.zeros(2, 3, 32, 16))
    assert found is not None
    assert found.names == PARTS
    assert found.visibility.tolist() == [[0, 0.5, *[0] * 9]] * 2
    assert found.values[0, 1].nonzero().tolist() == [[2, 1]]


def test_a_sheet_has_a_column_a_part() -> None:
    image = np.full((64, 32, 3), 90, np.uint8)
    sheet = draw_parts(subject(True), [image, image], ["a.jpg", "b.jpg"])
    one = draw_parts(subject(True), [image], ["a.jpg"])
    assert sheet is not None
    assert one is not None
    assert sheet.width == one.width > 11 * 60
    assert sheet.height > one.height
    assert draw_parts(subject(False), [image], ["a.jpg"]) is None


def test_a_part_half_visible_is_half_as_bright() -> None:
    values = np.array([[0.0, 0.5]], np.float32)
    assert strengths(values, from_zero=True, greatest=1.0).tolist() == [[0, 0.5]]
    assert strengths(values, from_zero=True).tolist() == [[0, 1]]
