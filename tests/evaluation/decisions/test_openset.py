"""Open-set identification against a literal one: search by search, candidate by candidate."""

import json

import numpy as np
import pytest

from passerby.evaluation.decisions.openset import identify
from passerby.evaluation.ranking.distances import VectorDistances
from passerby.tables.embeddings import Embeddings


def people(seed, images, *, persons=20, noise=0.5):
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(persons + 2, 6))
    numbers = random.integers(-1, persons, images)
    # A grid of values makes ties.
    vectors = np.round(centres[numbers] + noise * random.normal(size=(images, 6)), 0) + 0.1
    return Embeddings(vectors, numbers, random.integers(1, 4, images))


def literal(query, gallery, removed, rank, rate):
    """FPIR, TPIR and threshold of one split."""
    table = VectorDistances(query.vectors, gallery.vectors).block(slice(0, len(query)))
    tops, mates = [], []
    for q in range(len(query)):
        person = query.persons[q]
        candidates, has_mate = [], False
        for g in range(len(gallery)):
            same = gallery.persons[g] == person
            if gallery.persons[g] == -1 or person == -1:
                continue
            if same and gallery.cameras[g] == query.cameras[q]:
                continue
            has_mate |= same
            if str(gallery.persons[g]) not in removed:
                candidates.append((table[q, g], g, same))
        if not has_mate:
            continue
        candidates.sort()
        if str(person) in removed:
            tops.append(candidates[0][0])
        else:
            place = [same for *_, same in candidates].index(True)
            mates.append((candidates[place][0], place + 1))
    best = 0.0
    for threshold in [*sorted(tops), np.inf]:
        if np.mean([top < threshold for top in tops]) <= rate + 1e-9:
            best = threshold
    return (
        np.mean([top < best for top in tops]),
        np.mean([distance < best and place <= rank for distance, place in mates]),
        best,
        len(tops),
        len(mates),
    )


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_as_search_by_search(rank, share):
    query, gallery = people(1, 60), people(2, 200)
    rates = (0.05, 0.1, 0.5)
    found = identify(
        query, gallery, rank=rank, rates=rates, removed_share=share, splits=3, seed=4, replicates=20
    )
    assert len({split.removed for split in found.splits}) == 3
    for k, rate in enumerate(rates):
        expected = [literal(query, gallery, split.removed, rank, rate) for split in found.splits]
        point = found.points[k]
        assert point.measured == pytest.approx(np.mean([e[0] for e in expected]))
        assert point.tpir == pytest.approx(np.mean([e[1] for e in expected]))
        assert point.thresholds == pytest.approx([e[2] for e in expected])
        assert point.measured <= rate
        assert point.interval.low <= point.tpir + 0.1
        assert point.tpir <= point.interval.high + 0.1
    for split, one in zip(found.splits, expected, strict=True):
        assert (split.non_mated, split.mated) == one[3:]
        remaining = [str(p) not in split.removed and p != -1 for p in gallery.persons]
        assert split.gallery == sum(remaining)
        asked = set(query.persons.tolist()) - {-1}
        assert len(split.removed) == pytest.approx(share * len(asked), abs=2)
    fewest = min(split.non_mated for split in found.splits)
    assert found.smallest_fpir == 1 / fewest
    assert found.surely_below == pytest.approx(3 / fewest)


def test_splits_follow_from_the_seed():
    query, gallery = people(1, 60), people(2, 200)
    one, again, other = (identify(query, gallery, seed=s, replicates=5) for s in (1, 1, 2))
    assert one.to_json() == again.to_json()
    assert one.splits[0].removed != other.splits[0].removed


def test_a_perfect_system_and_rates_beyond_the_data():
    persons = np.arange(40)
    query = Embeddings(np.eye(40), persons, np.ones(40, int))
    gallery = Embeddings(np.eye(40), persons, np.full(40, 2))
    found = identify(query, gallery, rates=(0.001, 0.1), replicates=20)
    assert [point.tpir for point in found.points] == [1, 1]
    assert [point.supported for point in found.points] == [False, True]
    assert found.smallest_fpir == 1 / 20
    assert found.left_out == 0
    text = str(found)
    assert "too few non-mated searches" in text
    assert "the smallest FPIR that can be seen is 0.05" in text
    assert "FPIR < 0.15" in text
    content = json.loads(found.to_json())
    assert (content["rank"], content["seed"], len(content["splits"])) == (1, 0, 5)
    assert len(content["splits"][0]["removed"]) == 20


def test_a_useless_system_identifies_nobody_without_false_positives():
    random = np.random.default_rng(0)
    persons = np.arange(100)
    query = Embeddings(random.normal(size=(100, 8)), persons, np.ones(100, int))
    gallery = Embeddings(random.normal(size=(100, 8)), persons, np.full(100, 2))
    found = identify(query, gallery, rates=(0.1,), replicates=20)
    assert found.points[0].tpir < 0.05
    assert found.points[0].measured == pytest.approx(0.1)


def test_what_cannot_be_asked_is_refused():
    query, gallery = people(1, 60), people(2, 200)
    with pytest.raises(ValueError, match=r"removing .* of them leaves no mated"):
        identify(query[query.persons == 3], gallery)
    with pytest.raises(ValueError, match="removed_share must be between"):
        identify(query, gallery, removed_share=1.0)
    with pytest.raises(ValueError, match="an FPIR must be between 0 and 1"):
        identify(query, gallery, rates=(0.0,))
    with pytest.raises(ValueError, match="no camera numbers"):
        identify(Embeddings(query.vectors, query.persons), gallery)
    assert identify(query, gallery, camera_rule=False, replicates=5).camera_rule is False
