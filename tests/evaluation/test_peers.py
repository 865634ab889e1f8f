"""evaluate() beside the evaluators of other toolkits: equal where they are right, pinned where not.

Those that are not installed are skipped; docs/evaluation.md says what they do in the corners.
"""

import collections
import collections.abc
import importlib
import warnings

import numpy as np
import pytest
import torch

from passerby.evaluation.decisions.verification import verify
from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking.distances import VectorDistances
from passerby.tables.embeddings import Embeddings


def parts(*, images=600, junk=0.0):
    """100 queries and a gallery with distractors, in six dimensions, without ties."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 6))

    def part(count, numbers):
        vectors = centres[numbers] + rng.normal(size=(count, 6))
        return Embeddings(vectors, numbers, rng.integers(1, 5, count))

    numbers = rng.integers(0, 40, images)
    numbers[rng.random(images) < junk] = -1
    return part(100, rng.integers(0, 30, 100)), part(images, numbers)


def arguments(query, gallery, metric="cosine"):
    table = VectorDistances(query.vectors, gallery.vectors, metric).block(slice(0, len(query)))
    return table, query.persons, gallery.persons, query.cameras, gallery.cameras


def scores_of(report):
    return [report.rank1, report.rank5, report.mean_average_precision, report.minp]


def torchreid(monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it advises to compile
        rank = importlib.import_module("torchreid.reid.metrics.rank")

    def scores(*given):
        cmc, mean_average_precision = rank.evaluate_rank(*given, use_cython=False)
        return [100 * float(cmc[0]), 100 * float(cmc[4]), 100 * mean_average_precision]

    return scores


def fastreid(monkeypatch):
    # It was written for older versions of Python.
    monkeypatch.setattr(collections, "Mapping", collections.abc.Mapping, raising=False)
    rank = importlib.import_module("fastreid.evaluation.rank")

    def scores(*given):
        cmc, precisions, penalties = rank.evaluate_rank(*given, use_cython=False)
        means = [np.mean(precisions), np.mean(penalties)]
        return [100 * float(value) for value in (cmc[0], cmc[4], *means)]

    return scores


def roboflow(monkeypatch):
    metrics = importlib.import_module("reid.eval.metrics")

    def scores(*given):
        found = metrics._compute_reid_metrics(*given)
        return [found.rank1, found.rank5, found.mean_average_precision, found.minp]

    return scores


PEERS = {"torchreid": torchreid, "fastreid": fastreid, "reid": roboflow}


@pytest.fixture(params=PEERS)
def peer(request, monkeypatch):
    pytest.importorskip(request.param, reason=f"the peer {request.param} is not installed")
    return request.param, PEERS[request.param](monkeypatch)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_clean_data(peer, metric):
    _, scores = peer
    query, gallery = parts()
    theirs = scores(*arguments(query, gallery, metric))
    assert scores_of(evaluate(query, gallery, metric))[: len(theirs)] == pytest.approx(
        theirs, abs=1e-4
    )


@pytest.mark.filterwarnings("default")
def test_junk_is_ignored_not_ranked(peer):
    name, scores = peer
    query, gallery = parts(junk=0.3)
    ours = scores_of(evaluate(query, gallery))
    without = gallery[gallery.persons != -1]
    assert ours == pytest.approx(scores_of(evaluate(query, without)))
    theirs = scores(*arguments(query, without))
    assert ours[: len(theirs)] == pytest.approx(theirs, abs=1e-4)
    left_in = scores(*arguments(query, gallery))
    if name == "reid":
        assert ours == pytest.approx(left_in, abs=1e-4)
    else:  # they rank it as if it were a distractor
        assert left_in[2] < ours[2] - 1


@pytest.mark.filterwarnings("default")
def test_galleries_smaller_than_the_curve(peer):
    name, scores = peer
    query, gallery = parts(images=30)
    report = evaluate(query, gallery)
    assert len(report.cmc) == 50
    if name == "reid":
        assert scores_of(report) == pytest.approx(scores(*arguments(query, gallery)), abs=1e-4)
    else:  # curves of several lengths, as the camera rule takes more images from some queries
        with pytest.raises(ValueError, match="inhomogeneous"):
            scores(*arguments(query, gallery))


def test_pytorch_metric_learning_without_camera_rule():
    """It has no camera rule: equal to ours without it, and only then."""
    calculator = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator")
    inference = pytest.importorskip("pytorch_metric_learning.utils.inference")
    distances = pytest.importorskip("pytorch_metric_learning.distances")
    query, gallery = parts()
    found = calculator.AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision"),
        k=len(gallery),
        knn_func=inference.CustomKNN(distances.CosineSimilarity()),
        device=torch.device("cpu"),
    ).get_accuracy(
        torch.from_numpy(query.vectors),
        torch.from_numpy(query.persons),
        torch.from_numpy(gallery.vectors),
        torch.from_numpy(gallery.persons),
    )
    ours = evaluate(query, gallery, camera_rule=False)
    assert 100 * found["precision_at_1"] == pytest.approx(ours.rank1)
    assert 100 * found["mean_average_precision"] == pytest.approx(
        ours.mean_average_precision, abs=1e-4
    )
    assert evaluate(query, gallery).mean_average_precision < ours.mean_average_precision - 1


def test_fastreid_s_curve_has_its_classes_the_other_way_round(monkeypatch):
    """Its pairs are ours; its "TPR@FPR" is of rejections: pairs of different persons are its 1."""
    monkeypatch.setattr(collections, "Mapping", collections.abc.Mapping, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it advises to compile
        roc = pytest.importorskip("fastreid.evaluation.roc", exc_type=ImportError)
    curves = pytest.importorskip("sklearn.metrics")
    query, gallery = parts()
    distances, different = roc.evaluate_roc(*arguments(query, gallery), use_cython=False)
    found = verify(query, gallery, rates=(1e-3, 1e-2, 1e-1))
    assert (found.same, found.different) == ((different == 0).sum(), (different == 1).sum())
    false, true, _ = curves.roc_curve(1 - different, -distances)
    its_own, rejected, _ = curves.roc_curve(different, distances)
    for point in found.points:
        within = np.searchsorted(false, point.false_match_rate, side="right") - 1
        assert point.true_match_rate <= true[within] <= point.true_match_rate_bound
        theirs = rejected[np.argmin(np.abs(its_own - point.false_match_rate))]
        assert abs(theirs - true[within]) > 0.02
