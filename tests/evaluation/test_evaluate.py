"""evaluate() against a brute-force reference: everything sorted, everything looped over."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import passerby
from passerby.evaluation.evaluate import evaluate, evaluate_camera_pairs
from passerby.evaluation.ranking.distances import Distances, VectorDistances
from passerby.tables.embeddings import Embeddings


class Table(Distances):
    """Distances written down."""

    def __init__(self, table):
        self._table = np.array(table, np.float32)
        self.shape = self._table.shape

    def block(self, rows):
        return self._table[rows].copy()


def reference(table, query, gallery, camera_rule, top):
    """CMC, mAP and mINP in percent with the first ranks by query, literally."""
    firsts, precisions, penalties = {}, [], []
    named = query.sources is not None and gallery.sources is not None
    for q in range(len(query)):
        ranked = []
        for g in sorted(range(len(gallery)), key=lambda g: (table[q][g], g)):
            same = query.persons[q] == gallery.persons[g]
            if named and query.sources[q] != gallery.sources[g]:
                same = False
            if gallery.persons[g] == -1:
                continue
            if camera_rule and same and query.cameras[q] == gallery.cameras[g]:
                continue
            ranked.append(bool(same))
        if query.persons[q] == -1 or True not in ranked:
            continue
        ranks = [place for place, match in enumerate(ranked, 1) if match]
        firsts[q] = ranks[0]
        precisions.append(sum((i + 1) / rank for i, rank in enumerate(ranks)) / len(ranks))
        penalties.append(len(ranks) / ranks[-1])
    if not firsts:
        return None
    count = len(firsts)
    cmc = [100 * sum(f <= k for f in firsts.values()) / count for k in range(1, top + 1)]
    return cmc, 100 * sum(precisions) / count, 100 * sum(penalties) / count, firsts


def assert_as_reference(report, table, query, gallery, *, camera_rule=True, top=50):
    cmc, mean_average_precision, minp, firsts = reference(table, query, gallery, camera_rule, top)
    np.testing.assert_allclose(report.cmc, cmc, atol=1e-6)
    assert report.mean_average_precision == pytest.approx(mean_average_precision, abs=1e-6)
    assert report.minp == pytest.approx(minp, abs=1e-6)
    assert dict(zip(report.query_rows.tolist(), report.first_ranks.tolist(), strict=True)) == firsts
    assert report.queries == len(firsts)
    assert report.left_out == len(query) - len(firsts)
    assert report.gallery == np.count_nonzero(gallery.persons != -1)
    for k in (1, 5, 10):
        share = 100 * sum(f <= k for f in firsts.values()) / len(firsts)
        assert report.rank(k) == pytest.approx(share, abs=1e-6)


@st.composite
def cases(draw):
    """A small query and gallery: few persons (some junk), cameras and sources, tied distances."""
    queries, images = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    with_sources = draw(st.booleans())

    def part(count):
        def column(values):
            return draw(st.lists(values, min_size=count, max_size=count))

        return Embeddings(
            np.ones((count, 1)),
            column(st.integers(-1, 3)),
            column(st.integers(1, 3)),
            sources=column(st.sampled_from("ab")) if with_sources else None,
        )

    row = st.lists(st.integers(0, 6).map(lambda n: n / 8), min_size=images, max_size=images)
    table = draw(st.lists(row, min_size=queries, max_size=queries))
    return (
        table,
        part(queries),
        part(images),
        draw(st.booleans()),
        draw(st.sampled_from([1, 3, 50])),
    )


@given(cases())
def test_small_cases_against_brute_force(case):
    table, query, gallery, camera_rule, top = case

    def scored():
        return evaluate(query, gallery, camera_rule=camera_rule, top=top, distances=Table(table))

    if reference(table, query, gallery, camera_rule, top) is None:
        with pytest.raises(ValueError, match="no query has a match in the gallery"):
            scored()
    else:
        assert_as_reference(scored(), table, query, gallery, camera_rule=camera_rule, top=top)


def people(*, seed, queries=40, images=300, persons=12, cameras=4):
    """Vectors around one centre a person, with junk and distractors in the gallery."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(persons + 40, 6))

    def part(count, numbers):
        return Embeddings(
            centres[numbers] + rng.normal(size=(count, 6)),
            numbers,
            rng.integers(1, cameras + 1, count),
        )

    numbers = rng.integers(0, persons + 40, images)
    numbers[rng.random(images) < 0.2] = -1
    return part(queries, rng.integers(0, persons, queries)), part(images, numbers)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("camera_rule", [True, False])
@pytest.mark.parametrize("queries", [40, 300])
def test_vectors_against_brute_force(metric, camera_rule, queries):
    query, gallery = people(seed=queries, queries=queries)
    report = evaluate(query, gallery, metric, camera_rule)
    distances = VectorDistances(query.vectors, gallery.vectors, metric)
    table = distances.block(slice(0, queries))
    assert_as_reference(report, table, query, gallery, camera_rule=camera_rule)
    assert report.metric == metric
    assert report.camera_rule is camera_rule
    assert (np.diff(report.cmc) >= 0).all()
    assert report.cmc[0] == report.rank1
    assert report.cmc[4] == report.rank5
    assert report.cmc[9] == report.rank10


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_copies_in_the_gallery_are_ranked_in_gallery_order(metric):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 5)).astype(np.float32)[rng.integers(0, 30, 200)]
    query = Embeddings(rng.normal(size=(20, 5)), np.arange(20) % 4, np.zeros(20, int))
    gallery = Embeddings(vectors, rng.integers(0, 4, 200), np.ones(200, int))
    # The table in float64, in which copies are equal and others far apart.
    q, g = query.vectors.astype(float), vectors.astype(float)
    if metric == "cosine":
        q, g = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (q, g))
    table = [[float(((a - b) ** 2).sum()) for b in g] for a in q]
    assert_as_reference(evaluate(query, gallery, metric), table, query, gallery)


def large_case():
    """Vectors in which some are copies and many nearly so, so that a last bit changes ranks."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(9, 33))
    persons = rng.integers(-1, 9, 1500)
    vectors = (centres[persons] + rng.integers(0, 3, (1500, 1)) * 1e-6).astype(np.float32)
    cameras = rng.integers(1, 4, 1500)
    gallery = Embeddings(vectors, rng.permutation(persons), cameras)
    query = Embeddings(vectors[:300] + np.float32(1e-3), persons[:300], cameras[:300] + 5)
    return query, gallery


def fields_of(report):
    return {name: np.asarray(value).tolist() for name, value in vars(report).items()}


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_same_report_for_all_block_sizes_and_threads(metric):
    query, gallery = large_case()
    before = torch.get_num_threads()
    reports = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            for block in (None, 1, 7, 256, len(query)):
                reports.append(evaluate(query, gallery, metric, block=block))
    finally:
        torch.set_num_threads(before)
    assert reports[0].tied_queries > 0
    for report in reports[1:]:
        assert fields_of(report) == fields_of(reports[0])


@pytest.mark.parametrize("ties", ["stable", "mean", "worst"])
def test_a_collapsed_network_shows(ties):
    query, gallery = people(seed=9)
    same = np.ones(3)

    def collapsed(part):
        return Embeddings(np.tile(same, (len(part), 1)), part.persons, part.cameras)

    report = evaluate(collapsed(query), collapsed(gallery), ties=ties)
    assert report.tied_queries == report.queries
    assert report.ties == ties
    assert report.tie_spread > 95
    assert f"{report.queries} queries have ties" in str(report)
    assert json.loads(report.to_json())["tied_queries"] == report.queries
    ranked = np.count_nonzero(gallery.persons != -1)
    if ties == "worst":
        assert report.rank1 == 0
        assert (report.first_ranks > 0.8 * ranked).all()
    if ties == "mean":
        # Chance level: of the ranked images, 5 in a hundred are of the query's person.
        assert 1 < report.rank1 < 12
        assert report.rank(10) == report.cmc[9]
        assert report.rank(10**6) == 100


def test_separate_vectors_have_no_ties():
    query, gallery = people(seed=10)
    reports = [evaluate(query, gallery, ties=ties) for ties in ("stable", "mean", "worst")]
    assert reports[0].tied_queries == reports[0].tie_spread == 0
    for report in reports[1:]:
        expected = fields_of(reports[0]) | {"ties": report.ties}
        assert fields_of(report) == expected
    assert "ties" not in str(reports[0])


def test_trapezoid_is_the_rule_of_market_1501():
    query = Embeddings(np.ones((1, 1)), [1], [1])
    gallery = Embeddings(np.ones((4, 1)), [1, 2, 1, 3], [2, 2, 3, 3])
    table = Table([[0.1, 0.2, 0.3, 0.4]])
    plain = evaluate(query, gallery, distances=table)
    trapezoid = evaluate(query, gallery, distances=table, average_precision="trapezoid")
    assert plain.mean_average_precision == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert trapezoid.mean_average_precision == pytest.approx(
        100 * ((1 + 1) / 2 + (1 / 2 + 2 / 3) / 2) / 2
    )
    assert "AP by trapezoid" in str(trapezoid)


@pytest.mark.parametrize("block", [None, 7])
def test_progress(block, steps):
    query, gallery = people(seed=11)
    evaluate(query, gallery, block=block)
    assert steps[-1] == (40, 40)
    assert [done for done, _ in steps] == ([40] if block is None else [*range(7, 40, 7), 40])


def test_memory_mapped_vectors(tmp_path):
    """A gallery larger than memory may be mapped from its file, read-only."""
    query, gallery = people(seed=12)
    np.save(tmp_path / "gallery.npy", gallery.vectors)
    mapped = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    report = evaluate(query, Embeddings(mapped, gallery.persons, gallery.cameras))
    assert fields_of(report) == fields_of(evaluate(query, gallery))


def test_tensors_and_devices():
    query, gallery = people(seed=13)
    for kind in (torch.float32, torch.float64):
        tensors = [
            Embeddings(
                torch.from_numpy(part.vectors).to(kind).requires_grad_(),
                torch.from_numpy(part.persons),
                torch.from_numpy(part.cameras),
            )
            for part in (query, gallery)
        ]
        report = evaluate(*tensors, device="cpu")
        assert fields_of(report) == fields_of(evaluate(query, gallery))
    # On a GPU, products are added up in another order.
    if torch.cuda.is_available():
        report = evaluate(query, gallery, device="cuda")
        assert report.mean_average_precision == pytest.approx(
            evaluate(query, gallery).mean_average_precision, abs=0.1
        )


def test_one_camera_is_named():
    query, gallery = people(seed=14, cameras=1)
    with pytest.raises(ValueError, match=r"all images are by camera 1 \(camera_rule=False"):
        evaluate(query, gallery)
    assert evaluate(query, gallery, camera_rule=False).rank1 > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0}, "top and block must be at least 1, got top=0"),
        ({"block": 0}, "top and block must be at least 1, got top=50 and block=0"),
        ({"ties": "best"}, "ties must be 'stable', 'mean' or 'worst', got 'best'"),
        ({"average_precision": "area"}, "average_precision must be 'mean' or 'trapezoid'"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(*people(seed=15), **options)


def test_by_hand():
    query = Embeddings(np.ones((3, 1)), [1, 2, 9], [1, 1, 1])
    gallery = Embeddings(np.ones((6, 1)), [1, -1, 1, 0, 2, 1], [1, 2, 2, 3, 2, 3])
    table = [
        [0.0, 0.1, 0.3, 0.2, 0.5, 0.3],  # the first is of the same camera, the second junk
        [0.0, 0.0, 0.1, 0.1, 0.1, 0.2],  # two ties before the match
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],  # nobody
    ]
    report = evaluate(query, gallery, distances=Table(table))
    assert report.first_ranks.tolist() == [2, 4]
    assert report.query_rows.tolist() == [0, 1]
    assert (report.rank1, report.rank(2), report.rank(3), report.rank5) == (0, 50, 50, 100)
    np.testing.assert_allclose(report.average_precisions, [(1 / 2 + 2 / 3) / 2, 1 / 4])
    assert report.minp == pytest.approx(100 * (2 / 3 + 1 / 4) / 2)
    assert (report.queries, report.left_out, report.gallery) == (2, 1, 5)
    assert report.metric == "Table"


def test_a_gallery_smaller_than_top_is_fine():
    query, gallery = people(seed=1, images=30)
    report = evaluate(query, gallery, top=50)
    assert report.cmc.shape == (50,)
    assert report.cmc[-1] == 100


def test_without_cameras_the_rule_must_be_switched_off():
    query, gallery = people(seed=2)
    no_cameras = Embeddings(gallery.vectors, gallery.persons)
    for parts in ((query, no_cameras), (no_cameras, gallery), (no_cameras, no_cameras)):
        with pytest.raises(ValueError, match=r"has no camera numbers.*camera_rule=False"):
            evaluate(*parts)
    report = evaluate(Embeddings(query.vectors, query.persons), no_cameras, camera_rule=False)
    assert report.rank1 == evaluate(query, gallery, camera_rule=False).rank1
    assert "camera rule off" in str(report)


def test_equal_numbers_of_different_sources_are_different_persons():
    vectors = np.eye(3)
    query = Embeddings(vectors[:1], [5], [1], sources=["a"])
    gallery = Embeddings(vectors, [5, 5, 5], [2, 2, 1], sources=["b", "a", "b"])
    report = evaluate(query, gallery)
    assert report.first_ranks.tolist() == [2]
    assert report.minp == 50
    # Where one side does not say, numbers count.
    plain = Embeddings(vectors, [5, 5, 5], [2, 2, 1])
    assert evaluate(query, plain).first_ranks.tolist() == [1]


def test_the_order_of_the_gallery_does_not_count_without_ties():
    query, gallery = people(seed=3)
    order = np.random.default_rng(0).permutation(len(gallery))
    before, after = evaluate(query, gallery), evaluate(query, gallery[order])
    assert before.mean_average_precision == pytest.approx(after.mean_average_precision, abs=0.05)


def test_what_cannot_be_evaluated_is_refused():
    query, gallery = people(seed=4)
    none = query[[]]
    with pytest.raises(ValueError, match="the query is empty"):
        evaluate(none, gallery)
    with pytest.raises(ValueError, match="the gallery is empty"):
        evaluate(query, none)
    with pytest.raises(ValueError, match="query vectors have 6 dimensions and gallery vectors 5"):
        evaluate(query, Embeddings(gallery.vectors[:, :5], gallery.persons, gallery.cameras))
    with pytest.raises(ValueError, match=r"distances are \(2, 3\) for 40 queries and 300 images"):
        evaluate(query, gallery, distances=Table(np.zeros((2, 3))))
    strangers = Embeddings(query.vectors, query.persons + 1000, query.cameras)
    with pytest.raises(ValueError, match=r"no query has a match .*camera_rule=False"):
        evaluate(strangers, gallery)
    junk = Embeddings(query.vectors, np.full(40, -1), query.cameras)
    with pytest.raises(ValueError, match="no query has a match"):
        evaluate(junk, gallery, camera_rule=False)


def test_ranks_start_at_one():
    report = evaluate(*people(seed=5))
    with pytest.raises(ValueError, match="ranks start at 1, got 0"):
        report.rank(0)
    assert report.rank(10**6) == 100


def test_json(tmp_path):
    report = evaluate(*people(seed=6))
    path = tmp_path / "report.json"
    text = report.to_json(path)
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert json.loads(Path(path).read_text(encoding="utf-8")) == content
    for name in ("rank1", "rank5", "rank10", "mean_average_precision", "minp"):
        assert content[name] == round(getattr(report, name), 2)
    assert content["queries"] == report.queries == len(content["per_query"]["row"])
    assert content["left_out"] == report.left_out
    assert content["gallery"] == report.gallery
    assert content["metric"] == "cosine"
    assert content["camera_rule"] is True
    assert content["camera_pairs"] == []
    np.testing.assert_allclose(content["cmc"], report.cmc, atol=1e-4)
    assert content["per_query"]["first_rank"] == report.first_ranks.tolist()
    assert f"mAP {report.mean_average_precision:.2f}" in str(report)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("named", ["both", "query", "none"])
def test_camera_pairs_are_evaluations_of_filtered_parts(metric, named):
    query, gallery = people(seed=7, cameras=3)

    def with_sources(part):
        sources = np.array(["x", "y"])[part.persons % 2]
        return Embeddings(part.vectors, part.persons, part.cameras, sources=sources)

    if named in ("both", "query"):
        query = with_sources(query)
    if named == "both":
        gallery = with_sources(gallery)
    pairs = evaluate_camera_pairs(query, gallery, metric)
    expected = []
    for source in ["x", "y"] if named == "both" else [""]:
        for a in (1, 2, 3):
            for b in (1, 2, 3):
                asked, shown = query.cameras == a, gallery.cameras == b
                if source:
                    asked &= query.sources == source
                    shown &= gallery.sources == source
                common = set(query.persons[asked]) & set(gallery.persons[shown]) - {-1}
                if a != b and common:
                    report = evaluate(query[asked], gallery[shown], metric)
                    scores = (report.queries, report.rank1, report.mean_average_precision)
                    expected.append((source, a, b, *scores))
    assert [tuple(vars(pair).values()) for pair in pairs] == expected
    assert len(expected) >= 6


def test_camera_pairs_need_cameras():
    query, gallery = people(seed=8)
    with pytest.raises(ValueError, match="camera pairs need camera numbers"):
        evaluate_camera_pairs(query, Embeddings(gallery.vectors, gallery.persons))


def same_pictures(copies: int, **columns):
    """Query and gallery of 30 persons; the gallery holds ``copies`` of the queries themselves."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(60, 8))
    persons, cameras = np.arange(60) % 30, np.zeros(60, int)
    query = Embeddings(vectors[:30], persons[:30], cameras[:30])
    kept = np.concatenate([np.arange(30, 60), np.arange(copies)])
    noise = 1 + 1e-7 * random.normal(size=(len(kept), 8))  # as of another batch
    return query, Embeddings(vectors[kept] * noise, persons[kept], cameras[kept])


@pytest.mark.parametrize("copies", [0, 12, 30])
def test_queries_that_stand_in_their_own_gallery_are_counted_and_said(copies, tmp_path):
    query, gallery = same_pictures(copies)
    for distances in (None, passerby.rerank(query, gallery, k1=3, k2=1)):
        report = evaluate(query, gallery, camera_rule=False, distances=distances)
        assert report.own_images == copies
        assert ("query images are in the gallery themselves" in str(report)) == (copies > 0)
        report.to_json(tmp_path / "report.json")
        assert type(report).from_json(tmp_path / "report.json").own_images == copies


def test_the_camera_rule_ignores_a_query_in_its_own_gallery():
    query, gallery = same_pictures(30)
    elsewhere = Embeddings(gallery.vectors, gallery.persons, 1 - np.arange(60) // 30)
    assert evaluate(query, elsewhere).own_images == 0
    mislabelled = Embeddings(gallery.vectors, gallery.persons, np.ones(60, int))
    assert evaluate(query, mislabelled).own_images == 30


def test_equal_files_are_one_picture_whatever_their_vectors():
    query, gallery = same_pictures(0)
    names = [f"{number:032x}" for number in range(30)]
    query = dataclasses.replace(query, hashes=names)
    gallery = dataclasses.replace(gallery, hashes=[*names[:7], *([""] * 23)])
    assert evaluate(query, gallery, camera_rule=False).own_images == 7
