"""Weights of SOLIDER (Chen et al. 2023, arXiv:2303.17602): Swin-T, -S and -B with its control.

Fine-tuned for ReID by SOLIDER-REID (the embedding stands before the batch norm), or as they come
from its training on LUPerson without names (a teacher), without a batch norm. Read in the authors'
code: of the norms behind the stages and of the control's layers those of the last stage alone, and
those before it, have a say in the embedding; the others are left out.

Not in a file, and so assumed: a semantic weight of 0.2, as the authors fine-tuned and tested;
images of 384×128 with values (v / 255 − 0.5) / 0.5.
"""

from __future__ import annotations

import re

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

_SEMANTIC = 0.2
_VARIANTS = {(96, 6): "tiny", (96, 18): "small", (128, 18): "base"}  # by width and third stage
_HALF = (0.5, 0.5, 0.5)
_UNUSED = ("norm0.", "norm1.", "norm2.", "semantic_embed_w.3.", "semantic_embed_b.3.")
_RENAMED = (
    (r"patch_embed\.projection\.", "patch_embed.proj."),
    (r"stages\.(\d)\.downsample\.", r"merges.\1."),
    (r"\.attn\.w_msa\.", ".attn."),
    (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
    (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
    (r"^norm3\.", "norm."),
    (r"semantic_embed_w\.(\d)\.", r"controls.\1.scale."),
    (r"semantic_embed_b\.(\d)\.", r"controls.\1.shift."),
)


@FAMILIES.register
def solider(state: State, architecture: str | None) -> Converted | None:
    """SOLIDER: Swin-T, -S, -B, fine-tuned for ReID or as pretrained (a teacher)."""
    first = "stages.0.blocks.0.attn.w_msa.qkv.weight"
    home = next((one for one in ("base.", "backbone.") if one + first in state), None)
    if home is None:
        return None
    trunk, head = inside(home, state), without(state, home)[0]
    indices = tuple(name for name in trunk if name.endswith(".relative_position_index"))
    trunk, unused = without(trunk, *_UNUSED, *indices)
    head, dropped = without(head, "classifier", "head.")
    kind = f"swin_{_variant(trunk)}"
    require_same_architecture("solider", architecture, kind)
    ours = {}
    for name, tensor in trunk.items():
        for theirs, own in _RENAMED:
            name = re.sub(theirs, own, name)  # noqa: PLW2901
        ours[f"backbone.{name}"] = tensor
    controlled = "semantic_embed_w.0.weight" in trunk
    notes: tuple[str, ...] = (
        "images of 384×128, values (v / 255 − 0.5) / 0.5, as the authors fine-tuned",
    )
    call = f"swin(variant={_variant(trunk)})"
    if controlled:
        call = call.replace(")", f", semantic={_SEMANTIC})")
        notes += (f"semantic weight {_SEMANTIC} (--set network.backbone=...)",)
    projection, rest = _head(head)
    fresh = not any(name.startswith("neck.") for name in rest)
    if fresh:
        notes += ("the batch norm begins anew: it was trained without persons' names",)
    network = Network(call, projection=projection, system="plain(embedding=before_neck)")
    size = Input(height=384, mean=_HALF, std=_HALF)
    dropped += tuple(home + name for name in unused)
    supplied = ("neck.",) if fresh else ()
    return Converted(kind, network, size, ours | rest, dropped, notes, supplied)


def _variant(trunk: State) -> str:
    """tiny, small or base, by width and depth; ValueError for another Swin."""
    width = trunk["patch_embed.norm.weight"].shape[0]
    depth = 1 + max(numbers_in(trunk, r"stages\.2\.blocks\.(\d{1,3})\."), default=-1)
    if (width, depth) not in _VARIANTS:
        raise ValueError(
            f"a Swin of width {width} with {depth} blocks in its third stage is none of Swin-T, "
            "Swin-S and Swin-B"
        )
    return _VARIANTS[width, depth]


def _head(head: State) -> tuple[str, dict[str, Tensor]]:
    """(Projection, what stands behind the trunk in our names)."""
    norm = prefixed("neck.", inside("bottleneck.", head))
    rest = {name: t for name, t in head.items() if not name.startswith("bottleneck.")}
    reduced = rest.pop("fcneck.weight", None)
    if reduced is None:
        return "none", norm | rest
    norm["projection.linear.weight"] = reduced
    return f"linear(width={reduced.shape[0]}, bias=False)", norm | rest
