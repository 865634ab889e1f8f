"""Maps of a model's own over some images: Grad-CAM, its attention modules, roll-out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.explanation.attention_maps import AttentionMap, attention_maps
from passerby.explanation.grad_cam import grad_cam
from passerby.explanation.rollout import rollout
from passerby.explanation.subject import Subject
from passerby.visual.explain.map_sheet import Column, map_sheet


def draw_maps(
    subject: Subject, images: Sequence[NDArray[np.uint8]], names: Sequence[str]
) -> tuple[Image.Image, list[str]]:
    """The sheet, and what is to be said of it."""
    inputs = subject.inputs(images)
    columns = [_grad_cam(grad_cam(subject.network, inputs).cpu().numpy())]
    rolled = rollout(subject.network, inputs)
    if rolled is not None:
        columns.append(_rollout(rolled.cpu().numpy()))
    found = attention_maps(subject.network, inputs)
    shown = last_of_each_size(found)
    columns += [attention_column(one) for one in shown]
    notes = []
    if len(columns) == 1:
        notes.append(
            "this network has no attention modules or tokens whose maps could be drawn beside "
            "Grad-CAM"
        )
    if len(shown) < len(found):
        notes.append(
            f"{len(shown)} of {len(found)} maps of attention are drawn: of each kind the last one "
            "at each size of maps"
        )
    if subject.network.reads_cameras:
        notes.append(
            "this network looks at cameras: its maps are of images whose camera is unknown"
        )
    return map_sheet(images, names, columns), notes


def last_of_each_size(found: Sequence[AttentionMap]) -> list[AttentionMap]:
    """Of each kind of map the last one at each size of maps: a stage's, in most networks."""
    last = {(one.kind, one.of, one.values.shape[1:]): one for one in found}
    return [one for one in found if last[one.kind, one.of, one.values.shape[1:]] is one]


def attention_column(one: AttentionMap) -> Column:
    """A module's maps; below each the least and greatest weight, and how much is changed."""
    maps = one.values.float().cpu().numpy()
    # A map of channels holds means of their weights, which hide how far apart these are.
    weights = maps if one.channels is None else one.channels.float().cpu().numpy()
    notes = [
        f"{each.min():.2f}-{each.max():.2f}\nchanged {100 * change:.0f} %"
        for each, change in zip(weights, one.change.tolist(), strict=True)
    ]
    name = one.module.removeprefix("backbone.").removesuffix(".attention")
    return Column(f"{one.kind} {one.of}", name, maps, notes, from_zero=False)


def _grad_cam(maps: NDArray[np.float32]) -> Column:
    empty = [not bool((one > 0).any()) for one in maps]
    notes = ["nothing above 0" if none else "" for none in empty]
    return Column("Grad-CAM", "of the embedding", maps, notes)


def _rollout(maps: NDArray[np.float32]) -> Column:
    # As gates and attention: 1 is the mean of the map.
    means = maps.mean(axis=(1, 2))
    notes = [f"{one.min() / m:.2f}-{one.max() / m:.2f}" for one, m in zip(maps, means, strict=True)]
    return Column("roll-out", "of attention", maps, notes, from_zero=False)
