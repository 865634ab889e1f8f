"""Weights of PersonViT (Hu et al. 2024, arXiv:2408.05398) before any fine-tuning: ViT-S and ViT-B.

A checkpoint of its self-supervised training on LUPerson (iBOT: a student and a teacher, of which
the authors take the teacher): a plain vision transformer, 16 × 8 patches of images of 256×128. It
has seen no persons' names, so that it has no batch norm before a classifier; that of the network
begins anew. Its projection head is left out. DINO's and iBOT's own files have the same names.

Files that its authors fine-tuned for ReID have TransReID's names and are read by `transreid`.
"""

from __future__ import annotations

from passerby.config import Network
from passerby.registry import FAMILIES
from passerby.weights.families import Converted, State, inside, require_same_architecture, without
from passerby.weights.families.transreid import is_vision_transformer, renamed, shape_of

_HEADS = ("head.", "head_", "backbone.masked_embed", "backbone.head.", "backbone.fc.")


@FAMILIES.register
def personvit(state: State, architecture: str | None) -> Converted | None:
    """PersonViT before fine-tuning (a teacher of iBOT or DINO): ViT-S, ViT-B."""
    kept, dropped = without(state, *_HEADS)
    trunk = inside("backbone.", kept)
    if not is_vision_transformer(trunk) or "part_token1" in trunk:
        return None
    left_over = {name: tensor for name, tensor in kept.items() if not name.startswith("backbone.")}
    size, options, notes = shape_of(trunk, places=trunk["pos_embed"].shape[1] - 1)
    kind = f"vit_{options.partition(',')[0].removeprefix('variant=')}"
    require_same_architecture("personvit", architecture, kind)
    network = Network(system=f"transreid({options}, jigsaw=false)")
    fresh = "the batch norm before a classifier begins anew: it was trained without persons' names"
    return Converted(
        kind, network, size, renamed(trunk) | left_over, dropped, (*notes, fresh), ("neck.",)
    )
