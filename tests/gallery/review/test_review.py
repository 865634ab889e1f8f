"""Questions, answers, and the calibration that a gallery learns from them and from its footage."""

import json

import numpy as np
import pytest

from passerby.cli.reviewing import review
from passerby.evaluation.decisions.likelihood import cllr
from passerby.evaluation.decisions.pairs import Pairs, count_pairs
from passerby.gallery.gallery import Gallery
from passerby.gallery.pair_evidence import OTHER, SAME, camera_names, camera_pairs, pair_llrs
from passerby.gallery.review.asking import askable, questions
from passerby.gallery.review.footage import footage_pairs
from passerby.gallery.review.learning import footage_calibration, learn_from_answers
from passerby.gallery.review.pair_files import read_answers, write_questions
from passerby.gallery.reviewed_pairs import answer, record_answers, sightings_of
from passerby.gallery.stored_calibrations import calibration_of
from passerby.gallery.upkeep.checking import check_store
from passerby.gallery.upkeep.reliability import own_reliability
from passerby.stores.about import About
from passerby.tables.sightings import Sightings
from passerby.visual.svg.calibration_charts import write_reliability_chart

ABOUT = About("crowd", "plain", 12)


def name(number):
    return f"{number:032x}"


def owner(sighting):
    """Person of a sighting of `site`: two of three cameras saw each."""
    return int(sighting, 16) // 2


@pytest.fixture
def site(make_store, crowd):
    """Sixty persons whose names are not known, each seen by two cameras."""
    centres = np.repeat(crowd.persons(60), 2, axis=0)
    cameras = [f"cam {(person + side) % 3}" for person in range(60) for side in (0, 1)]
    return make_store(crowd.shots(centres, 0.2), cameras=cameras, about=ABOUT)


def judged(asked):
    return [
        answer(each.first.sighting, each.second.sighting, owner(each.first.sighting)
               == owner(each.second.sighting))
        for each in asked
    ]  # fmt: skip


def test_the_pairs_are_by_two_cameras_and_of_two_stays(site):
    pairs = askable(site)
    cameras = pairs.sightings.cameras
    assert (cameras[pairs.first] != cameras[pairs.second]).all()
    assert len(pairs.first) == sum(a != b for i, a in enumerate(cameras) for b in cameras[:i])
    within = askable(site, one_camera=True)
    assert (within.sightings.cameras[within.first] == within.sightings.cameras[within.second]).all()
    assert within.kind == "within a camera"


def test_no_pair_is_asked_about_twice(site):
    seen = set()
    for _ in range(4):
        asked = questions(site)
        record_answers(site, judged(asked))
        ends = [one.sighting for each in asked for one in (each.first, each.second)]
        assert len(set(ends)) == len(ends)
        pairs = {tuple(sorted((e.first.sighting, e.second.sighting))) for e in asked}
        assert not pairs & seen
        seen |= pairs
    assert len(site.about.answers) == 40


def test_answers_calibrate_the_gallery(site, crowd):
    for _ in range(6):
        record_answers(site, judged(questions(site)))
    learnt = learn_from_answers(site)
    made = calibration_of(site.about, "single")
    assert made is not None
    assert made == learnt.calibration
    assert made.pairs == "across cameras"
    assert made.llr_interval(0.3).low < float(made.llr(0.3)) < made.llr_interval(0.3).high
    # As good as little on further persons of this site allows.
    crowd.noise = 0.2
    counts = count_pairs(Pairs(crowd.labelled(100, cameras=2), kind="across cameras"))
    assert cllr(counts, made.curve) < 0.35
    assert "no calibration for pairs by one camera" in str(learnt)
    matches = Gallery(site).search(crowd.persons(1)[0], camera="cam 0")
    nearest = next(match for match in matches if match.llr is not None)
    assert nearest.llr_interval.low <= nearest.llr <= nearest.llr_interval.high
    shown = json.loads(matches.to_json())["matches"][nearest.rank - 1]
    assert len(shown["likelihood_ratio_interval"]) == 2
    assert "support for" in shown["support"]


def test_too_few_answers_change_nothing(site):
    record_answers(site, judged(questions(site, 4)))
    learnt = learn_from_answers(site)
    assert learnt.calibration is None
    assert "not calibrated yet" in str(learnt)
    assert not site.about.calibrations


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_questions_and_answers_go_through_files(site, tmp_path, ending):
    file = tmp_path / f"pairs.{ending}"
    asked = questions(site)
    write_questions(file, asked)
    text = file.read_text()
    assert read_answers(file, site, labelled=False) == ()
    if ending == "csv":
        lines = text.splitlines()
        assert lines[0].startswith("a,b,same")
        file.write_text("\n".join([lines[0], lines[1].replace(",,", ",yes,", 1)]))
    else:
        file.write_text(text.replace('"same": ""', '"same": "no"', 1))
    first = asked[0].first.sighting, asked[0].second.sighting
    assert read_answers(file, site, labelled=True) == (
        answer(*first, ending == "csv", labelled=True),
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a,b,same\nx,y,yes\n", "'x' is neither the id"),
        (f"a,b,same\n{name(0)},{name(1)},perhaps\n", "same must be yes, no"),
        (f"a,b\n{name(0)},{name(1)}\n", "same"),
    ],
)
def test_a_file_of_answers_is_checked(site, tmp_path, text, wrong):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=wrong):
        read_answers(tmp_path / "pairs.csv", site, labelled=True)
    (tmp_path / "pairs.json").write_text('{"pairs": 3}')
    with pytest.raises(ValueError, match=r"expected \{"):
        read_answers(tmp_path / "pairs.json", site, labelled=True)
    with pytest.raises(ValueError, match=r"ends in \.csv or \.json"):
        read_answers(tmp_path / "pairs.txt", site, labelled=True)


def test_labelled_pairs_are_fitted_as_such(site):
    random = np.random.default_rng(0)
    same = [answer(name(2 * p), name(2 * p + 1), True, labelled=True) for p in range(20)]
    others = random.permutation(60)
    two = [
        answer(name(2 * a), name(2 * b + 1), False, labelled=True)
        for a, b in zip(others[:30].tolist(), others[30:].tolist(), strict=True)
    ]
    record_answers(site, [*same, *two])
    made = learn_from_answers(site).calibration
    assert (made.quality.fitting.same, made.quality.fitting.different) >= (20, 15)
    assert made.quality.cllr < 0.5


def footage(crowd):
    """Twelve tracklets of three sightings by one camera, two at a time."""
    centres = np.repeat(crowd.persons(12), 3, axis=0)
    start = np.datetime64("2026-05-01T08:00:00", "us")
    seconds = [60 * (p // 2) + s for p in range(12) for s in range(3)]
    return {
        "vectors": crowd.shots(centres, 0.1),
        "cameras": ["door"] * 36,
        "tracklets": np.repeat(np.arange(12), 3),
        "times": [start + np.timedelta64(s, "s") for s in seconds],
    }


def test_footage_says_who_is_one_and_who_are_two(crowd):
    columns = footage(crowd)
    seen = Sightings([name(n) for n in range(36)], columns.pop("vectors"), **columns)
    pairs = footage_pairs(seen)
    assert pairs.same.sum() == 12
    assert (~pairs.same).sum() == 6
    one, two = seen.tracklets[pairs.first], seen.tracklets[pairs.second]
    assert (one[pairs.same] == two[pairs.same]).all()
    assert (one[~pairs.same] // 2 == two[~pairs.same] // 2).all()
    assert (one[~pairs.same] != two[~pairs.same]).all()


def test_footage_calibrates_pairs_of_its_camera(make_store, crowd):
    columns = footage(crowd)
    store = make_store(columns.pop("vectors"), about=ABOUT, **columns)
    made = footage_calibration(store)
    assert made.pairs == "within a camera"
    assert float(made.llr(0.05)) > 0 > float(made.llr(0.9))
    assert "flatters those who come back" in made.warnings[0]
    assert footage_calibration(make_store(crowd.shots(crowd.persons(3)), about=ABOUT)) is None


def test_ten_questions_in_the_terminal(site, tmp_path, capsys):
    gallery, page = Gallery(site), tmp_path / "review.html"
    said = iter(["x", "s", "u", *"sdsdcsdsd", "d", "y", "s", "q"])
    pages = []

    def ask(text):
        pages.append(page.read_text())
        return next(said)

    assert review(gallery, page, ask=ask) == 11
    assert len(site.about.answers) == 11
    assert [each.same for each in site.about.answers].count(None) == 1
    assert "One person or two?" in pages[0]
    assert "no picture is stored" in pages[0]
    assert not page.exists()
    assert "expected to cost" in capsys.readouterr().out


def test_without_a_terminal_files_are_named(site, tmp_path):
    with pytest.raises(ValueError, match="--questions FILE"):
        review(Gallery(site), tmp_path / "review.html")


def test_the_command_asks_and_learns(passerby_command, gallery, memory_place, crowd, tmp_path):
    width = gallery.about.dimensions
    vectors = np.random.default_rng(0).normal(size=(40, width))
    vectors = vectors[np.arange(80) // 2] + 0.3 * np.random.default_rng(1).normal(size=(80, width))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [name(n) for n in range(80)]
    gallery.store.write(Sightings(ids, vectors, cameras=["in", "out"] * 40))
    file = tmp_path / "pairs.csv"
    done = passerby_command(
        "gallery", "calibrate", memory_place, "--questions", file, "--count", 30
    )
    assert (done.code, "30 pairs in" in done.out) == (0, True), done.err
    rows = [line.split(",") for line in file.read_text().splitlines()]
    for row in rows[1:]:
        row[2] = "yes" if owner(row[0]) == owner(row[1]) else "no"
    file.write_text("\n".join(",".join(row) for row in rows))
    done = passerby_command("gallery", "calibrate", memory_place, "--answers", file)
    assert (done.code, "line towards the prior calibration of" in done.out) == (0, True), done.out
    both = ("--answers", file, "--pairs", file)
    done = passerby_command("gallery", "calibrate", memory_place, *both)
    assert (done.code, "--answers and --pairs contradict" in done.err) == (2, True)


def test_a_check_judges_the_probabilities_by_names_or_by_answers(site, tmp_path):
    assert own_reliability(site) is None
    for _ in range(4):
        record_answers(site, judged(questions(site)))
    learn_from_answers(site)
    by_answers = own_reliability(site)
    assert "40 answers" in str(by_answers)
    ids = [name(n) for n in range(120)]
    site.name_persons(ids, [f"p{n // 2}" for n in range(120)])
    found = check_store(site).reliability
    assert "60 pairs of one known person" in str(found)
    assert found.least <= found.cost < 0.4
    # What the diagram says, by hand: shares of one person among pairs of equal probability.
    made, seen = calibration_of(site.about, "single"), sightings_of(site, ids)
    distances = np.maximum(1 - seen.vectors @ seen.vectors.T, 0)
    one, two = np.triu_indices(120, 1)
    across = seen.cameras[one] != seen.cameras[two]
    one, two = one[across], two[across]
    same = seen.persons[one] == seen.persons[two]
    given = made.probability(distances[one, two])
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    for part in found.parts:
        rows = (given >= part.low) & ((given < part.high) | (part.high == 1))
        assert part.mass == pytest.approx(weights[rows].sum(), abs=0.01)
        assert part.observed == pytest.approx(
            weights[rows & same].sum() / weights[rows].sum(), abs=0.1
        )
    drawn = write_reliability_chart(found.parts, tmp_path / "own.svg", name="this gallery")
    assert "Reliability" in drawn.read_text()


def test_two_cameras_learn_their_own_from_answers_and_a_check_says_so(make_store, crowd):
    """Two cameras in the dark: all their pairs are farther apart than those of the others."""
    persons = np.repeat(crowd.persons(120), 2, axis=0)
    pairs = [("in", "out"), ("in", "dark"), ("out", "dark")]
    cameras = [camera for number in range(120) for camera in pairs[number % 3]]
    noise = np.array([0.35 if camera == "dark" else 0.1 for camera in cameras])[:, None]
    store = make_store(
        crowd.shots(persons, noise), cameras=cameras, sources=["s"] * 240, about=ABOUT
    )
    random = np.random.default_rng(0)
    said = [answer(name(2 * p), name(2 * p + 1), True, labelled=True) for p in range(120)]
    for one, other in random.permutation(240)[:240].reshape(-1, 2).tolist():
        if cameras[one] != cameras[other] and one // 2 != other // 2:
            said.append(answer(name(one), name(other), False, labelled=True))
    record_answers(store, said)
    made = learn_from_answers(store).calibration
    assert made.between
    assert made == calibration_of(store.about, "single")  # it is stored with the gallery
    for own in made.between:
        rows = own.quality.fitting
        assert rows.same + rows.different < len(said)
    assert any("s/in and s/out by their own" in line for line in check_store(store).judges)
    store.name_persons([name(n) for n in range(240)], [f"p{n // 2}" for n in range(240)])
    judged = own_reliability(store)
    seen = sightings_of(store, [name(n) for n in range(240)])
    kinds = np.where(seen.cameras[:, None] == seen.cameras, SAME, OTHER)
    names = camera_names(seen)
    rows, columns = np.triu_indices(240, 1)
    llrs = np.stack([
        pair_llrs(made, np.maximum(1 - seen.vectors @ seen.vectors[row], 0), kinds[row],
                  camera_pairs(made, names[row], names, kinds[row]))
        for row in range(240)
    ])[rows, columns]  # fmt: skip
    across = seen.cameras[rows] != seen.cameras[columns]
    same = (rows // 2 == columns // 2)[across]
    llrs = llrs[across]
    cost = np.logaddexp(0, -llrs[same]).mean() + np.logaddexp(0, llrs[~same]).mean()
    assert judged.cost == pytest.approx(cost / 2 / np.log(2), abs=0.01)
