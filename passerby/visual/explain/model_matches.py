"""The regions of some matches: pairs of images, by the network that found them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from passerby.explanation.grad_cam import grad_cam
from passerby.explanation.pair_regions import PairRegions, pair_regions
from passerby.explanation.subject import Subject
from passerby.visual.explain.match_sheet import Half, Match, MatchRow


@dataclass(frozen=True, eq=False)
class Found:
    """A query's image and name, and those that were found: image, name, right or not."""

    image: NDArray[np.uint8]
    name: str
    results: Sequence[tuple[NDArray[np.uint8], str, bool | None]]


def explained_matches(subject: Subject, found: Sequence[Found]) -> list[MatchRow]:
    """Rows of a sheet; a query at a time goes through the network."""
    return [_row(subject, one) for one in found if one.results]


def _row(subject: Subject, found: Found) -> MatchRow:
    inputs = subject.inputs([found.image, *(image for image, _, _ in found.results)])
    with torch.inference_mode():
        vectors = subject.network(inputs).embedding.clone()
    count = len(found.results)
    query = inputs[:1].expand(count, -1, -1, -1)
    sides = ((query, vectors[1:]), (inputs[1:], vectors[:1].expand(count, -1)))
    own, theirs = (pair_regions(subject.network, *side) for side in sides)
    cams = [grad_cam(subject.network, *side).float().cpu().numpy() for side in sides]
    matches = [
        Match(
            name,
            float(own.cosines[row]),
            (
                _half(found.image, own, row, cams[0][row]),
                _half(image, theirs, row, cams[1][row]),
            ),
            right,
        )
        for row, (image, name, right) in enumerate(found.results)
    ]
    return MatchRow(found.image, found.name, matches)


def _half(
    image: NDArray[np.uint8], regions: PairRegions, row: int, cam: NDArray[np.float32]
) -> Half:
    values = regions.values[row].float().cpu().numpy()
    return Half(image, values, bool(regions.exact[row]), float(regions.unplaced[row]), cam)
