"""Who is found to be forgotten, and who is only shown."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from passerby.evaluation.bootstrap import Interval
from passerby.gallery.forgetting.finding import Question, find
from passerby.gallery.forgetting.found import reviewed
from passerby.gallery.forgetting.worth import worths
from passerby.gallery.search.matches import Match, Matches

OWN = {f"{number:032x}" for number in range(12)}


def asked(gallery, person=0, count=1, **how):
    shots = np.repeat(gallery.centres[[person]], count, axis=0)
    images = tuple(gallery.picture(vector) for vector in shots)
    return Question(images, **how)


def test_all_passages_of_the_person_are_found_with_all_their_sightings(sharp):
    found = find(sharp, asked(sharp))
    assert {*found.ids} == OWN
    assert found.basis == "likelihood ratio"
    chosen = [one for one in found.passages if one.chosen]
    assert len(chosen) == 6
    assert all(len(one.sightings) == 2 for one in chosen)
    assert {one.why for one in chosen} <= {"like the picture", "linked"}
    assert all(not one.chosen for one in found.passages[6:])
    said = json.loads(found.to_json())
    assert said["sightings"] == 12
    assert said["passages"][0]["likelihood_ratio"] > said["least_likelihood_ratio"]
    assert found.least_ratio == pytest.approx((720 - 1) / 3)
    assert "12 sightings in 6 passages, of 720" in str(found)


def test_the_ratio_of_several_pictures_is_the_mean_of_theirs():
    def matches(*pairs):
        rows = tuple(
            Match(n, name, 1.0, llr=llr, llr_interval=Interval(llr - 1, llr + 1))
            for n, (name, llr) in enumerate(pairs, 1)
        )
        return Matches("q", 1, (), rows, 9, 0, True, None, None)

    found = worths([matches(("a", 2.0), ("b", 0.0)), matches(("c", 1.0))], {"a": 7, "c": 7, "b": 8})
    assert found[7].llr == pytest.approx(math.log((math.e**2 + math.e) / 2))
    assert found[7].llr_interval.low == pytest.approx(math.log((math.e + 1) / 2))
    assert found[8].llr == pytest.approx(math.log(1 / 2))


def test_false_match_rates_count_where_no_calibration_holds():
    rows = (Match(1, "a", 0.1, false_match_rate=1e-4), Match(2, "b", 0.2, false_match_rate=0.7))
    one = Matches("q", 1, (), rows, 9, 0, True, None, None)
    found = worths([one, one], {"a": 0, "b": 1})
    assert (found[0].false_match_rate, found[1].false_match_rate) == (2e-4, 1.0)
    assert found[0].llr is None


def test_a_name_brings_all_of_it_and_nobody_with_another(sharp):
    ids = sorted(OWN)
    other = f"{12:032x}"
    sharp.store.name_persons([*ids[:10], ids[11], other], ["ann"] * 10 + ["bert", "bert"])
    found = find(sharp, asked(sharp))
    assert {*found.ids} == {*ids[:10]}  # the passage with an image of bert's is bert's, too
    doubtful = {one for each in found.passages if not each.chosen for one in each.sightings}
    assert {ids[10], ids[11], other} <= doubtful
    by_name = find(sharp, Question(person="ann"))
    assert by_name.basis == "name"
    assert {*by_name.ids} == {*ids[:10]}


def test_linked_names_are_taken_where_most_of_them_are_the_persons(sharp):
    sharp.store.name_persons([f"{n:032x}" for n in (0, 2, 4, 700)], ["linked/1"] * 4)
    sharp.store.name_persons([f"{n:032x}" for n in (6, *range(500, 520))], ["linked/2"] * 21)
    found = find(sharp, asked(sharp, link=False))
    assert not {f"{n:032x}" for n in range(500, 520)} & {*found.ids}


@pytest.mark.parametrize(("name", "chosen"), [("linked/1", False), ("ann", True)])
def test_whom_only_a_linking_joins_is_not_chosen_against_the_pictures(sharp, name, chosen):
    stranger = f"{700:032x}"
    sharp.store.name_persons([f"{n:032x}" for n in (0, 2, 4, 700)], [name] * 4)
    found = find(sharp, asked(sharp, link=False))
    assert {f"{n:032x}" for n in range(6)} <= {*found.ids}
    passage = next(one for one in found.passages if stranger in one.sightings)
    assert (passage.why, passage.chosen) == ("named alike", chosen)


def test_who_is_not_there_is_not_found(sharp, crowd):
    away = crowd.persons(1)[0]
    found = find(sharp, Question((sharp.picture(away),), least_ratio=1e6))
    assert found.ids == ()


def test_without_any_basis_nothing_is_chosen(crowd, make_store, sharp_about):
    from dataclasses import replace

    from tests.gallery.forgetting.conftest import CrowdGallery

    few = crowd.persons(5)
    bare = make_store(few, about=replace(sharp_about, calibrations={}))
    gallery = CrowdGallery(bare)
    found = find(gallery, Question((gallery.picture(few[0]),)))
    assert (found.basis, found.ids, len(found.passages)) == ("nothing", (), 5)
    assert "none of them is chosen" in str(found)


def test_what_was_looked_at_is_taken_or_left(sharp):
    found = find(sharp, asked(sharp))
    first, doubtful = found.passages[0], found.passages[-1]
    assert not doubtful.chosen
    changed = reviewed(found, also=[doubtful.shown], without=[first.shown])
    assert {*changed.ids} == (OWN - {*first.sightings}) | {*doubtful.sightings}
    with pytest.raises(ValueError, match="or its beginning"):
        reviewed(found, also=["abc"])
    with pytest.raises(ValueError, match="which no passages have"):
        reviewed(found, without=["f" * 32])


@pytest.mark.parametrize(
    "given",
    [{}, {"images": (b"x",), "least_ratio": 0.5}, {"person": "a", "most_false_match_rate": 1}],
)
def test_questions_that_are_none(given):
    with pytest.raises(ValueError, match=r"expected images|must be"):
        Question(**given)


def test_a_name_that_nobody_has_is_refused(sharp):
    with pytest.raises(ValueError, match="no person is named"):
        find(sharp, Question(person="nobody"))
