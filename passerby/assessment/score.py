"""From a model and a split to a Report: embed query and gallery, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from passerby.adaptation.back_end import adapted, within_class_of
from passerby.adaptation.camera_means import centred
from passerby.adaptation.hubness import CorrectedDistances
from passerby.adaptation.within_class import WithinClass
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedded, Embedder, load
from passerby.evaluation.evaluate import evaluate, evaluate_camera_pairs
from passerby.evaluation.metrics import PrecisionRule, Ties
from passerby.evaluation.ranking.distances import Distances, Metric
from passerby.evaluation.ranking.local import Which, distances_of
from passerby.evaluation.ranking.rerank import rerank
from passerby.evaluation.report import Report
from passerby.process.reporting import say
from passerby.tables.embeddings import Embeddings
from passerby.tables.keys import person_numbers
from passerby.tables.parts.reading import load_to_score
from passerby.tables.records import JUNK, Record, Split

EmbedRecords = Callable[[Sequence[Record]], Embedded]
"""``Embedder.embed``, or anything else that embeds records (the colour histogram)."""


def embed_test_parts(
    embed: EmbedRecords, split: Split
) -> tuple[Embeddings, Embeddings, tuple[str, ...]]:
    """Query and gallery embeddings, and notes on images that were set aside, also said.

    Raises ValueError when the split has no query or no gallery.
    """
    if not split.query or not split.gallery:
        raise ValueError(
            f"{split.source} has no query and gallery parts to evaluate "
            f"(parts: {', '.join(split.parts) or 'none'})"
        )
    query, gallery = embed(split.query), embed(split.gallery)
    set_aside = tuple(f"set aside: {error}" for error in query.set_aside + gallery.set_aside)
    for note in set_aside:
        say(note)
    return query.embeddings, gallery.embeddings, set_aside


@dataclass(frozen=True)
class Scoring:
    """How embeddings are scored; see `passerby.evaluate`.

    camera_pairs: also score each camera against each other; device: of the distances, the CPU by
    default; rerank: by k-reciprocal encoding in place of the metric, within ``memory``; distance:
    of the embeddings (global), of their aligned stripes (local), or both. centre: take away what
    the images of a camera have in common (`passerby.adaptation.camera_means`), before all else;
    adapt: that, and what one person varies in (`passerby.adaptation.back_end`), learnt from all
    images without labels; within: the model's own covariance for it; hubness: images that are near
    to everybody stand back (`passerby.adaptation.hubness`).

    Raises ValueError for stripes with anything but the cosine, re-ranked, centred or adapted, and
    for options that contradict.
    """

    metric: Metric = "cosine"
    camera_rule: bool = True
    camera_pairs: bool = False
    top: int = 50
    ties: Ties = "stable"
    average_precision: PrecisionRule = "mean"
    device: str | None = None
    rerank: bool = False
    memory: str = "2GB"
    distance: Which = "global"
    centre: bool = False
    adapt: bool = False
    within: WithinClass | None = None
    hubness: bool = False

    def __post_init__(self) -> None:
        if self.adapt and self.centre:
            raise ValueError("adapting takes camera means away already: give it without centring")
        if self.hubness and (self.rerank or self.metric != "cosine"):
            raise ValueError("the correction of hubness is of cosine distances, without re-ranking")
        if self.distance != "global" and (self.adapt or self.hubness):
            raise ValueError(f"the distance {self.distance!r} is neither adapted nor corrected")
        if self.distance != "global" and (self.metric != "cosine" or self.rerank or self.centre):
            raise ValueError(
                f"the distance {self.distance!r} goes with the metric cosine and without "
                f"re-ranking or centring, got the metric {self.metric!r}"
                + " and re-ranking" * self.rerank
                + " and centring" * self.centre
            )


def score_embeddings(
    query: Embeddings,
    gallery: Embeddings,
    scoring: Scoring = Scoring(),
) -> Report:
    """Evaluate embeddings; errors as `passerby.evaluate`."""
    notes: tuple[str, ...] = ()
    if scoring.centre:
        query, gallery = centred(query, gallery)
    if scoring.adapt:
        query, gallery, found = adapted(query, gallery, scoring.within)
        notes = tuple(f"adapted: {each}" for each in found.decided)
    distances: Distances | None = None
    if scoring.distance != "global":
        distances = distances_of(query, gallery, scoring.distance, scoring.device)
    if scoring.rerank:
        distances = rerank(query, gallery, memory=scoring.memory)
    if scoring.hubness:
        distances = CorrectedDistances(query, gallery)
    report = evaluate(
        query,
        gallery,
        scoring.metric,
        scoring.camera_rule,
        top=scoring.top,
        ties=scoring.ties,
        average_precision=scoring.average_precision,
        distances=distances,
        device=scoring.device,
    )
    changes = ", centred on cameras" * scoring.centre + ", adapted" * scoring.adapt
    report = replace(report, metric=report.metric + changes)
    if scoring.rerank and (note := _too_few_to_rerank(query, gallery)):
        notes += (note,)
    for note in notes:
        say(f"note: {note}")
    report = replace(report, notes=notes)
    if not scoring.camera_pairs or query.cameras is None or gallery.cameras is None:
        return report
    pairs = evaluate_camera_pairs(
        query,
        gallery,
        scoring.metric,
        ties=scoring.ties,
        average_precision=scoring.average_precision,
        distances=distances,
        device=scoring.device,
    )
    return replace(report, camera_pairs=pairs)


def _too_few_to_rerank(query: Embeddings, gallery: Embeddings) -> str:
    """What to know of re-ranking a gallery of few images a person; "" where there are enough."""
    asked, shown = person_numbers(query, gallery)
    images = np.bincount(shown[np.isin(shown, asked) & (gallery.persons != JUNK)])
    mean = float(images[images > 0].mean()) if images.any() else 0.0
    if mean >= 3:
        return ""
    return (
        f"persons have {mean:.1f} images in the gallery on average: re-ranking with its usual "
        "constants (k1 20, k2 6) is for three and more, and cost 4 to 15 points of rank-1 where "
        "there were one or two (in Python: passerby.rerank(..., k1=, k2=))"
    )


def score_model(
    embedder: Embedder,
    split: Split,
    scoring: Scoring = Scoring(),
) -> Report:
    """Evaluate a model on a split's query and gallery; errors as `passerby.evaluate`."""
    query, gallery, notes = embed_test_parts(embedder.embed, split)
    if scoring.adapt and scoring.within is None:
        within = within_class_of(embedder.place, embedder.fingerprint)
        scoring = replace(scoring, within=within)
    report = score_embeddings(query, gallery, scoring)
    return replace(report, notes=(*split.notes, *notes, *report.notes))


def score_files(query: str, gallery: str, scoring: Scoring = Scoring()) -> Report:
    """Evaluate embeddings that `Embeddings.save` or `passerby embed` wrote, of any model; no model
    is needed.

    Raises ValueError when they come from different models, and otherwise as `passerby.evaluate`.
    """
    asked, shown = load_to_score(query), load_to_score(gallery)
    return score_embeddings(asked, shown, scoring)


def score(
    model: str | None,
    data: str | None,
    query: str | None,
    gallery: str | None,
    scoring: Scoring = Scoring(),
    *,
    flip: bool = False,
    before_neck: bool = False,
    opened_by: Callable[[str], Embedder] | None = None,
) -> Report:
    """Evaluate a model on a data set, or the saved embeddings of query and gallery.

    opened_by: opens the model, with flip and before_neck; `passerby.load` by default.

    Raises ValueError when neither or both are given, and as `score_model` and `score_files`.
    """
    of_model, of_files = (model, data), (query, gallery)
    if None not in of_files and of_model == (None, None) and not (flip or before_neck):
        assert query is not None
        assert gallery is not None
        return score_files(query, gallery, scoring)
    if None not in of_model and of_files == (None, None):
        assert model is not None
        assert data is not None
        if opened_by is not None:
            return score_model(opened_by(model), read_split(data), scoring)
        embedder = load(model, flip=flip, before_neck=before_neck, device=scoring.device)
        return score_model(embedder, read_split(data), scoring)
    raise ValueError(
        "expected either MODEL --data ROOT, or --query q.npz --gallery g.npz with embeddings that "
        "are made already (--flip and --before-neck are the model's)"
    )
