"""Layer-wise decay of the learning rate: the nearer a layer is to the image, the slower it learns.

Clark et al. 2020, "ELECTRA", https://arxiv.org/abs/2003.10555, and for images Bao et al. 2022,
"BEiT", https://arxiv.org/abs/2106.08254. Layers are told by the names of the parameters: of vision
transformers, Swin, ConvNeXt and ResNet, ours and timm's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from passerby.config import LayerUnit

_STEM = re.compile(
    r"(^|\.)(cls_token|reg_token|mask_token|tokens|pos_embed|patch_embed|sie_embed|norm_pre|before"
    r"|stem|conv1|bn1)(\.|$)"
)
_NORM = re.compile(r"(?:^|(?<!head)\.)norm\.(?:weight|bias)$|^image\.after\.")
# Number of the stage and of the block within; what a stage begins with counts to its first block.
_STAGED = re.compile(r"(?:^|\.)(?:stages|layers)\.(\d+)\.(?:downsample\.|\w+\.(\d+)\.)")
_RESNET = re.compile(r"(?:^|\.)layer(\d+)\.(\d+)\.")
_MERGE = re.compile(r"(?:^|\.)(?:merges|controls)\.(\d+)\.")  # of our Swin, behind a stage
_BLOCK = re.compile(r"(?:^|\.)blocks\.(\d+)\.")
_LAST = re.compile(r"^(?:whole|shared)\.\d+\.")  # of TransReID: the last layer, and its norm


def layers_of(names: Iterable[str], unit: LayerUnit = "block") -> dict[str, int]:
    """The layer of each parameter: 0 of the stem, then blocks or stages, the last one of the head.

    The norm behind the last block counts to that block; all that is new (neck, classifiers, losses)
    is the head.

    Raises:
        ValueError: the names show no blocks.
    """
    places = {name: _place(name) for name in names}
    blocks = sorted({_cut(place, unit) for place in places.values() if place is not None})
    if not blocks:
        raise ValueError(
            "optimizer.layer_decay needs a ResNet, Swin, ConvNeXt or vision transformer, and the "
            f"names of this network ({', '.join(list(places)[:3])} …) show no layers of one: leave "
            "it at 1, and give parts their own rates by optimizer.rates"
        )
    numbers = {block: number for number, block in enumerate(blocks, 1)}
    found = {}
    for name, place in places.items():
        if place is not None:
            found[name] = numbers[_cut(place, unit)]
        elif _STEM.search(name):
            found[name] = 0
        else:
            found[name] = len(blocks) + (_NORM.search(name) is None)
    return found


def _cut(place: tuple[int, int], unit: LayerUnit) -> tuple[int, int]:
    """Blocks of a stage are one layer where stages are; those of a transformer have no stage."""
    return (place[0], 0) if unit == "stage" and place[0] >= 0 else place


def _place(name: str) -> tuple[int, int] | None:
    """(Stage, block) of a parameter, in the order of the network; stage −1 where there are none."""
    staged = _STAGED.search(name) or _RESNET.search(name)
    if staged:
        return int(staged[1]), int(staged[2] or 0)
    merge = _MERGE.search(name)
    if merge:
        return int(merge[1]) + 1, 0
    block = _BLOCK.search(name)
    if block:
        return -1, int(block[1])
    return (-1, 10**6) if _LAST.search(name) else None
