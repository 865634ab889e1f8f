"""Bootstrap over persons against a literal one, known variances, and reports read back."""

import dataclasses
import json

import numpy as np
import pytest

from passerby.evaluation.bootstrap import (
    bootstrap_report,
    compare_repeated,
    compare_reports,
    percentile_interval,
    person_counts,
)
from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.report import CameraPair, Report
from passerby.tables.embeddings import Embeddings


def report(first_ranks, precisions, persons, rows=None):
    first_ranks = np.array(first_ranks)
    return Report(
        cmc=np.ones(1),
        mean_average_precision=100 * float(np.mean(precisions)),
        minp=1.0,
        queries=len(first_ranks),
        left_out=0,
        gallery=10,
        metric="cosine",
        camera_rule=True,
        query_rows=np.arange(len(first_ranks)) if rows is None else np.array(rows),
        first_ranks=first_ranks,
        average_precisions=np.array(precisions, float),
        inverse_negative_penalties=np.array(precisions, float),
        query_persons=np.array(persons, np.str_),
    )


def some_report(seed, persons=12, better=0.0):
    """Reports of different seeds share persons that are easy or hard."""
    hard = np.random.default_rng(0).random(persons)
    random = np.random.default_rng(seed)
    names = np.repeat(np.arange(persons), 1 + np.arange(persons) % 4)
    chance = np.clip(hard[names] + better, 0, 1)
    ranks = np.where(random.random(len(names)) < chance, 1, 5)
    precisions = np.clip(chance + random.normal(0, 0.1, len(names)), 0, 1)
    return report(ranks, precisions, [f"made/{n}" for n in names])


def test_each_resample_draws_as_many_persons_as_there_are():
    counts = person_counts(7, 1000, seed=1)
    assert counts.shape == (1000, 7)
    assert (counts.sum(axis=1) == 7).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.1)
    assert np.array_equal(counts, person_counts(7, 1000, seed=1))
    assert not np.array_equal(counts, person_counts(7, 1000, seed=2))


def test_as_a_literal_bootstrap():
    first, second = some_report(1), some_report(2, better=0.1)
    names = sorted(set(first.query_persons.tolist()))
    differences = {"rank1": [], "mean_average_precision": []}
    for counts in person_counts(len(names), 300, seed=5):
        drawn = []
        for name, count in zip(names, counts, strict=True):
            drawn += count * [q for q, n in enumerate(first.query_persons) if n == name]
        hits = [(second.first_ranks[q] == 1) * 1 - (first.first_ranks[q] == 1) * 1 for q in drawn]
        differences["rank1"].append(100 * np.mean(hits))
        steps = [second.average_precisions[q] - first.average_precisions[q] for q in drawn]
        differences["mean_average_precision"].append(100 * np.mean(steps))
    comparison = compare_reports(first, second, replicates=300, seed=5, level=0.9)
    for name, values in differences.items():
        part = getattr(comparison, name)
        low, high = np.quantile(values, [0.05, 0.95])
        assert part.difference.interval.low == pytest.approx(low)
        assert part.difference.interval.high == pytest.approx(high)
        assert part.difference.value == pytest.approx(part.second - part.first)
    assert comparison.rank1.first == pytest.approx(first.rank1)
    assert comparison.rank1.second == pytest.approx(second.rank1)
    assert (comparison.persons, comparison.queries, comparison.left_out) == (12, 30, 0)


def test_persons_not_images_are_resampled():
    # Every image of a person is right or wrong alike: the figure varies as 40 draws, not as 4000.
    right = np.arange(40) % 2
    names = np.repeat(np.arange(40), 100)
    precisions = right[names]
    scores = bootstrap_report(report(2 - precisions, precisions, names), seed=1)
    width = scores.rank1.interval.high - scores.rank1.interval.low
    assert width == pytest.approx(2 * 1.96 * 100 * np.sqrt(0.25 / 40), rel=0.15)
    assert scores.rank1.value == scores.mean_average_precision.value == 50
    assert scores.persons == 40


def test_a_report_against_itself_and_against_a_better_one():
    first = some_report(1)
    same = compare_reports(first, first)
    assert same.rank1.difference.value == 0
    assert (same.rank1.difference.interval.low, same.rank1.difference.interval.high) == (0, 0)
    assert not same.rank1.decided
    assert same.rank1.second_better == 0.5
    assert "could be chance" in str(same)
    assert "fewer than 30 persons" in str(same)
    best = report([1] * 30, [1.0] * 30, first.query_persons)
    better = compare_reports(first, best)
    assert better.mean_average_precision.decided
    assert better.mean_average_precision.second_better == 1
    assert json.loads(better.to_json())["persons"] == 12


def test_only_common_queries_count():
    first = report([1, 5, 1], [1, 0.2, 1], ["a", "b", "c"], rows=[0, 1, 2])
    second = report([5, 1, 1], [0.2, 1, 1], ["b", "c", "d"], rows=[1, 2, 3])
    comparison = compare_reports(first, second)
    assert (comparison.queries, comparison.left_out, comparison.persons) == (2, 2, 2)
    assert comparison.rank1.difference.value == 0
    assert "2 scored by one report only" in str(comparison)


def test_reports_of_other_queries_are_refused():
    first = report([1, 5], [1, 0.2], ["a", "b"])
    with pytest.raises(ValueError, match="not of the same queries"):
        compare_reports(first, report([1, 5], [1, 0.2], ["b", "a"]))
    with pytest.raises(ValueError, match="not of the same queries"):
        compare_reports(first, report([1, 5], [1, 0.2], ["a", "b"], rows=[5, 6]))
    with pytest.raises(ValueError, match="the second report does not say whose"):
        compare_reports(first, report([1, 5], [1, 0.2], []))
    with pytest.raises(ValueError, match="the first report was made with ties='mean'"):
        compare_reports(dataclasses.replace(first, ties="mean"), first)
    for name, value in (
        ("gallery", 11),
        ("camera_rule", False),
        ("average_precision", "trapezoid"),
    ):
        with pytest.raises(ValueError, match=f"not of one test: {name} is "):
            compare_reports(first, dataclasses.replace(first, **{name: value}))
    with pytest.raises(ValueError, match="level must be between"):
        percentile_interval([1, 2], 95)
    with pytest.raises(ValueError, match="needs persons and replicates"):
        person_counts(0, 5, 0)


def test_several_runs_as_a_literal_bootstrap():
    """Persons are drawn once for all runs, and runs within each system."""
    first = [some_report(seed) for seed in (1, 2, 3)]
    second = [some_report(seed, better=0.15) for seed in (4, 5)]
    found = compare_repeated(first, second, replicates=4000)
    assert found.runs == (3, 2)
    names = first[0].query_persons
    persons = np.unique(names)
    random, literal = np.random.default_rng(77), []
    for _ in range(4000):
        drawn = random.choice(persons, len(persons))
        rows = np.concatenate([np.flatnonzero(names == name) for name in drawn])
        means = [
            np.mean([system[run].average_precisions[rows].mean() for run in runs])
            for system, runs in (
                (first, random.integers(0, 3, 3)),
                (second, random.integers(0, 2, 2)),
            )
        ]
        literal.append(100 * (means[1] - means[0]))
    interval = found.mean_average_precision.difference.interval
    low, high = np.quantile(literal, [0.025, 0.975])
    assert abs(interval.low - low) < 0.5
    assert abs(interval.high - high) < 0.5
    scores = [
        100 * np.mean([r.average_precisions.mean() for r in part]) for part in (first, second)
    ]
    assert found.mean_average_precision.first == pytest.approx(scores[0])
    assert found.mean_average_precision.difference.value == pytest.approx(scores[1] - scores[0])


def test_runs_that_differ_widen_the_interval():
    """Two systems of equal mean whose runs scatter: one run each would claim a difference."""
    good, bad = some_report(1, better=0.4), some_report(1, better=-0.2)
    assert compare_reports(bad, good).rank1.decided
    assert not compare_repeated([bad, good], [good, bad]).rank1.decided
    with pytest.raises(ValueError, match="needs a report of each"):
        compare_repeated([], [good])


def test_reports_are_read_back(tmp_path):
    random = np.random.default_rng(0)
    persons = random.integers(0, 9, 60)
    vectors = random.normal(size=(9, 8))[persons] + random.normal(size=(60, 8))
    everybody = Embeddings(vectors, persons, random.integers(0, 3, 60), sources=["made"] * 60)
    made = evaluate(everybody[:20], everybody[20:])
    made = dataclasses.replace(
        made, notes=("a note",), camera_pairs=(CameraPair("made", 1, 2, 3, 4.0, 5.0),)
    )
    assert made.query_persons.tolist() == [f"made/{persons[row]}" for row in made.query_rows]
    path = tmp_path / "report.json"
    made.to_json(path)
    read = Report.from_json(path)
    for field in dataclasses.fields(Report):
        before, after = getattr(made, field.name), getattr(read, field.name)
        if isinstance(before, float) or getattr(before, "dtype", None) == np.float64:
            np.testing.assert_allclose(before, after, atol=0.006)
        elif isinstance(before, np.ndarray):
            assert np.array_equal(before, after), field.name
        else:
            assert before == after, field.name
    for text in ("{}", "[]", "no json", '{"per_query": 3}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="is not a report"):
            Report.from_json(path)
