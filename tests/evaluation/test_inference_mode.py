"""Everything public computes the same where the caller has switched gradients off."""

import contextlib
import dataclasses

import numpy as np
import pytest
import torch

import passerby
from passerby.adaptation.camera_means import centred
from passerby.assessment.score import Scoring, score_embeddings
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.evaluation.decisions.openset import identify
from passerby.evaluation.decisions.verification import verify
from passerby.evaluation.evaluate import evaluate_camera_pairs
from passerby.evaluation.ranking.local import LocalDistances, distances_of
from passerby.evaluation.ranking.query_expansion import augment_database, expand_queries
from passerby.evaluation.ranking.rankings import rank
from passerby.evaluation.ranking.vector_pooling import pool_queries
from passerby.tables.embeddings import Embeddings


def parts():
    """Query and gallery whose vectors are tensors made by the caller, with copies and stripes."""
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(12), 6)
    vectors = random.normal(size=(12, 16))[persons] + 0.6 * random.normal(size=(72, 16))
    vectors[7] = vectors[6]
    made = Embeddings(
        torch.tensor(vectors),
        torch.from_numpy(persons),
        torch.tensor(np.tile([0, 0, 1, 1, 2, 2], 12)),
        local=random.normal(size=(72, 4, 8)),
    )
    return made[::3], made[np.arange(72) % 3 > 0]


def bare(part):
    """Without stripes."""
    return dataclasses.replace(part, local=None)


def scores(query, gallery):
    return passerby.evaluate(query, gallery).to_json()


WORK = {
    "evaluate": scores,
    "euclidean": lambda q, g: passerby.evaluate(q, g, "euclidean").to_json(),
    "camera pairs": evaluate_camera_pairs,
    "rerank": lambda q, g: passerby.rerank(q, g, k1=5, k2=3).dense().tolist(),
    "rank": lambda q, g: [one.shown.tolist() for one in rank(q, g)],
    "expand": lambda q, g: scores(expand_queries(q, g), augment_database(g)),
    "centre": lambda q, g: scores(*centred(bare(q), bare(g))),
    "pool": lambda q, g: scores(pool_queries(q, g), g),
    "verify": lambda q, g: verify(q, g, replicates=3),
    "identify": lambda q, g: identify(q, g, replicates=3),
    "calibrate": lambda q, g: calibrate(g, replicates=3),
    "local": lambda q, g: LocalDistances(q.local, g.local).block(slice(0, 5)).tolist(),
    "both": lambda q, g: distances_of(q, g, "both").block(slice(3, 9)).tolist(),
    "score": lambda q, g: score_embeddings(
        bare(q), bare(g), Scoring(rerank=True, centre=True)
    ).to_json(),
}


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
@pytest.mark.parametrize("name", WORK)
def test_results_do_not_depend_on_the_callers_mode(name, mode):
    expected = WORK[name](*parts())
    with mode():
        assert WORK[name](*parts()) == expected


def test_distances_made_in_one_mode_serve_in_another():
    query, gallery = parts()
    expected = passerby.evaluate(query, gallery, distances=passerby.rerank(query, gallery))
    for made, used in (
        (torch.inference_mode, contextlib.nullcontext),
        (contextlib.nullcontext, torch.inference_mode),
    ):
        with made():
            distances = passerby.rerank(*parts())
            stripes = distances_of(*parts(), "both")
        with used():
            found = passerby.evaluate(query, gallery, distances=distances)
            assert np.isfinite(stripes.block(slice(0, 4))).all()
        assert found.to_json() == expected.to_json()


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_an_embedder_works_in_either_mode(mode):
    image = np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8)
    expected = passerby.load()([image, image[::-1]])
    with mode():
        embedder = passerby.load()
        vectors = embedder([image, image[::-1]])
        tensors = Embeddings(torch.from_numpy(vectors), torch.tensor([1, 2]))
    np.testing.assert_array_equal(vectors, expected)
    np.testing.assert_array_equal(embedder([image, image[::-1]]), expected)
    np.testing.assert_array_equal(tensors.vectors, expected)
