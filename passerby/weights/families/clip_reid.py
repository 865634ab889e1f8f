"""Weights of CLIP-ReID (Li et al. 2023, arXiv:2211.13977): ViT-B/16 and ResNet-50, both stages.

The image side alone is taken: the prompts and the text encoder of its second stage were for the
training, and are left out; its baseline, without them, opens alike. The embedding stands before
the two batch norms. Read in the authors' code.

Not in a file, and so assumed: image size and stride by the number of patches (256×128; 16, or 12
with cameras); λ 1 of the cameras and their numbers from 1; values (v / 255 − 0.5) / 0.5 for the
ViT and ImageNet's mean and deviation for the ResNet, as the authors' configurations have them.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from passerby.config import Input, Network
from passerby.registry import FAMILIES
from passerby.weights.families import Converted, State, inside, require_same_architecture, without
from passerby.weights.families.transreid import size_of

_UNUSED = ("classifier", "prompt_learner.", "text_encoder.")
_NECKS = {"bottleneck.": "neck.global.", "bottleneck_proj.": "neck.projected."}
_SIE = 1.0
_VIT = (
    (r"^conv1\.", "patch_embed.proj."),
    (r"^ln_pre\.", "before."),
    (r"^ln_post\.", "behind."),
    (r"^transformer\.resblocks\.", "blocks."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.attn\.in_proj_", ".attn.qkv."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
)


@FAMILIES.register
def clip_reid(state: State, architecture: str | None) -> Converted | None:
    """CLIP-ReID: the image side, vit_base or resnet50; its baseline too."""
    image = inside("image_encoder.", state)
    if "class_embedding" in image:
        kind, places = "vit_base", image["positional_embedding"].shape[0] - 1
    elif "attnpool.q_proj.weight" in image:
        kind, places = "resnet50", image["attnpool.positional_embedding"].shape[0] - 1
    else:
        return None
    require_same_architecture("clip_reid", architecture, kind)
    rest, dropped = without(state, "image_encoder.", *_UNUSED)
    dropped = tuple(name for name in dropped if not name.startswith("image_encoder."))
    size, stride, notes = size_of(places)
    if kind == "resnet50":
        size = Input(height=size.height, width=size.width)
        notes = (f"images of {size.height}×{size.width}, ImageNet's mean and deviation",)
    options = f"image={kind}, stride={stride}, height={size.height}, width={size.width}"
    ours = _vit(image) if kind == "vit_base" else dict(image)
    ours = {f"image.{name}": tensor for name, tensor in ours.items()}
    cameras = rest.pop("cv_embed", None)
    if cameras is not None:
        numbers = tuple(range(1, 1 + len(cameras)))
        ours |= {"sie_embed": cameras[:, None], "camera_numbers": torch.tensor(numbers)}
        options += f", cameras={numbers}, sie={_SIE:g}"
        notes += (
            f"λ {_SIE:g} on the vectors of {len(numbers)} cameras, numbered from 1 "
            "(--set network.system.sie=..., network.system.cameras=...)",
        )
    for name, tensor in rest.items():
        module, point, value = name.partition(".")
        ours[_NECKS.get(module + point, module + point) + value] = tensor
    network = Network(system=f"clip_reid({options})")
    return Converted(kind, network, size, ours, dropped, notes)


def _vit(image: State) -> dict[str, Tensor]:
    """CLIP's vision transformer in our names."""
    ours = {}
    for name, tensor in image.items():
        renamed = name
        for theirs, own in _VIT:
            renamed = re.sub(theirs, own, renamed)
        ours[renamed] = tensor
    ours["cls_token"] = ours.pop("class_embedding")[None, None]
    ours["pos_embed"] = ours.pop("positional_embedding")[None]
    return ours
