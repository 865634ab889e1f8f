"""Weights of TransReID (He et al. 2021, arXiv:2102.04378) and of what was fine-tuned by its code.

ViT-B and DeiT-S with overlapping patches or without, with cameras (SIE) and the jigsaw (JPM) or
without; PersonViT's fine-tuned files (Hu et al. 2024, arXiv:2408.05398) have the same names. Read
in the authors' code: the embedding stands before the batch norms; with the jigsaw the trunk's own
last layer and norm are not used, and are left out.

Not in a file, and so assumed: of the image sizes and strides that give the number of patches, the
one of the authors' configurations; λ 3 of the cameras; that cameras are numbered from 1, as those
of Market-1501, DukeMTMC-reID and MSMT17 are here (theirs begin at 0). A table of more vectors than
those sets have cameras may be of viewpoints too (vehicles). TransReID's own ViT-S (eight layers of
768) and TransReID-SSL's convolutional stem are refused.
"""

from __future__ import annotations

import torch
from torch import Tensor

from passerby.config import Input, Network
from passerby.registry import FAMILIES
from passerby.weights.families import (
    Converted,
    State,
    inside,
    numbers_in,
    prefixed,
    require_same_architecture,
    without,
)

_VARIANTS = {768: "base", 384: "small", 192: "tiny"}
_SIZES = ((256, 128), (384, 128), (256, 256), (224, 224))
_STRIDES = (16, 12, 14, 11, 10, 8)
_PATCH = 16
_SIE = 3.0
_LAYER = r"blocks\.(\d{1,3})\."
_NAMES = {"bottleneck": "global"} | {
    f"bottleneck_{number}": f"jigsaw_{number}" for number in range(1, 5)
}


@FAMILIES.register
def transreid(state: State, architecture: str | None) -> Converted | None:
    """TransReID: ViT-B and DeiT-S, with cameras and jigsaw or without; PersonViT's fine-tuned."""
    trunk = inside("base.", state)
    if not is_vision_transformer(trunk) or "part_token1" in trunk:
        return None
    jigsaw = "b1.0.norm1.weight" in state
    rest, dropped = without(state, "classifier")
    size, options, notes = shape_of(trunk, places=trunk["pos_embed"].shape[1] - 1)
    unused = ("fc.", *(last_layer(trunk) if jigsaw else ()))
    dropped += tuple(f"base.{name}" for name in without(trunk, *unused)[1])
    ours = without(trunk, *unused)[0] if jigsaw else renamed(without(trunk, *unused)[0])
    if "sie_embed" in trunk:
        cameras = tuple(range(1, 1 + trunk["sie_embed"].shape[0]))
        ours["camera_numbers"] = torch.tensor(cameras)
        options += f", cameras={cameras}, sie={_SIE:g}"
        notes += (
            f"λ {_SIE:g} on the vectors of {len(cameras)} cameras, numbered from 1 "
            "(--set network.system.sie=..., network.system.cameras=...)",
        )
    if jigsaw:
        ours |= prefixed("whole.", inside("b1.", rest)) | prefixed("shared.", inside("b2.", rest))
    for name, tensor in rest.items():
        module, _, value = name.partition(".")
        if module in _NAMES:
            ours[f"neck.{_NAMES[module]}.{value}"] = tensor
        elif module not in ("base", "b1", "b2"):
            ours[name] = tensor  # refused as left over
    kind = f"vit_{_VARIANTS[trunk['cls_token'].shape[2]]}"
    require_same_architecture("transreid", architecture, kind)
    network = Network(system=f"transreid({options}, jigsaw={str(jigsaw).lower()})")
    return Converted(kind, network, size, ours, dropped, notes)


def is_vision_transformer(names: State) -> bool:
    """Whether these are the names of a ViT as timm, DINO and TransReID have them."""
    return {"cls_token", "pos_embed", "blocks.0.attn.qkv.weight", "norm.weight"} <= names.keys()


def shape_of(trunk: State, places: int) -> tuple[Input, str, tuple[str, ...]]:
    """(The images, the options of our vision transformer, what was assumed) for a trunk.

    places: how many patches have a position embedding. Raises ValueError for a transformer that
    is none of ours.
    """
    width, depth = trunk["cls_token"].shape[2], 1 + max(numbers_in(trunk, _LAYER))
    if width not in _VARIANTS or "blocks.0.attn.qkv.bias" not in trunk:
        raise ValueError(
            f"a vision transformer of {depth} layers of width {width}"
            f"{'' if 'blocks.0.attn.qkv.bias' in trunk else ', without biases in its attention,'} "
            "is none of the three known ones (ViT-B, ViT-S as in DeiT, ViT-Ti)"
        )
    if any(name.startswith("patch_embed.conv.") for name in trunk):
        raise ValueError(
            "the file has a convolutional stem (TransReID-SSL's STEM_CONV, *_ics.yml), which is "
            "not known: take the one with patches cut from the image"
        )
    size, stride, notes = size_of(places)
    options = f"variant={_VARIANTS[width]}, depth={depth}, stride={stride}"
    return size, f"{options}, height={size.height}, width={size.width}", notes


def size_of(places: int) -> tuple[Input, int, tuple[str, ...]]:
    """(The images, the stride, what was assumed) for a number of patches; ValueError for none."""
    for height, width in _SIZES:
        for stride in _STRIDES:
            rows, columns = ((side - _PATCH) // stride + 1 for side in (height, width))
            if rows * columns == places:
                size = Input(height=height, width=width, mean=(0.5,) * 3, std=(0.5,) * 3)
                note = (
                    f"patches every {stride} pixels of images of {height}×{width}, values "
                    "(v / 255 − 0.5) / 0.5: the file has the number of patches alone"
                )
                return size, stride, (note,)
    raise ValueError(
        f"{places} patches are those of no known size and stride (sizes: "
        f"{', '.join(f'{one}×{other}' for one, other in _SIZES)}; strides: "
        f"{', '.join(map(str, _STRIDES))})"
    )


def renamed(trunk: State) -> dict[str, Tensor]:
    """A trunk in our names; the last layer and the norm behind it are a branch of ours."""
    layer, norm = last_layer(trunk)
    ours = {}
    for name, tensor in trunk.items():
        if name.startswith(layer):
            ours[f"whole.0.{name.removeprefix(layer)}"] = tensor
        elif name.startswith(norm):
            ours[f"whole.1.{name.removeprefix(norm)}"] = tensor
        else:
            ours[name] = tensor
    return ours


def last_layer(trunk: State) -> tuple[str, str]:
    """How the names of the last layer and of the norm behind it begin."""
    return f"blocks.{max(numbers_in(trunk, _LAYER))}.", "norm."
