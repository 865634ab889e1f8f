"""How well one piece of a track goes on from another: place, speed, and the picture's edge.

A likelihood ratio beside that of appearance: how much likelier the second piece begins there if it
is the first one's person than if it is anybody. Who was hidden mostly walks on, slows down or
stands, and comes out near by; who left at the edge of the picture is mostly gone, and who begins
there has mostly just come. The numbers are rounded from clips of walking and waiting persons; they
order and join, and no probability is shown of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPAN = 1.0
"""Seconds at an end of a track from which its speed is taken."""

_SLOWING = 1.0  # seconds in which speed falls to a third: persons stop
_NEAR, _SPREAD = 0.25, 0.4  # of the error: heights of the person, and more of them a second
_GOES_ON, _FORGETTING = 0.9, 8.0  # share whose way goes on, and the seconds in which it falls
_EDGE = 1.25  # logarithm: ends at the edge are so much rarer where a track was broken
_CLOSE = 0.01  # of the picture's width: as good as at the edge
_FEWEST = 3  # boxes that give a speed


@dataclass(frozen=True, eq=False)
class Course:
    """One end of a track: place and speed [2] of its box's centre in pixels, and a second; height
    of the person; area of the picture in square pixels; whether the box touches its edge."""

    place: NDArray[np.float64]
    speed: NDArray[np.float64]
    height: float
    area: float
    at_edge: bool


def course(
    seen: Sequence[tuple[float, NDArray[np.float32]]], shape: tuple[int, ...], *, ending: bool
) -> Course:
    """The course of a track's last second, or with ``ending`` false of its first.

    seen: (seconds, box [4]) of it in their order, one at least; shape: (H, W, …) of the picture.
    """
    seconds = np.array([one for one, _ in seen])
    boxes = np.array([box for _, box in seen], np.float64)
    edge = -1 if ending else 0
    near = np.abs(seconds - seconds[edge]) <= SPAN
    at = seconds[near] - seconds[edge]
    centres = (boxes[near, :2] + boxes[near, 2:]) / 2
    place, speed = centres[edge], np.zeros(2)
    if len(at) >= _FEWEST:
        place, speed = np.linalg.lstsq(np.stack([np.ones_like(at), at], axis=1), centres)[0]
    height, width = shape[:2]
    margin = max(1.0, _CLOSE * width)
    left, top, right, bottom = boxes[edge]
    touches = min(left, top, width - right, height - bottom) < margin
    tall = float(np.median(boxes[near, 3] - boxes[near, 1]))
    return Course(place, speed, max(1.0, tall), float(height * width), bool(touches))


def continuity(end: Course, begin: Course, gap: float) -> float:
    """The natural log-likelihood ratio that a track that ended so goes on as one that begins so,
    after ``gap`` seconds."""
    height = (end.height + begin.height) / 2
    reach = _SLOWING * (1 - math.exp(-gap / _SLOWING))
    error = (begin.place - end.place - reach * (end.speed + begin.speed) / 2) / height
    spread = _NEAR + _SPREAD * gap
    density = math.exp(-0.5 * float(error @ error) / spread**2) / (2 * math.pi * spread**2)
    goes_on = _GOES_ON * math.exp(-gap / _FORGETTING)
    anywhere = height**2 / end.area  # the density of beginnings all over the picture
    return math.log(goes_on * density / anywhere + 1 - goes_on) - _EDGE * (
        end.at_edge + begin.at_edge
    )
