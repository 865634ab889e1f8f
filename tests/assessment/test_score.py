"""Scores of embeddings, and which of them may be compared."""

import numpy as np
import pytest

from passerby.adaptation.back_end import adapted
from passerby.adaptation.camera_means import centred
from passerby.adaptation.hubness import CorrectedDistances
from passerby.adaptation.within_class import within_class
from passerby.assessment.score import Scoring, score, score_embeddings, score_files
from passerby.evaluation.evaluate import evaluate, evaluate_camera_pairs
from passerby.evaluation.ranking.local import distances_of
from passerby.evaluation.ranking.rerank import rerank
from passerby.tables.embeddings import Embeddings


def part(count, seed, model="m", cameras=True):
    rng = np.random.default_rng(seed)
    return Embeddings(
        rng.integers(0, 3, (count, 4)) + 1.0,
        rng.integers(0, 5, count),
        rng.integers(1, 4, count) if cameras else None,
        model=model,
    )


def test_options_reach_the_evaluation():
    query, gallery = part(30, 0), part(200, 1)
    how = Scoring("euclidean", False, True, 7, "worst", "trapezoid", "cpu")
    report = score_embeddings(query, gallery, how)
    options = {"ties": "worst", "average_precision": "trapezoid"}
    expected = evaluate(query, gallery, "euclidean", False, top=7, **options)
    assert len(report.cmc) == 7
    assert report.figures() == expected.figures()
    assert (report.ties, report.average_precision) == ("worst", "trapezoid")
    assert report.camera_pairs == evaluate_camera_pairs(query, gallery, "euclidean", **options)
    assert len(report.camera_pairs) == 6


def test_re_ranking_takes_the_place_of_the_metric_within_its_memory():
    query, gallery = part(30, 0), part(200, 1)
    expected = evaluate(query, gallery, distances=rerank(query, gallery))
    report = score_embeddings(query, gallery, Scoring(rerank=True))
    assert report.figures() == expected.figures() != evaluate(query, gallery).figures()
    assert report.metric == "Reranked"
    with pytest.raises(ValueError, match="memory"):
        score_embeddings(query, gallery, Scoring(rerank=True, memory="1KB"))


def test_vectors_are_centred_on_cameras_before_all_else():
    query, gallery = part(30, 0), part(200, 1)
    both = centred(query, gallery)
    report = score_embeddings(query, gallery, Scoring(centre=True))
    assert report.figures() == evaluate(*both).figures() != evaluate(query, gallery).figures()
    assert report.metric == "cosine, centred on cameras"
    reranked = score_embeddings(query, gallery, Scoring(rerank=True, centre=True))
    assert reranked.figures() == evaluate(*both, distances=rerank(*both)).figures()
    with pytest.raises(ValueError, match="without re-ranking or centring"):
        Scoring(distance="local", centre=True)


def test_no_camera_pairs_without_cameras():
    query, gallery = part(30, 0, cameras=False), part(200, 1, cameras=False)
    report = score_embeddings(query, gallery, Scoring(camera_rule=False, camera_pairs=True))
    assert report.camera_pairs == ()


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("", "a"), ("a", ""), ("", "")])
def test_files(first, second, tmp_path):
    query, gallery = part(30, 0, first), part(200, 1, second)
    paths = str(query.save(tmp_path / "q.npz")), str(gallery.save(tmp_path / "g.npz"))
    expected = evaluate(query, gallery).figures()
    assert score_files(*paths).figures() == expected
    assert score(None, None, *paths).figures() == expected


def test_files_of_any_origin(tmp_path):
    query, gallery = part(30, 0), part(200, 1)
    for name, one in (("q", query), ("g", gallery)):
        np.savez(
            tmp_path / f"{name}.npz", vectors=one.vectors, persons=one.persons, cameras=one.cameras
        )
    report = score_files(str(tmp_path / "q.npz"), str(tmp_path / "g.npz"))
    assert report.figures() == evaluate(query, gallery).figures()


def test_files_of_different_models_are_refused(tmp_path):
    query = str(part(30, 0, "a").save(tmp_path / "q.npz"))
    gallery = str(part(200, 1, "b").save(tmp_path / "g.npz"))
    with pytest.raises(ValueError, match=r"come from different models \(a and b\)"):
        score_files(query, gallery)


@pytest.mark.parametrize(
    ("model", "data", "query", "gallery", "flip"),
    [
        (None, None, None, None, False),
        ("m", None, None, None, False),
        (None, "d", None, None, False),
        (None, None, "q", None, False),
        (None, None, None, "g", False),
        ("m", "d", "q", "g", False),
        ("m", None, "q", "g", False),
        (None, None, "q", "g", True),
    ],
)
def test_a_model_or_files(model, data, query, gallery, flip):
    with pytest.raises(ValueError, match=r"either MODEL --data ROOT, or --query q.npz"):
        score(model, data, query, gallery, flip=flip)


def test_stripes_are_scored_alone_or_with_the_embedding():
    def striped(count, seed):
        stripes = np.random.default_rng(seed).normal(size=(count, 3, 4)).astype(np.float32)
        plain = part(count, seed)
        return Embeddings(plain.vectors, plain.persons, plain.cameras, local=stripes)

    query, gallery = striped(30, 0), striped(100, 1)
    for which in ("local", "both"):
        expected = evaluate(query, gallery, distances=distances_of(query, gallery, which))
        report = score_embeddings(query, gallery, Scoring(distance=which, camera_pairs=True))
        assert report.figures() == expected.figures()
        assert len(report.camera_pairs) == 6
    with pytest.raises(ValueError, match="'local' needs local vectors"):
        score_embeddings(part(9, 0), part(9, 1), Scoring(distance="local"))
    for options in ({"metric": "euclidean"}, {"rerank": True}):
        with pytest.raises(ValueError, match="goes with the metric cosine and without re-ranking"):
            Scoring(distance="both", **options)


@pytest.mark.parametrize(("images", "told"), [(1, True), (2, True), (3, False)])
def test_re_ranking_persons_of_few_images_is_warned_of(images, told, capsys):
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(10), images)
    query = Embeddings(random.normal(size=(10, 8)), np.arange(10), np.zeros(10, int))
    gallery = Embeddings(random.normal(size=(len(persons), 8)), persons, persons * 0 + 1)
    report = score_embeddings(query, gallery, Scoring(rerank=True))
    (*notes,) = report.notes
    assert bool(notes) == told
    assert ("images in the gallery on average" in capsys.readouterr().out) == told
    assert score_embeddings(query, gallery, Scoring()).notes == ()


def test_adapting_is_of_all_vectors_and_is_said(capsys):
    query, gallery = part(30, 0), part(200, 1)
    within = within_class(gallery.vectors, gallery.persons, 2)
    both = adapted(query, gallery, within)
    report = score_embeddings(query, gallery, Scoring(adapt=True, within=within))
    assert report.figures() == evaluate(*both[:2]).figures() != evaluate(query, gallery).figures()
    assert report.metric == "cosine, adapted"
    assert report.notes == tuple(f"adapted: {each}" for each in both[2].decided)
    corrected = score_embeddings(query, gallery, Scoring(hubness=True))
    expected = evaluate(query, gallery, distances=CorrectedDistances(query, gallery))
    assert corrected.figures() == expected.figures()


@pytest.mark.parametrize(
    "options",
    [
        {"adapt": True, "centre": True},
        {"hubness": True, "rerank": True},
        {"hubness": True, "metric": "euclidean"},
        {"adapt": True, "distance": "local"},
    ],
)
def test_options_that_contradict_are_refused(options):
    with pytest.raises(ValueError, match=r"adapt|hubness|corrected"):
        Scoring(**options)
