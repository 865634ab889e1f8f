"""The back-end: its order of steps, what it decides, and that what is stored is read again."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from passerby.adaptation.back_end import WITHIN_CLASS, BackEnd, adapted, learnt, within_class_of
from passerby.adaptation.pseudo_pairs import mutual_neighbours
from passerby.adaptation.within_class import WithinClass, within_class
from passerby.evaluation.evaluate import evaluate
from passerby.tables.embeddings import Embeddings
from passerby.tables.unit_length import unit

WIDE = 64  # as many as distances of strangers need to have their usual shape


def site(seed: int, persons: int = 40, model: str = "m") -> Embeddings:
    """Persons seen by two cameras with lights of their own, varying in two directions."""
    random = np.random.default_rng(seed)
    numbers, cameras = np.repeat(np.arange(persons), 4), np.tile([1, 1, 2, 2], persons)
    spread = np.append([2.0, 2.0], np.full(WIDE - 2, 0.2))
    vectors = random.normal(size=(persons, WIDE))[numbers]
    vectors += random.normal(size=vectors.shape) * spread + random.normal(size=(3, WIDE))[cameras]
    return Embeddings(vectors, numbers, cameras, model=model)


@pytest.fixture
def prior() -> WithinClass:
    drawn = site(7)
    return within_class(
        drawn.vectors / np.linalg.norm(drawn.vectors, axis=1)[:, None], drawn.persons, 4
    )


def texts(part: Embeddings) -> tuple[np.ndarray, np.ndarray]:
    return np.full(len(part), ""), part.cameras.astype(str)


def test_the_steps_in_their_order(prior: WithinClass) -> None:
    part = site(0)
    found = learnt(part.vectors, *texts(part), prior=prior, pairs=False)
    assert found.means is not None
    slow = []
    for vector, camera in zip(part.vectors.astype(float), part.cameras, strict=True):
        one = vector / np.linalg.norm(vector) - found.means.means[camera - 1]
        for axis, factor in zip(prior.directions, prior.factors(), strict=True):
            one = one - (1 - factor) * (one @ axis) * axis
        slow.append(one / np.linalg.norm(one))
    np.testing.assert_allclose(found.applied(part.vectors, *texts(part)), slow, atol=1e-5)


def test_it_finds_more_and_says_what_it_did(prior: WithinClass) -> None:
    part = site(0)
    made, _, found = adapted(part, part, prior)
    assert evaluate(made, made).rank1 > evaluate(part, part).rank1 + 10
    assert "means of 2 cameras" in found.decided[0]
    assert "pairs of images here" in found.decided[1]


def test_without_a_prior_all_directions_are_alike_before_anything_is_seen() -> None:
    part = site(0)
    found = learnt(part.vectors, *texts(part))
    made = Embeddings(found.applied(part.vectors, *texts(part)), part.persons, part.cameras)
    assert evaluate(made, made).rank1 > evaluate(part, part).rank1 + 10
    assert found.within is not None
    assert found.means is not None
    pairs = found.within.images
    assert f"{pairs} pairs of images here, beside 300 that stand for all" in found.decided[1]
    centred = BackEnd("m", "", None, found.means)
    near = mutual_neighbours(centred.applied(part.vectors, *texts(part)), *texts(part))
    rows = unit(part.vectors) - found.means.of(*texts(part))
    numbers = np.repeat(np.arange(len(near)), 2)
    seen = within_class(rows[near.reshape(-1)], numbers).covariance
    level = np.trace(seen) / WIDE * np.eye(WIDE)
    wanted = (len(near) * seen + 300 * level) / (len(near) + 300)
    np.testing.assert_allclose(found.within.covariance, wanted, rtol=1e-3, atol=1e-6)


def test_it_knows_when_not_to_act(prior: WithinClass) -> None:
    few = site(0, persons=5)
    alone = learnt(few.vectors, *texts(few))
    assert not alone.acts
    assert "no camera means" in alone.decided[0]
    assert alone.decided[1].startswith("5 near pairs teach nothing: too few distances there tell")
    assert "not known, all directions are alike (0 pairs" in alone.decided[2]
    np.testing.assert_allclose(
        alone.applied(few.vectors, *texts(few)),
        few.vectors / np.linalg.norm(few.vectors, axis=1)[:, None],
        rtol=1e-5,
    )
    brought = learnt(few.vectors, *texts(few), prior=prior)
    assert brought.within is prior
    assert "at least 30 needed" in brought.decided[-1]


def test_pairs_that_are_mostly_wrong_teach_nothing(prior: WithinClass) -> None:
    """Every person seen once, so that the nearest by two cameras are strangers."""
    part = site(3, persons=160)[::4]
    part = replace(part, cameras=np.arange(160) % 2 + 1)
    found = learnt(part.vectors, *texts(part))
    assert found.means is not None
    assert found.within is None
    assert re.search(
        r"\d+ near pairs teach nothing: by all distances there \d+ %", found.decided[1]
    )
    assert learnt(part.vectors, *texts(part), prior=prior).within is prior


def test_known_persons_teach_as_pairs_do(prior: WithinClass) -> None:
    part = site(1)
    found = learnt(part.vectors, *texts(part), prior=prior, persons=part.persons, pairs=False)
    assert found.within is not None
    assert found.within.images == 120
    nobody = learnt(part.vectors, *texts(part), prior=prior, persons=np.full(160, -1), pairs=False)
    assert nobody.within is prior


def test_what_is_stored_is_read_again(prior: WithinClass, tmp_path: Path) -> None:
    part = site(0)
    found = learnt(part.vectors, *texts(part), model="m", pooling="plain", prior=prior)
    again = BackEnd.from_bytes(found.to_bytes())
    assert (again.model, again.pooling, again.decided) == ("m", "plain", found.decided)
    assert again.fingerprint == found.fingerprint != learnt(part.vectors, *texts(part)).fingerprint
    np.testing.assert_allclose(
        again.applied(part.vectors, *texts(part)),
        found.applied(part.vectors, *texts(part)),
        atol=2e-3,
    )
    with pytest.raises(ValueError, match="damaged"):
        BackEnd.from_bytes(b"pickle" * 40)
    with pytest.raises(ValueError, match="damaged"):
        BackEnd.from_bytes(found.to_bytes()[:-10])
    file = tmp_path / WITHIN_CLASS
    file.write_bytes(BackEnd("m", "plain", prior, None).to_bytes())
    assert within_class_of(tmp_path, "m") is not None
    assert within_class_of(tmp_path, "another") is None
    assert within_class_of(tmp_path / "nowhere", "m") is None


def test_what_cannot_be_adapted_is_refused(prior: WithinClass) -> None:
    part = site(0)
    with pytest.raises(ValueError, match="different models"):
        adapted(site(0, model="other"), part, prior)
    with pytest.raises(ValueError, match="empty"):
        adapted(part, part[:0], prior)
    striped = Embeddings(part.vectors, part.persons, local=np.ones((len(part), 2, 3)))
    with pytest.raises(ValueError, match="stripe"):
        adapted(striped, striped, prior)
    blind = Embeddings(part.vectors, part.persons, model="m")
    assert "means of 0 cameras" in adapted(blind, blind, prior)[2].decided[0]
