"""CLIP-ReID's first stage: a text for each person, learnt from the vectors of the person's images.

Li et al. 2023, https://arxiv.org/abs/2211.13977, sec. 3.2. The sentence "A photo of a X X X X
person." has four words of its own for each person; both encoders are frozen, and the words learn by
the contrast of images and texts in both directions. The vectors of all images are made once, of
images as they are. What comes of it are the vectors of the texts, one a person, which the second
stage, the recipe's epochs, has as a classifier that stays.

Ours: a ResNet's batch norms take the statistics that they were trained with (the authors' code
leaves them in training mode here), and an image's camera counts as not known.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.calls import Call
from passerby.config import Input, Texts
from passerby.embedding.embedder import Embedder
from passerby.losses.image_text import both_ways
from passerby.models.system import System
from passerby.models.systems.clip_reid import ClipReid
from passerby.models.transformers.clip_text import ClipText
from passerby.models.transformers.clip_text_side import TextSide, drawn_text_side, read_text_side
from passerby.models.transformers.clip_words import pieces_of, unknown_run
from passerby.process.distributed import on_first_rank
from passerby.process.interruption import Stopped, StopRequest
from passerby.process.reporting import progress, say
from passerby.process.spelling import count_of
from passerby.process.whole_files import write_whole
from passerby.tables.records import Record
from passerby.training.record.state import State
from passerby.training.step.optimizer import build_optimizer, rate_factor, set_rate

_FILE = "texts.pt"
_AT_ONCE = 64  # texts


class Sentences(nn.Module):
    """The sentence of each person, and the text side that reads it.

    words [C, X, width]: those that are learnt, of C persons; nothing else is.
    """

    ahead: Tensor
    after: Tensor

    def __init__(self, side: TextSide, learnt: tuple[int, int], persons: int) -> None:
        super().__init__()
        first, behind = learnt
        self.encoder: ClipText = side.encoder
        self.register_buffer("ahead", side.words[:first])
        self.register_buffer("after", side.words[behind:])
        width = side.words.shape[1]
        self.words = nn.Parameter(0.02 * torch.randn(persons, behind - first, width))

    def forward(self, persons: Tensor) -> Tensor:
        """Vectors [B, D] of the texts of persons [B], by their classes."""
        ahead, after = (part.expand(len(persons), -1, -1) for part in (self.ahead, self.after))
        return self.encoder(torch.cat([ahead, self.words[persons], after], dim=1))


@dataclass(frozen=True, eq=False)
class ImageVectors:
    """vectors [N, D] of images, before their batch norm; persons [N]: their classes."""

    vectors: Tensor
    persons: Tensor


def fill_texts(
    network: System,
    size: Input,
    settings: Sequence[Texts],
    records: Sequence[Record],
    labels: Sequence[int],
    *,
    out: Path,
    begin: State,
    device: torch.device,
) -> None:
    """Learn a text for each person of the records, and give their vectors to the network.

    settings: of the recipe, one or none; begin: where the run begins. What is learnt is kept in the
    run's folder after each epoch, and a run that stopped goes on from there. Raises ValueError for
    a network that reads texts and a recipe that learns none, or the other way round, for an encoder
    that does not fit, and for a folder with the texts of another run.
    """
    texts = network.texts if isinstance(network, ClipReid) else None
    if texts is None and not settings:
        return
    if texts is None or not settings:
        raise ValueError(
            "a network of clip_reid(texts=true) and the recipe's section texts need each other; "
            f"got network.system={'with' if texts is not None else 'without'} texts and "
            f"{len(settings)} such section"
        )
    side = _text_side(settings[0], texts.weight.shape[1], begin.seed)
    learnt = unknown_run(pieces_of(settings[0].sentence))
    torch.manual_seed(begin.seed)
    sentences = Sentences(side, learnt, len(texts.weight)).to(device)

    def learn() -> Tensor:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        images = image_vectors(network, size, records, labels, device)
        learn_texts(sentences, images, settings[0], out / _FILE, begin)
        return text_vectors(sentences).cpu()

    vectors = on_first_rank(learn)
    with torch.no_grad():
        texts.weight.copy_(vectors)


def remove_texts(out: Path) -> None:
    """Delete what a run has learnt of texts apart from its model."""
    (out / _FILE).unlink(missing_ok=True)


def image_vectors(
    network: System,
    size: Input,
    records: Sequence[Record],
    labels: Sequence[int],
    device: torch.device,
) -> ImageVectors:
    """The projected vectors of images; those that cannot be read are left out."""
    assert isinstance(network, ClipReid)
    classes = {record.image: label for record, label in zip(records, labels, strict=True)}
    unplaced = [replace(record, camera=None) for record in records]
    made = Embedder(network, size, device=device).embed(unplaced).embeddings
    assert made.images is not None
    persons = torch.tensor([classes[image] for image in made.images.tolist()], device=device)
    vectors = torch.from_numpy(made.vectors[:, -network.image.widths[2] :].copy()).to(device)
    return ImageVectors(vectors, persons)


def learn_texts(
    sentences: Sentences, images: ImageVectors, settings: Texts, file: Path, begin: State
) -> None:
    """Train the words of all persons, from where the file left them.

    Raises ValueError for a file of another run than ``begin`` begins, and Stopped, having saved,
    when Ctrl-C or SIGTERM asks for it.
    """
    optimizer = build_optimizer({"words": sentences.words}, settings.optimizer)
    done = _restored(file, begin, sentences, optimizer)
    say(f"texts: {count_of(settings.epochs, 'epoch')} of {len(sentences.words)} persons' words")
    with StopRequest() as request, progress("learning texts") as advance:
        for epoch in range(done, settings.epochs):
            factor = rate_factor(epoch, settings.epochs, settings.schedule)
            set_rate(optimizer, settings.optimizer.rate * factor)
            loss = _epoch(sentences, images, settings.batch, optimizer, begin.seed + epoch)
            _save(file, epoch + 1, begin, sentences, optimizer)
            advance(epoch + 1, settings.epochs, f"loss {loss:.3f}")
            if request.number:
                raise Stopped(
                    f"stopped after epoch {epoch + 1} of the texts, and saved in {file.parent}: "
                    "train goes on from there with --resume",
                    request.number,
                )


@torch.no_grad()
def text_vectors(sentences: Sentences) -> Tensor:
    """The vectors of all texts [C, D]."""
    every = torch.arange(len(sentences.words), device=sentences.words.device)
    return torch.cat([sentences(some) for some in every.split(_AT_ONCE)])


def _epoch(
    sentences: Sentences,
    images: ImageVectors,
    batch: int,
    optimizer: torch.optim.Optimizer,
    seed: int,
) -> float:
    """All images once, in an order of the seed's; returns the mean loss of a batch."""
    order = torch.randperm(len(images.persons), generator=torch.Generator().manual_seed(seed))
    losses = []
    for rows in order.to(images.persons.device).split(batch):
        persons = images.persons[rows]
        optimizer.zero_grad()
        loss = both_ways(images.vectors[rows], sentences(persons), persons)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def _text_side(settings: Texts, out: int, seed: int) -> TextSide:
    """The encoder that the settings name, whose vectors must be as long as the images'."""
    if not settings.encoder:
        raise ValueError(
            "texts.encoder must name a file with CLIP's text side, as in --set "
            "texts.encoder=clip/model.safetensors"
        )
    if settings.encoder.startswith("drawn"):
        torch.manual_seed(seed)
        options: dict[str, Any] = {"width": 64, "depth": 2, **Call.parse(settings.encoder).options}
        return drawn_text_side(**options, out=out, sentence=settings.sentence)
    side = read_text_side(settings.encoder, settings.sentence)
    if side.encoder.proj.shape[1] != out:
        raise ValueError(
            f"the texts of {settings.encoder} are {side.encoder.proj.shape[1]} long and the "
            f"projected vectors of images {out}: text and image side must be of one CLIP"
        )
    return side


def _save(
    file: Path,
    epochs: int,
    begin: State,
    sentences: Sentences,
    optimizer: torch.optim.Optimizer,
) -> None:
    content = io.BytesIO()
    state = {"epochs": epochs, "run": _run(begin), "words": sentences.words.detach()}
    torch.save({**state, "optimizer": optimizer.state_dict()}, content)
    write_whole(file, content.getbuffer())


def _restored(
    file: Path, begin: State, sentences: Sentences, optimizer: torch.optim.Optimizer
) -> int:
    """The epochs that the file has; 0 without one. Raises ValueError for one of another run."""
    if not file.exists():
        return 0
    state = torch.load(file, map_location=sentences.words.device, weights_only=True)
    if state["run"] != _run(begin):
        raise ValueError(
            f"the texts in {file} are of another recipe, seed or data: resume the run with the "
            "same, or choose another --out"
        )
    with torch.no_grad():
        sentences.words.copy_(state["words"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["epochs"])


def _run(begin: State) -> list[str | int]:
    return [begin.recipe, begin.seed, begin.data]
