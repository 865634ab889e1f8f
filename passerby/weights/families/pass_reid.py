"""Weights of PASS (Zhu et al. 2022, arXiv:2203.03931): ViT-S and ViT-B with three part tokens.

Fine-tuned for ReID (PASS_transreid), or as they come from its training on LUPerson without names:
the authors' file has the trunk's names alone, a checkpoint of that training has a teacher's. Read
in the authors' code: the fine-tuned networks have four batch norms and put vectors side by side.

Not in a file, and so assumed: image size and stride by the number of patches; the embedding before
the batch norms, as the authors' configurations test; that vectors stand side by side where four
batch norms do not tell.
"""

from __future__ import annotations

import torch
from torch import Tensor

from passerby.config import Network
from passerby.registry import FAMILIES
from passerby.weights.families import Converted, State, inside, require_same_architecture, without
from passerby.weights.families.transreid import shape_of

_TOKENS = ("cls_token", "part_token1", "part_token2", "part_token3")
_PLACES = ("cls_pos", "part1_pos", "part2_pos", "part3_pos", "pos_embed")


@FAMILIES.register
def pass_reid(state: State, architecture: str | None) -> Converted | None:
    """PASS: ViT-S and ViT-B with part tokens, fine-tuned or before."""
    homes = ("base.", "backbone.", "")
    home = next((one for one in homes if f"{one}part_token1" in state), None)
    if home is None:
        return None
    kept, dropped = without(state, "classifier", "head.", f"{home}fc.", f"{home}head.")
    trunk = inside(home, kept)
    size, options, notes = shape_of(trunk, places=trunk["pos_embed"].shape[1])
    kind = f"vit_{options.partition(',')[0].removeprefix('variant=')}"
    require_same_architecture("pass_reid", architecture, kind)
    ours = {n: t for n, t in trunk.items() if n not in (*_TOKENS, *_PLACES)}
    ours["tokens"] = torch.cat([trunk[name] for name in _TOKENS], dim=1)
    ours["pos_embed"] = torch.cat([trunk[name] for name in _PLACES], dim=1)
    rest = {n: t for n, t in kept.items() if not n.startswith(home)} if home else {}
    necks, fusion = _necks(rest, width=trunk["cls_token"].shape[2])
    if not necks:
        notes += ("the batch norms begin anew: it was trained without persons' names",)
    ours |= necks
    how = f"fusion={fusion}, necks={'one' if len(necks) == _OF_ONE else 'four'}"
    network = Network(system=f"part_tokens({options}, {how})")
    return Converted(kind, network, size, ours, dropped, notes, () if necks else ("neck.",))


_OF_ONE = 5  # tensors of a batch norm, its counter among them


def _necks(rest: State, width: int) -> tuple[dict[str, Tensor], str]:
    """(Batch norms in our names, and what is left over; how the vectors are put together)."""
    ours = {}
    for name, tensor in rest.items():
        module, _, value = name.partition(".")
        number = module.removeprefix("bottleneck").removeprefix("_") or "0"
        ours[f"neck.{number}.{value}" if module.startswith("bottleneck") else name] = tensor
    single = "neck.1.weight" not in ours and "neck.0.weight" in ours
    mean = single and ours["neck.0.weight"].shape[0] == width
    return ours, "mean" if mean else "side_by_side"
