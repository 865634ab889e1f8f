"""Recipes of systems made small enough to be tried on a CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from passerby.config import Network, Optimizer, Recipe, Sampling, Schedule

Source = Literal["market1501", "dukemtmc", "msmt17"]
Scale = Literal["paper", "compact"]


def scaled(recipe: Recipe, data: Source, scale: Scale, last_stride: int = 1) -> Recipe:
    """The recipe under the name of its call; at scale "compact" with a ResNet-18 at 192×64.

    192 rows become twelve at last stride 1 (six at 2), which two, three and six stripes divide.
    Raises ValueError for another scale.
    """
    if scale not in ("paper", "compact"):
        raise ValueError(f"scale must be 'paper' or 'compact', got {scale!r}")
    options = [f"data={data}"] * (data != "market1501") + [f"scale={scale}"] * (scale != "paper")
    named = replace(recipe, name=f"{recipe.name}({', '.join(options)})" if options else recipe.name)
    if scale == "paper":
        return named
    return replace(
        named,
        epochs=24,
        input=replace(recipe.input, height=192, width=64),
        network=replace(
            recipe.network, backbone=f"resnet18(last_stride={last_stride})", start="none"
        ),
        augmentations=("flip", "pad_and_crop(padding=5)"),
        optimizer=Optimizer("adam", rate=7e-4, weight_decay=5e-4),
        schedule=Schedule("cosine", warm_up=2, warm_up_start=0.01),
        origins=(
            *recipe.origins,
            "compact scale, ours: ResNet-18 at 192×64 without pretraining, 24 epochs of Adam and "
            "cosine, rate 7e-4, 2 epochs of warm-up, flip, pad 5; losses as at scale paper",
        ),
    )


def scaled_as(recipe: Recipe, data: Source, scale: Scale, network: Network, said: str) -> Recipe:
    """As `scaled` for a system without a ResNet: its network when compact, and that in words."""
    changed = scaled(recipe, data, scale)
    if scale == "paper":
        return changed
    line = changed.origins[-1].replace("ResNet-18", said)
    return replace(changed, network=network, origins=(*recipe.origins, line))


def scaled_transformer(
    recipe: Recipe, data: Source, scale: Scale, network: Network, said: str
) -> Recipe:
    """As `scaled_as`, in batches of 4 × 4: from scratch it needs more steps than images."""
    changed = scaled_as(recipe, data, scale, network, f"{said} batches of 4 × 4,")
    if scale == "paper":
        return changed
    return replace(changed, sampling=Sampling(persons=4, images=4))
