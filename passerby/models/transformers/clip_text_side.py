"""The text side of a CLIP, from a file: OpenAI's and open_clip's names, transformers', CLIP-ReID's.

A file of CLIP-ReID holds its sentence embedded and not the table of all pieces; another sentence
than its own cannot be read from it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from passerby.models.transformers.clip_text import ClipText
from passerby.models.transformers.clip_words import SENTENCE, pieces_of
from passerby.weights.state_dicts import read_weights

_OPENAI = (
    (r"^(text\.|text_encoder\.)?transformer\.resblocks\.", "blocks."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.attn\.in_proj_", ".attn.qkv."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"^(text\.|text_encoder\.)?ln_final\.", "norm."),
    (r"^(text\.|text_encoder\.)?text_projection$", "proj"),
    (r"^(text\.|text_encoder\.)?positional_embedding$", "positional_embedding"),
)
_TRANSFORMERS = (
    (r"^text_model\.encoder\.layers\.", "blocks."),
    (r"\.layer_norm([12])\.", r".norm\1."),
    (r"\.self_attn\.out_proj\.", ".attn.proj."),
    (r"^text_model\.final_layer_norm\.", "norm."),
    (r"^text_model\.embeddings\.position_embedding\.weight$", "positional_embedding"),
)


@dataclass(frozen=True, eq=False)
class TextSide:
    """words [T, width]: a sentence, embedded; encoder: frozen, in evaluation."""

    words: Tensor
    encoder: ClipText


def read_text_side(file: str | os.PathLike[str], sentence: str = SENTENCE) -> TextSide:
    """The text side of a file of weights, and the sentence as it reads it.

    Raises ValueError for a file without a text side, for another sentence than the one that a file
    of CLIP-ReID holds, and as `read_weights` and `pieces_of`.
    """
    state = read_weights(file)
    pieces = pieces_of(sentence)
    words = _words(state, pieces, sentence)
    ours = _ours(state)
    if words is None or "proj" not in ours:
        raise ValueError(
            f"{file} has no text side of a CLIP: take a file of OpenAI's, open_clip's, "
            "transformers' or CLIP-ReID's weights"
        )
    return TextSide(words.float(), _encoder(ours))


def drawn_text_side(width: int, depth: int, out: int, sentence: str = SENTENCE) -> TextSide:
    """One that has read nothing: its weights and words are drawn from torch's generator."""
    table = 0.02 * torch.randn(1 + max(pieces_of(sentence)), width)
    encoder = ClipText(width, depth, out).eval().requires_grad_(False)
    return TextSide(table[list(pieces_of(sentence))], encoder)


def _words(state: Mapping[str, Tensor], pieces: tuple[int, ...], sentence: str) -> Tensor | None:
    for name in (
        "token_embedding.weight",
        "text.token_embedding.weight",
        "text_model.embeddings.token_embedding.weight",
    ):
        if name in state:
            return state[name][list(pieces)]
    prefix, suffix = (state.get(f"prompt_learner.token_{end}fix") for end in ("pre", "suf"))
    if prefix is None or suffix is None:
        return None
    if sentence != SENTENCE:
        raise ValueError(
            f"this file holds the sentence {SENTENCE!r} and no table of words: another sentence "
            "needs the weights of CLIP itself"
        )
    learnt = torch.zeros(4, prefix.shape[-1])
    behind = len(pieces) - prefix.shape[1] - len(learnt)
    return torch.cat([prefix[0].float(), learnt, suffix[0, :behind].float()])


def _ours(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's weights in our names; those of an image side are not among them."""
    theirs = any(name.startswith("text_model.") for name in state)
    ours = {}
    for name, tensor in state.items():
        renamed = name
        for pattern, own in _TRANSFORMERS if theirs else _OPENAI:
            renamed = re.sub(pattern, own, renamed)
        if renamed.startswith(("blocks.", "norm.", "positional_embedding")) or renamed == "proj":
            ours[renamed] = tensor.float()
    if theirs:
        ours |= {"proj": state["text_projection.weight"].float().T}
        _join_attention(ours)
    return ours


def _join_attention(ours: dict[str, Tensor]) -> None:
    """Queries, keys and values as one, as our attention has them."""
    for name in [name for name in ours if ".self_attn.q_proj." in name]:
        parts = [ours.pop(name.replace("q_proj", f"{one}_proj")) for one in "qkv"]
        ours[name.replace("self_attn.q_proj", "attn.qkv")] = torch.cat(parts)


def _encoder(ours: Mapping[str, Tensor]) -> ClipText:
    width, out = ours["proj"].shape
    depth = 1 + max(int(name.split(".")[1]) for name in ours if name.startswith("blocks."))
    encoder = ClipText(width, depth, out)
    encoder.load_state_dict(ours)
    return encoder.eval().requires_grad_(False)
