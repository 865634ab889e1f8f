"""CLIP's text side from files of four namings; against CLIP-ReID's own code and torch's layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from passerby.models.transformers.clip_text import ClipText
from passerby.models.transformers.clip_text_side import drawn_text_side, read_text_side
from passerby.models.transformers.clip_words import SENTENCE, UNKNOWN, pieces_of, unknown_run

WIDTH, DEPTH, OUT = 128, 2, 16


def openai(seed: int = 0) -> dict[str, Tensor]:
    """Weights of a small CLIP in OpenAI's names, with something of an image side among them."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return 0.1 * torch.randn(shape, generator=generator)

    state = {
        "token_embedding.weight": drawn(49408, WIDTH),
        "positional_embedding": drawn(77, WIDTH),
        "ln_final.weight": 1 + drawn(WIDTH),
        "ln_final.bias": drawn(WIDTH),
        "text_projection": drawn(WIDTH, OUT),
        "visual.conv1.weight": drawn(8, 3, 4, 4),
        "visual.transformer.resblocks.0.ln_1.weight": drawn(8),
        "logit_scale": torch.tensor(4.6),
    }
    for layer in range(DEPTH):
        place = f"transformer.resblocks.{layer}."
        for norm in ("ln_1", "ln_2"):
            state |= {
                f"{place}{norm}.weight": 1 + drawn(WIDTH),
                f"{place}{norm}.bias": drawn(WIDTH),
            }
        for name, rows, columns in (
            ("attn.in_proj_", 3 * WIDTH, WIDTH),
            ("attn.out_proj.", WIDTH, WIDTH),
            ("mlp.c_fc.", 4 * WIDTH, WIDTH),
            ("mlp.c_proj.", WIDTH, 4 * WIDTH),
        ):
            state |= {
                f"{place}{name}weight": drawn(rows, columns),
                f"{place}{name}bias": drawn(rows),
            }
    return state


def transformers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights in the names of Hugging Face's transformers."""
    theirs = {
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "text_model.final_layer_norm.weight": state["ln_final.weight"],
        "text_model.final_layer_norm.bias": state["ln_final.bias"],
        "text_projection.weight": state["text_projection"].T.contiguous(),
        "vision_model.embeddings.class_embedding": torch.zeros(8),
    }
    names = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj"}
    names |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for layer in range(DEPTH):
        old, new = f"transformer.resblocks.{layer}.", f"text_model.encoder.layers.{layer}."
        for kind in ("weight", "bias"):
            for one, other in names.items():
                theirs[f"{new}{other}.{kind}"] = state[f"{old}{one}.{kind}"]
            parts = state[f"{old}attn.in_proj_{kind}"].chunk(3)
            for letter, part in zip("qkv", parts, strict=True):
                theirs[f"{new}self_attn.{letter}_proj.{kind}"] = part.contiguous()
    return theirs


def clip_reid(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As a file of CLIP-ReID has them: the sentence embedded, filled up to 77."""
    words = state["token_embedding.weight"][[*pieces_of(SENTENCE), *[0] * 65]]
    theirs = {
        f"text_encoder.{name}": tensor
        for name, tensor in state.items()
        if not name.startswith(("visual", "token", "logit"))
    }
    return theirs | {
        "prompt_learner.cls_ctx": torch.zeros(3, 4, WIDTH),
        "prompt_learner.token_prefix": words[None, :5].clone(),
        "prompt_learner.token_suffix": words[None, 9:].clone(),
        "image_encoder.transformer.resblocks.0.ln_1.weight": torch.zeros(8),
    }


def open_clip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name if "visual" in name else f"text.{name}": tensor for name, tensor in state.items()}


def by_torch(state: dict[str, Tensor], words: Tensor) -> Tensor:
    """The vector of one text by torch's own attention, filled up to 77 tokens as CLIP does."""
    places = state["positional_embedding"]
    tokens = torch.cat([words, state["token_embedding.weight"][:1].expand(77 - len(words), -1)])
    tokens = (tokens + places)[None]
    mask = torch.full((77, 77), -torch.inf).triu(1)
    for layer in range(DEPTH):
        own = {
            name.removeprefix(f"transformer.resblocks.{layer}."): tensor
            for name, tensor in state.items()
            if name.startswith(f"transformer.resblocks.{layer}.")
        }

        def norm(name: str, given: Tensor, own: dict[str, Tensor] = own) -> Tensor:
            shape = (WIDTH,)
            return torch.layer_norm(given, shape, own[f"{name}.weight"], own[f"{name}.bias"], 1e-5)

        attention = torch.nn.MultiheadAttention(WIDTH, WIDTH // 64, batch_first=True)
        attention.load_state_dict(
            {name[5:]: tensor for name, tensor in own.items() if name.startswith("attn.")}
        )
        given = norm("ln_1", tokens)
        tokens = tokens + attention(given, given, given, attn_mask=mask, need_weights=False)[0]
        inner = norm("ln_2", tokens) @ own["mlp.c_fc.weight"].T + own["mlp.c_fc.bias"]
        inner = inner * torch.sigmoid(1.702 * inner)
        tokens = tokens + inner @ own["mlp.c_proj.weight"].T + own["mlp.c_proj.bias"]
    last = tokens[0, len(words) - 1]
    ended = torch.layer_norm(last, (WIDTH,), state["ln_final.weight"], state["ln_final.bias"], 1e-5)
    return ended @ state["text_projection"]


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return openai()


@pytest.mark.parametrize("naming", [lambda state: state, open_clip, transformers, clip_reid])
@torch.no_grad()
def test_every_naming_gives_the_vector_that_torchs_layers_give(
    naming: Callable[[dict[str, Tensor]], dict[str, Tensor]],
    state: dict[str, Tensor],
    tmp_path: Path,
) -> None:
    save_file(naming(state), tmp_path / "clip.safetensors")
    side = read_text_side(tmp_path / "clip.safetensors")
    words = state["token_embedding.weight"][list(pieces_of(SENTENCE))]
    learnt = slice(*unknown_run(pieces_of(SENTENCE)))
    for row in range(len(words)):
        if not learnt.start <= row < learnt.stop:
            torch.testing.assert_close(side.words[row], words[row])
    torch.testing.assert_close(side.encoder(words[None])[0], by_torch(state, words))
    assert not any(parameter.requires_grad for parameter in side.encoder.parameters())


def test_a_file_without_texts_is_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    save_file({"visual.conv1.weight": state["visual.conv1.weight"]}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="has no text side of a CLIP"):
        read_text_side(tmp_path / "a.safetensors")


def test_another_sentence_needs_cips_own_words(state: dict[str, Tensor], tmp_path: Path) -> None:
    pytest.importorskip("open_clip", reason="open_clip is not installed")
    save_file(clip_reid(state), tmp_path / "reid.safetensors")
    with pytest.raises(ValueError, match=r"holds the sentence 'A photo of a X X X X person.'"):
        read_text_side(tmp_path / "reid.safetensors", "A drawing of a X X dog.")
    save_file(state, tmp_path / "clip.safetensors")
    side = read_text_side(tmp_path / "clip.safetensors", "A drawing of a X X dog.")
    assert len(side.words) == len(pieces_of("A drawing of a X X dog."))


def test_one_is_drawn_alike_for_a_seed() -> None:
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(drawn_text_side(64, 1, 8))
    torch.testing.assert_close(made[0].words, made[1].words)
    assert isinstance(made[0].encoder, ClipText)
    assert made[0].words.shape == (12, 64)
    assert made[0].encoder.proj.shape == (64, 8)


def test_the_pieces_are_those_of_open_clip() -> None:
    open_clip = pytest.importorskip("open_clip", reason="open_clip is not installed")
    found = open_clip.SimpleTokenizer()(SENTENCE)[0].tolist()
    assert tuple(found[: len(pieces_of(SENTENCE))]) == pieces_of(SENTENCE)
    assert not any(found[len(pieces_of(SENTENCE)) :])


@pytest.mark.parametrize("sentence", ["A photo of a person.", "A X photo of a X person."])
def test_a_sentence_needs_one_run_of_words_to_learn(sentence: str) -> None:
    marks = [UNKNOWN if word == "X" else 1 for word in sentence.split()]
    with pytest.raises(ValueError, match="written X and next to each other"):
        unknown_run(tuple(marks))


@pytest.mark.filterwarnings("ignore")
@torch.no_grad()
def test_against_clip_reids_code(
    peer_code: Callable, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Their prompts, their tokenizer and their text side, on the same words."""
    for needed in ("ftfy", "regex", "timm"):
        pytest.importorskip(needed, reason=f"{needed}, which CLIP-ReID needs, is not installed")
    code = peer_code("CLIP-ReID", "model.make_model_clipreid")
    clip = peer_code("CLIP-ReID", "model.clip.model")
    monkeypatch.setattr(Tensor, "cuda", lambda self: self)
    code.PromptLearner.__init__.__globals__["clip"] = peer_code("CLIP-ReID", "model.clip.clip")
    whole = clip.CLIP(OUT, 32, 1, 64, 16, 16, 77, 49408, WIDTH, WIDTH // 64, DEPTH, 2, 2)
    texts = {name: tensor for name, tensor in state.items() if "visual" not in name}
    whole.load_state_dict(texts, strict=False)
    torch.manual_seed(0)
    token_embedding = whole.token_embedding
    # Their words are 512 wide whatever CLIP is: those of this one are narrower.
    monkeypatch.setattr(torch, "empty", lambda n, m, _, **kw: torch.zeros(n, m, WIDTH))
    prompts = code.PromptLearner(3, "market1501", torch.float32, token_embedding)
    monkeypatch.undo()
    persons = torch.tensor([2, 0, 1])
    theirs = code.TextEncoder(whole)(prompts(persons), prompts.tokenized_prompts)
    save_file(state, tmp_path / "clip.safetensors")
    side = read_text_side(tmp_path / "clip.safetensors")
    words = side.words.expand(3, -1, -1).clone()
    words[:, 5:9] = prompts.cls_ctx[persons]
    torch.testing.assert_close(side.encoder(words), theirs, atol=1e-5, rtol=0)
