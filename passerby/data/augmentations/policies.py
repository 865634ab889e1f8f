"""Policies over many operations: AutoAugment and RandAugment.

The operations are torchvision's, their chance is not: it comes from the image's own generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from passerby.data.augmentations import Joints, Move, Moving, placed, unmoved
from passerby.registry import AUGMENTATIONS

Operation = Callable[[Tensor, float], Tensor]
"""Changes an image by a strength between −1 and 1, or 0 and 1 where a sign means nothing."""


def _affine(image: Tensor, shift: tuple[float, float], shear: tuple[float, float]) -> Tensor:
    return TF.affine(
        image,
        angle=0.0,
        translate=[int(shift[0]), int(shift[1])],
        scale=1.0,
        shear=[math.degrees(math.atan(angle)) for angle in shear],
        center=[0.0, 0.0] if any(shear) else None,
    )


def _shift(share: float, size: float) -> float:
    return share * 150 / 331 * size  # 150 pixels of the 331 that the policy was searched with


SIGNED: MappingProxyType[str, Operation] = MappingProxyType(
    {
        "shear_x": lambda image, by: _affine(image, (0, 0), (0.3 * by, 0)),
        "shear_y": lambda image, by: _affine(image, (0, 0), (0, 0.3 * by)),
        "translate_x": lambda image, by: _affine(image, (_shift(by, image.shape[2]), 0), (0, 0)),
        "translate_y": lambda image, by: _affine(image, (0, _shift(by, image.shape[1])), (0, 0)),
        "rotate": lambda image, by: TF.rotate(image, 30 * by),
        "brightness": lambda image, by: TF.adjust_brightness(image, 1 + 0.9 * by),
        "colour": lambda image, by: TF.adjust_saturation(image, 1 + 0.9 * by),
        "contrast": lambda image, by: TF.adjust_contrast(image, 1 + 0.9 * by),
        "sharpness": lambda image, by: TF.adjust_sharpness(image, 1 + 0.9 * by),
    }
)
_Matrix = list[list[float]]


def _rotation(by: float, width: float, height: float) -> _Matrix:
    """Against the clock, about the middle; rows count downwards."""
    turn = math.radians(30 * by)
    cos, sin = math.cos(turn), math.sin(turn)
    x, y = width / 2, height / 2
    return [[cos, sin, x - cos * x - sin * y], [-sin, cos, y + sin * x - cos * y]]


# Where a pixel goes: [2, 3] by strength, width and height, of the operations that move any.
_MATRICES: MappingProxyType[str, Callable[[float, float, float], _Matrix]] = MappingProxyType(
    {
        "shear_x": lambda by, width, height: [[1, -0.3 * by, 0], [0, 1, 0]],
        "shear_y": lambda by, width, height: [[1, 0, 0], [-0.3 * by, 1, 0]],
        "translate_x": lambda by, width, height: [[1, 0, int(_shift(by, width))], [0, 1, 0]],
        "translate_y": lambda by, width, height: [[1, 0, 0], [0, 1, int(_shift(by, height))]],
        "rotate": _rotation,
    }
)
UNSIGNED: MappingProxyType[str, Operation] = MappingProxyType(
    {
        "posterize": lambda image, by: TF.posterize(image, 8 - round(4 * by)),
        "solarize": lambda image, by: TF.solarize(image, 255 * (1 - by)),
        "auto_contrast": lambda image, _: TF.autocontrast(image),
        "equalize": lambda image, _: TF.equalize(image),
        "invert": lambda image, _: TF.invert(image),
        "identity": lambda image, _: image,
    }
)

# Cubuk et al. 2019, Table 9: 25 pairs of (operation, probability, strength in ninths).
_Step = tuple[str, float, int]
IMAGENET_POLICY: tuple[tuple[_Step, _Step], ...] = (
    (("posterize", 0.4, 8), ("rotate", 0.6, 9)),
    (("solarize", 0.6, 5), ("auto_contrast", 0.6, 0)),
    (("equalize", 0.8, 0), ("equalize", 0.6, 0)),
    (("posterize", 0.6, 7), ("posterize", 0.6, 6)),
    (("equalize", 0.4, 0), ("solarize", 0.2, 4)),
    (("equalize", 0.4, 0), ("rotate", 0.8, 8)),
    (("solarize", 0.6, 3), ("equalize", 0.6, 0)),
    (("posterize", 0.8, 5), ("equalize", 1.0, 0)),
    (("rotate", 0.2, 3), ("solarize", 0.6, 8)),
    (("equalize", 0.6, 0), ("posterize", 0.4, 6)),
    (("rotate", 0.8, 8), ("colour", 0.4, 0)),
    (("rotate", 0.4, 9), ("equalize", 0.6, 0)),
    (("equalize", 0.0, 0), ("equalize", 0.8, 0)),
    (("invert", 0.6, 0), ("equalize", 1.0, 0)),
    (("colour", 0.6, 4), ("contrast", 1.0, 8)),
    (("rotate", 0.8, 8), ("colour", 1.0, 2)),
    (("colour", 0.8, 8), ("solarize", 0.8, 7)),
    (("sharpness", 0.4, 7), ("invert", 0.6, 0)),
    (("shear_x", 0.6, 5), ("equalize", 1.0, 0)),
    (("colour", 0.4, 0), ("equalize", 0.6, 0)),
    (("equalize", 0.4, 0), ("solarize", 0.2, 4)),
    (("solarize", 0.6, 5), ("auto_contrast", 0.6, 0)),
    (("invert", 0.6, 0), ("equalize", 1.0, 0)),
    (("colour", 0.6, 4), ("contrast", 1.0, 8)),
    (("equalize", 0.8, 0), ("equalize", 0.6, 0)),
)

# Cubuk et al. 2020, without the operations that they leave out (invert).
RAND_AUGMENT = tuple(name for name in (*SIGNED, *UNSIGNED) if name != "invert")


@AUGMENTATIONS.register
class AutoAugment(Moving):
    """AutoAugment's ImageNet policy (Cubuk et al. 2019), on every tenth image as in FastReID."""

    def __init__(self, probability: float = 0.1) -> None:
        self.probability = probability

    def moved(self, image: Tensor, random: np.random.Generator) -> tuple[Tensor, Move]:
        if random.random() >= self.probability:
            return image, unmoved
        moves = list[Move]()
        for name, probability, ninths in IMAGENET_POLICY[random.integers(len(IMAGENET_POLICY))]:
            if random.random() < probability:
                image, move = changed(image, name, ninths / 9, random)
                moves.append(move)
        return image, _one_after_the_other(moves)


@AUGMENTATIONS.register
class RandAugment(Moving):
    """RandAugment (Cubuk et al. 2020): so many operations of fourteen, each of equal strength.

    magnitude: the strength, from 0 to 30.
    """

    def __init__(self, operations: int = 2, magnitude: int = 9, probability: float = 1.0) -> None:
        if not 0 <= magnitude <= 30:
            raise ValueError(f"magnitude must be from 0 to 30, got {magnitude!r}")
        self.operations, self.magnitude, self.probability = operations, magnitude, probability

    def moved(self, image: Tensor, random: np.random.Generator) -> tuple[Tensor, Move]:
        if random.random() >= self.probability:
            return image, unmoved
        moves = list[Move]()
        for _ in range(self.operations):
            name = RAND_AUGMENT[random.integers(len(RAND_AUGMENT))]
            image, move = changed(image, name, self.magnitude / 30, random)
            moves.append(move)
        return image, _one_after_the_other(moves)


def changed(
    image: Tensor, name: str, strength: float, random: np.random.Generator
) -> tuple[Tensor, Move]:
    """One operation applied, its sign drawn where it has one, and where joints go."""
    if name in UNSIGNED:
        return UNSIGNED[name](image, strength), unmoved
    by = strength if random.random() < 0.5 else -strength
    moved = SIGNED[name](image, by)
    if name not in _MATRICES:
        return moved, unmoved
    matrix = np.array(_MATRICES[name](by, image.shape[2], image.shape[1]))
    return moved, lambda joints: placed(joints, matrix)


def _one_after_the_other(moves: Sequence[Move]) -> Move:
    def move(joints: Joints) -> Joints:
        for each in moves:
            joints = each(joints)
        return joints

    return move
