"""A head on a frozen backbone: for people without a GPU.

What the backbone makes of each image, and of its mirror image, is computed once; the head then
trains on these vectors (`passerby/training/input/frozen.py`). The model is whole: both.

    passerby train frozen_head --data ROOT --out runs/head
    passerby train "frozen_head(backbone=default, head=mlp)" --data ROOT --out runs/head

dinov2 (Oquab et al. 2023, https://arxiv.org/abs/2304.07193) and resnet50 fetch their weights once;
lite0's come with a package (passerby[imagenet]), default is the model that comes with Passerby.
What each gains: docs/foundation.md, measured by benchmarks/frozen_heads.py.
"""

from __future__ import annotations

from typing import Literal

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.registry import RECIPES

_LITE0 = Input(height=192, width=96, mean=(0.498, 0.498, 0.498), std=(0.502, 0.502, 0.502))
_PATCHES_OF_14 = Input(height=252, width=126, filter="bicubic")
_INPUTS = {"lite0": _LITE0, "default": _LITE0, "dinov2": _PATCHES_OF_14}
_BACKBONES = {
    "dinov2": (
        "timm(name='vit_small_patch14_dinov2.lvd142m', tokens='class_and_mean')",
        "DINOv2's ViT-S/14, class token and mean of the patches, as its authors measure it",
    ),
    "resnet50": ("resnet50(last_stride=1)", "ResNet-50 of ImageNet, last stride 1"),
    "lite0": ("efficientnet_lite0(last_stride=1)", "EfficientNet-Lite0 of ImageNet at 192×96"),
    "default": ("efficientnet_lite0(last_stride=1)", "the model that comes with Passerby"),
}
_HEADS = {"bn_neck": "none", "linear": "linear(width=512)", "mlp": "mlp(width=512, hidden=1024)"}


@RECIPES.register
def frozen_head(
    backbone: Literal["dinov2", "resnet50", "lite0", "default"] = "dinov2",
    head: Literal["bn_neck", "linear", "mlp"] = "linear",
    epochs: int = 40,
) -> Recipe:
    """A head (BNNeck alone, a linear layer or an MLP before it) on a frozen backbone."""
    if backbone not in _BACKBONES or head not in _HEADS:
        raise ValueError(
            f"frozen_head takes backbone {', '.join(_BACKBONES)} and head {', '.join(_HEADS)}, "
            f"got {backbone!r} and {head!r}"
        )
    network, said = _BACKBONES[backbone]
    packaged = backbone == "default"
    options = [f"backbone={backbone}"] * (backbone != "dinov2") + [f"head={head}"] * (
        head != "linear"
    )
    called = f"({', '.join(options)})" if options else ""
    return Recipe(
        name=f"frozen_head{called}",
        epochs=epochs,
        input=_INPUTS.get(backbone, Input()),
        network=Network(
            network,
            start="default" if packaged else "imagenet",
            start_of="backbone.*, pooling.*" if packaged else "*",
            pooling="gem(power=3.0)" if packaged else "average",
            projection=_HEADS[head],
            frozen=True,
        ),
        augmentations=("flip",),
        sampling=Sampling(persons=16, images=4),
        losses=(LossTerm("cross_entropy(label_smoothing=0.1)"), LossTerm("triplet(margin=0.3)")),
        optimizer=Optimizer("adamw", rate=1e-3, weight_decay=1e-2, decays="matrices"),
        schedule=Schedule("cosine", warm_up=1, warm_up_start=0.1),
        validate_every=epochs,
        origins=(
            f"backbone, which stays frozen: {said}",
            "BNNeck, losses before and behind it, label smoothing: BoT (Luo et al. 2019)",
            "widths of the heads, AdamW, rate, epochs: ours",
        ),
    )
