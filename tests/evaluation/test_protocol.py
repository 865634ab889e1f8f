"""Vectors of two networks are not compared, whoever is asked."""

from dataclasses import replace

import numpy as np
import pytest

import passerby
from passerby.adaptation.camera_means import centred
from passerby.evaluation.decisions.openset import identify
from passerby.evaluation.decisions.verification import verify
from passerby.evaluation.evaluate import evaluate_camera_pairs
from passerby.evaluation.ranking.local import distances_of
from passerby.evaluation.ranking.query_expansion import expand_queries
from passerby.evaluation.ranking.rankings import rank
from passerby.evaluation.ranking.vector_pooling import pool_queries
from passerby.tables.embeddings import Embeddings

ASKED = [
    passerby.evaluate,
    evaluate_camera_pairs,
    passerby.rerank,
    rank,
    verify,
    identify,
    centred,
    expand_queries,
    pool_queries,
    lambda query, gallery: distances_of(query, gallery, "global"),
]


@pytest.mark.parametrize("compare", ASKED)
def test_parts_of_two_models_are_refused_by_their_fingerprints(compare):
    random = np.random.default_rng(0)
    query, gallery = (
        Embeddings(
            random.normal(size=(40, 8)),
            np.repeat(np.arange(10), 4),
            np.tile([1, 1, 2, 2], 10),
            model="0a0a",
            pooling="plain",
        )
        for _ in range(2)
    )
    compare(query, gallery)
    compare(query, replace(gallery, model=""))  # of an origin that is not known
    with pytest.raises(ValueError, match=r"different models \(0a0a and 0b0b\)"):
        compare(query, replace(gallery, model="0b0b"))
    with pytest.raises(ValueError, match=r"different poolings \(plain and flip\)"):
        compare(query, replace(gallery, pooling="flip"))
    wider = Embeddings(np.ones((40, 9)), gallery.persons, gallery.cameras, model="0b0b")
    with pytest.raises(ValueError, match=r"different models \(0a0a and 0b0b\)"):
        compare(query, wider)
