"""Cross-validation: folds that share no person, sources left out, and the pooled report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from passerby.config import Recipe
from passerby.data.holdout import folds, without_source
from passerby.data.reading.joining import join_splits
from passerby.evaluation.report import Report, pooled
from passerby.studies import cross_validation
from passerby.studies.cross_validation import cross_validate
from passerby.tables.records import Record, Split


def records(source: str, persons: int, cameras: int) -> tuple[Record, ...]:
    return tuple(
        Record(f"{source}/{person}_{camera}_{shot}.jpg", person, camera, source)
        for person in range(persons)
        for camera in range(cameras)
        for shot in range(2)
    )


def persons_of(some: tuple[Record, ...]) -> set[tuple[str, int]]:
    return {(record.source, record.person) for record in some}


def test_every_person_that_can_be_matched_is_held_out_once() -> None:
    everyone = records("a", 12, 2) + records("b", 7, 3) + records("single", 5, 1)
    made = folds(everyone, 4, seed=3)
    held = [person for fold in made for person in fold.persons]
    assert sorted(held) == sorted(persons_of(records("a", 12, 2) + records("b", 7, 3)))
    for fold in made:
        assert persons_of(fold.gallery) == persons_of(fold.query) == {*fold.persons}
        assert not persons_of(fold.train) & {*fold.persons}
        assert len(fold.train) + len(fold.gallery) == len(everyone)
        assert sum(source == "a" for source, _ in fold.persons) == 3
        assert persons_of(records("single", 5, 1)) <= persons_of(fold.train)
    assert made == folds(everyone, 4, seed=3)
    assert made != folds(everyone, 4, seed=4)


@pytest.mark.parametrize("count", [1, 13])
def test_folds_need_persons(count: int) -> None:
    with pytest.raises(ValueError, match="expected 2 to 12 folds"):
        folds(records("a", 12, 2), count, seed=0)


def test_persons_of_other_sources_always_train() -> None:
    drawn = records("drawn", 6, 2)
    everyone = records("a", 12, 2) + drawn
    made = folds(everyone, 4, seed=3, sources=["a"])
    assert sorted(person for fold in made for person in fold.persons) == sorted(
        persons_of(records("a", 12, 2))
    )
    assert all(persons_of(drawn) <= persons_of(fold.train) for fold in made)
    with pytest.raises(ValueError, match="0 of 18 train persons are of b and can be matched"):
        folds(everyone, 4, seed=3, sources=["b"])


def test_a_source_is_left_out_with_its_test_parts() -> None:
    one = Split("a", train=records("a", 6, 2)[:12], query=records("a", 6, 2)[12:])
    two, three = Split("b", train=records("b", 4, 2)), Split("c", train=records("c", 4, 1))
    joined = join_splits([one, two, three])
    left = without_source(joined, "a", seed=0)
    assert {record.source for record in left.train} == {"b", "c"}
    assert {*left.persons} == persons_of(records("a", 6, 2))
    with pytest.raises(ValueError, match="c cannot be left out: 0 of its persons"):
        without_source(joined, "c", seed=0)
    with pytest.raises(ValueError, match="0 images of other sources"):
        without_source(one, "a", seed=0)


def report(queries: int, left_out: int, seed: int, **rule: object) -> Report:
    random = np.random.default_rng(seed)
    precisions = random.random(queries)
    options = {"metric": "cosine", "camera_rule": True, **rule}
    return Report(
        cmc=np.linspace(20, 100, 5 + seed),
        mean_average_precision=100 * float(precisions.mean()),
        minp=10.0 * seed,
        queries=queries,
        left_out=left_out,
        gallery=50,
        query_rows=np.arange(queries),
        first_ranks=random.integers(1, 5, queries),
        average_precisions=precisions,
        inverse_negative_penalties=precisions,
        query_persons=np.array([f"made/{seed}-{n}" for n in range(queries)]),
        **options,
    )


def test_pooled_queries_count_the_same() -> None:
    one, two = report(10, 2, 0), report(30, 0, 2)
    together = pooled([one, two])
    assert (together.queries, together.left_out, together.gallery) == (40, 2, 100)
    hits = np.concatenate([one.first_ranks == 1, two.first_ranks == 1])
    assert together.rank1 == pytest.approx(100 * hits.mean())
    expected = (10 * one.mean_average_precision + 30 * two.mean_average_precision) / 40
    assert together.mean_average_precision == pytest.approx(expected)
    assert together.minp == pytest.approx(15)
    assert len({*together.query_rows.tolist()}) == 40
    assert len(together.cmc) == 7
    with pytest.raises(ValueError, match="differ in camera_rule"):
        pooled([one, report(3, 0, 1, camera_rule=False)])
    with pytest.raises(ValueError, match="at least one report"):
        pooled([])


def test_folds_are_trained_and_tested_and_an_interrupted_one_goes_on(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    train = cross_validation.train

    def counted(recipe: Recipe, split: Split, *rest: object, **options: object) -> object:
        trained.append(persons_of(split.train))
        assert not split.query
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(recipe, split, *rest, **options)

    monkeypatch.setattr(cross_validation, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(recipe, tiny, tmp_path, count=2)
    found = cross_validate(recipe, tiny, tmp_path, count=2)
    assert [*found.parts] == ["fold0", "fold1"]
    assert trained[0] == trained[2] != trained[3]
    stored = Report.from_json(tmp_path / "report.json")
    assert stored.figures() == found.report.figures()
    assert found.report.queries == sum(part.queries for part in found.parts.values())
    assert "together: rank-1 " in str(found)
    listed = json.loads(found.to_json())
    assert [*listed] == ["report", "parts"]
    assert [*listed["parts"]] == [*found.parts]
    assert listed["report"] == json.loads((tmp_path / "report.json").read_text("utf-8"))
    again = cross_validate(recipe, tiny, tmp_path, count=2)
    assert again.report.figures() == found.report.figures()
