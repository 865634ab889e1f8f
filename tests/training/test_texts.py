"""CLIP-ReID's two stages: texts are learnt, stopped and resumed, and then stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from passerby.config import Input, LossTerm, Network, Recipe, Sampling, Schedule, Texts
from passerby.data.batch import Batch
from passerby.losses.image_text import both_ways
from passerby.models.checkpoint import load_model, read_model
from passerby.models.classifiers import Linear
from passerby.models.features import Features, Part
from passerby.models.transformers.clip_text_side import drawn_text_side
from passerby.process.interruption import Stopped
from passerby.recipes.clip_reid import clip_reid
from passerby.tables.records import Split
from passerby.training import texts as stage
from passerby.training.loop import train
from passerby.training.record.state import State
from passerby.training.step.objective import Objective
from passerby.training.step.optimizer import rate_factor
from passerby.training.texts import ImageVectors, Sentences, learn_texts, text_vectors

SYSTEM = "clip_reid(image=vit_tiny, depth=2, height=32, width=16, texts=true)"
TEXTS = Texts("drawn(width=64, depth=1)", epochs=3, batch=16)
BEGIN = State(0, "a recipe", 0, "data", {}, 0.0)


@pytest.fixture
def recipe() -> Recipe:
    """Both stages in a second."""
    return Recipe(
        "tiny",
        epochs=1,
        input=Input(height=32, width=16),
        network=Network(system=SYSTEM),
        sampling=Sampling(persons=4, images=2),
        losses=(LossTerm("triplet", parts="[!t]*"), LossTerm("cross_entropy", parts="text")),
        schedule=Schedule("constant", warm_up=0),
        texts=(TEXTS,),
    )


def problem(persons: int = 6) -> tuple[Sentences, ImageVectors]:
    """Four vectors around a direction of each person's own."""
    torch.manual_seed(0)
    sentences = Sentences(drawn_text_side(64, 1, 16), (5, 9), persons)
    centres = 3 * torch.randn(persons, 16)
    labels = torch.arange(persons).repeat(4)
    return sentences, ImageVectors(centres[labels] + 0.1 * torch.randn(4 * persons, 16), labels)


def test_texts_come_to_say_whose_images_they_are(tmp_path: Path) -> None:
    sentences, images = problem()
    fixed = {name: p.clone() for name, p in sentences.encoder.named_parameters()}
    settings = replace(TEXTS, epochs=60, optimizer=replace(TEXTS.optimizer, rate=0.02))
    with torch.no_grad():
        before = both_ways(images.vectors, sentences(images.persons), images.persons)
    learn_texts(sentences, images, settings, tmp_path / "texts.pt", BEGIN)
    vectors = text_vectors(sentences)
    nearest = (images.vectors @ vectors.T).argmax(dim=1)
    assert float((nearest == images.persons).float().mean()) > 0.9
    with torch.no_grad():
        after = both_ways(images.vectors, vectors[images.persons], images.persons)
    assert float(after) < float(before) / 2
    for name, parameter in sentences.encoder.named_parameters():
        torch.testing.assert_close(parameter, fixed[name], rtol=0, atol=0)


def test_stopped_and_resumed_is_as_uninterrupted(tmp_path: Path) -> None:
    whole, images = problem()
    learn_texts(whole, images, TEXTS, tmp_path / "whole.pt", BEGIN)
    first, _ = problem()
    learn_texts(first, images, replace(TEXTS, epochs=2), tmp_path / "cut.pt", BEGIN)
    # The rate of an epoch depends on how many there are: here on its own settings.
    for settings in (replace(TEXTS, epochs=2), replace(TEXTS, epochs=2)):
        again, _ = problem()
        again.words.data.zero_()
        learn_texts(again, images, settings, tmp_path / "cut.pt", BEGIN)
        torch.testing.assert_close(again.words, first.words, rtol=0, atol=0)
    with pytest.raises(ValueError, match="another recipe, seed or data"):
        learn_texts(first, images, TEXTS, tmp_path / "cut.pt", replace(BEGIN, seed=1))


def test_a_run_has_both_stages(recipe: Recipe, tiny: Split, tmp_path: Path) -> None:
    run = train(recipe, tiny, tmp_path / "run", workers=0)
    assert run.report is not None
    assert not (tmp_path / "run" / "texts.pt").exists()
    weights, card = read_model(tmp_path / "run")
    texts = weights["classifier.text.weight"]
    assert texts.shape == (card.persons, 128)
    assert float(texts.norm(dim=1).min()) > 0
    network, _ = load_model(tmp_path / "run")  # as it is used, without texts
    assert network.classifier is None


def test_a_run_that_stops_among_its_texts_goes_on(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(recipe, tiny, tmp_path / "whole", workers=0)
    real, calls = stage._save, []

    def stopping(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 2:
            raise Stopped("stopped", 15)

    monkeypatch.setattr(stage, "_save", stopping)
    with pytest.raises(Stopped):
        train(recipe, tiny, tmp_path / "cut", workers=0)
    assert (tmp_path / "cut" / "texts.pt").exists()
    with pytest.raises(ValueError, match="already holds a run: add --resume"):
        train(recipe, tiny, tmp_path / "cut", workers=0)
    train(recipe, tiny, tmp_path / "cut", workers=0, resume=True)
    assert len(calls) == 3  # one epoch of texts was left
    first, second = (read_model(whole.out.parent / name)[0] for name in ("whole", "cut"))
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"texts": ()}, "need each other"),
        ({"network": Network(system=SYSTEM.replace(", texts=true", ""))}, "need each other"),
        ({"texts": (replace(TEXTS, encoder=""),)}, "texts.encoder must name a file"),
        ({"texts": (replace(TEXTS, sentence="A photo."),)}, "X and next to each|open_clip"),
    ],
)
def test_what_does_not_fit_is_refused(
    changes: dict[str, object], said: str, recipe: Recipe, tiny: Split, tmp_path: Path
) -> None:
    if "network" in changes:
        losses = (LossTerm("triplet"),)
        recipe = replace(recipe, losses=losses)
    with pytest.raises(ValueError, match=said):
        train(replace(recipe, **changes), tiny, tmp_path / "run", workers=0)  # type: ignore[arg-type]


def assert_same_loss(authors: Callable[..., Tensor], recipe: Recipe) -> None:
    drawn = torch.Generator().manual_seed(0)
    persons = torch.arange(5).repeat_interleave(3)
    scores = [torch.randn(15, 5, generator=drawn) for _ in range(3)]
    vectors = [torch.randn(15, 8, generator=drawn) for _ in range(3)]
    names = ("earlier", "global", "projected")
    parts = [Part(name, one, one) for name, one in zip(names, vectors, strict=True)]
    for row, number in ((1, 0), (2, 1)):
        parts[row] = replace(parts[row], similarities=scores[number], classifier=Linear(8, 5))
    parts.append(Part("text", vectors[2], vectors[2], scores[2], Linear(8, 5)))
    features = Features(vectors[1], tuple(parts))
    none = torch.zeros(15, dtype=torch.long)
    batch = Batch(torch.zeros(15, 3, 2, 2), persons, none, none, none)
    objective = Objective(recipe.losses, features)
    objective.enter(recipe.losses)
    ours = objective.total(objective(features, batch))
    theirs = authors(scores[:2], vectors, persons, None, scores[2])
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_the_rate_of_texts_is_the_authors(peer_code: Callable) -> None:
    """Epoch by epoch, as their scheduler counts, from 1."""
    factory = peer_code("CLIP-ReID", "solver.scheduler_factory")
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=3.5e-4)
    scheduler = factory.create_scheduler(optimizer, 120, 1e-6, 1e-5, 5)
    settings = clip_reid().texts[0]
    for epoch in range(120):
        scheduler.step(epoch + 1)
        ours = settings.optimizer.rate * rate_factor(epoch, 120, settings.schedule)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6, abs=1e-12), epoch


def test_the_second_stages_loss_is_the_authors(
    peer_code: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three terms on scores and vectors drawn by lot, weighed as each of their configurations."""
    pytest.importorskip("yacs", reason="yacs, which CLIP-ReID needs, is not installed")
    make_loss = peer_code("CLIP-ReID", "loss.make_loss").make_loss
    config = peer_code("CLIP-ReID", "config.defaults")._C.clone()
    config.MODEL.METRIC_LOSS_TYPE, config.DATALOADER.SAMPLER = "triplet", "softmax_triplet"
    config.MODEL.IF_LABELSMOOTH, config.MODEL.NO_MARGIN = "on", False
    config.SOLVER.MARGIN = 0.3
    monkeypatch.setattr(Tensor, "cuda", lambda self: self)
    monkeypatch.setattr(torch.nn.Module, "cuda", lambda self: self)
    for image, share in (("vit_base", 0.25), ("resnet50", 1.0)):
        config.MODEL.ID_LOSS_WEIGHT = share
        assert share in {term.weight for term in clip_reid(image).losses}
        assert_same_loss(make_loss(config, 5)[0], clip_reid(image))
