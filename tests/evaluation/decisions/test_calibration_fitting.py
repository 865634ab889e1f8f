"""Calibrations of people whose likelihood ratio is known, and the warnings of their data."""

import dataclasses
import math

import numpy as np
import pytest

from passerby.evaluation.decisions.calibration_fitting import RATES, calibrate
from passerby.evaluation.decisions.judged.line import LINE
from passerby.evaluation.decisions.likelihood import Curve, cllr
from passerby.evaluation.decisions.pairs import Pairs, count_pairs
from passerby.evaluation.decisions.verification import verify
from passerby.tables.embeddings import Embeddings


def test_it_is_calibrated_on_further_persons(calibration, people):
    assert calibration.key == ("abc", "cosine", "plain")
    assert calibration.sources == ("made",)
    further = people(seed=1, persons=60)
    counts = count_pairs(Pairs(further, kind="across cameras"))
    given = calibration.probability(counts.middle)
    same, different = counts.same / counts.same.sum(), counts.different / counts.different.sum()
    for low, high in ((0, 0.2), (0.8, 1)):
        chosen = (given >= low) & (given <= high)
        observed = same[chosen].sum() / (same[chosen].sum() + different[chosen].sum())
        expected = (given * (same + different))[chosen].sum() / (same + different)[chosen].sum()
        assert observed == pytest.approx(expected, abs=0.05)
    assert (np.diff(calibration.llr(np.linspace(0, 2, 100))) <= 0).all()


def test_the_figures_are_of_cross_validation_over_all_persons(calibration):
    quality = calibration.quality
    assert quality.judged == "cross-validation"
    assert (quality.fitting.persons, quality.judging.persons) == (80, 80)
    # 80 persons, 3 cameras, 2 images: pairs across cameras only.
    assert quality.judging.same == 80 * 3 * 4
    assert quality.judging.different == 80 * 79 // 2 * 6 * 4
    assert quality.cllr == quality.costs[calibration.method]
    assert quality.cllr - min(quality.costs.values()) < 0.01
    assert set(quality.costs) == {"logistic", "isotonic", "bigaussian"}
    assert 0 <= quality.minimum_cllr <= quality.cllr < 0.3
    assert quality.cllr_interval.low < quality.cllr < quality.cllr_interval.high
    assert quality.calibration_error < 0.05
    assert sum(quality.histogram.same) == pytest.approx(1)
    assert sum(quality.histogram.different) == pytest.approx(1)
    assert sum(part.mass for part in quality.reliability) == pytest.approx(1)


def test_thresholds_keep_their_rate_on_further_persons(calibration, people):
    rates = [point.false_match_rate for point in calibration.points]
    assert rates == [rate for rate in RATES if rate * 75840 >= 1]
    point = calibration.point(1e-2)
    assert (point.false_match_rate, point.false_matches) == (1e-2, 758)
    assert point.threshold_interval.low <= point.threshold <= point.threshold_interval.high
    told = str(dataclasses.replace(calibration, false_match_rate=1e-2))
    assert f"at a false-match rate of 0.01: distance below {point.threshold:.4f} (" in told
    further = verify(people(seed=2, persons=150), cross_camera=True, rates=[1e-2]).points[0]
    spread = calibration.point(1e-2).threshold_interval
    assert spread.low - 0.05 < further.threshold < spread.high + 0.05


def site(seed=0, *, persons=140, cameras=2, stays=2, images=2, width=16):
    """Persons whose looks are partly their camera's, so that strangers by one are nearer."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(persons, width))
    light = 1.2 * random.normal(size=(cameras, width))
    numbers = np.repeat(np.arange(persons), cameras * stays * images)
    views = np.tile(np.repeat(np.arange(cameras), stays * images), persons)
    tracklets = np.repeat(np.arange(persons * cameras * stays), images)
    vectors = centres[numbers] + light[views]
    vectors += 0.5 * random.normal(size=(persons * cameras * stays, width))[tracklets]
    vectors += 0.1 * random.normal(size=vectors.shape)
    return Embeddings(vectors, numbers, views, tracklets=tracklets, model="abc")


def accepted_strangers(some, threshold, *, one_camera):
    """Share of the pairs of different persons by one camera, or by two, below a threshold."""
    unit = some.vectors / np.linalg.norm(some.vectors, axis=1, keepdims=True)
    kind = (some.cameras[:, None] == some.cameras) == one_camera
    strangers = kind & (some.persons[:, None] != some.persons)
    return ((1 - unit @ unit.T) < threshold)[strangers].mean()


def test_pairs_of_one_camera_have_a_calibration_of_their_own():
    found = calibrate(site(), replicates=5, false_match_rate=0.01)
    assert found.pairs == "across cameras"
    assert found.within.pairs == "within a camera"
    assert (found.for_pairs(False), found.for_pairs(True)) == (found, found.within)
    further = site(seed=3, persons=200)
    across, within = (found.for_pairs(kind).point(0.01).threshold for kind in (False, True))
    # The threshold of two cameras lets many more strangers through by one, its own does not.
    rate = accepted_strangers(further, across, one_camera=True)
    assert rate > 3 * accepted_strangers(further, across, one_camera=False)
    assert accepted_strangers(further, within, one_camera=True) < 0.02
    assert "for pairs within a camera" in str(found)


def test_images_of_one_tracklet_are_no_pairs_within_a_camera():
    found = calibrate(site(), replicates=2).within.quality.judging
    # Two cameras, two stays of two images: four pairs of images of two stays by each.
    assert (found.persons, found.same) == (140, 140 * 2 * 4)
    assert found.different == 140 * 139 // 2 * 2 * 4 * 4
    unnumbered = site()
    unnumbered = Embeddings(unnumbered.vectors, unnumbered.persons, unnumbered.cameras)
    flattered = calibrate(unnumbered, replicates=2).within
    assert flattered.quality.judging.same == 140 * 2 * 6
    assert any("tracklets are not numbered" in warning for warning in flattered.warnings)


def test_without_enough_of_them_pairs_of_one_camera_have_no_ratio():
    for few in (site(stays=1), site(persons=40)):
        found = calibrate(few, replicates=2)
        assert found.within is None
        assert found.for_pairs(True) is None
        assert any("no calibration for pairs of one camera" in w for w in found.warnings)


def test_crowded_distances_are_said(people):
    crowded = people()
    # A constant in front, as of a network that was fed another preprocessing.
    vectors = np.concatenate([crowded.vectors, np.full((len(crowded), 1), 20.0)], axis=1)
    shifted = Embeddings(vectors, crowded.persons, crowded.cameras)
    warnings = calibrate(shifted, replicates=5).warnings
    assert any("crowd near the top" in warning for warning in warnings)
    blind = calibrate(people(noise=20.0), "euclidean", replicates=5)
    assert any("hardly tells them apart" in warning for warning in blind.warnings)
    assert blind.quality.cllr == pytest.approx(1, abs=0.05)
    assert blind.quality.minimum_cllr <= 1


def test_persons_that_separate_have_a_finite_cost(people):
    clear = calibrate(people(noise=0.01), replicates=20)
    assert 0 <= clear.quality.minimum_cllr <= clear.quality.cllr < 0.05
    assert math.isfinite(clear.quality.cllr_interval.high)
    llrs = clear.llr([0.0, 2.0])
    assert np.isfinite(llrs).all()
    assert llrs[0] <= math.log(clear.quality.fitting.different + 1) + 1e-9


def test_without_cameras_all_pairs_count_and_it_is_said(people):
    bare = people()
    bare = Embeddings(bare.vectors, bare.persons)
    found = calibrate(bare, replicates=5)
    assert found.quality.judging.same == 80 * 15
    assert any("no camera numbers" in warning for warning in found.warnings)
    assert found.for_pairs(True) is found.for_pairs(False) is found


def test_what_cannot_be_calibrated_is_refused(people):
    everybody = people()
    with pytest.raises(ValueError, match="at least two persons to fit on"):
        calibrate(everybody[everybody.persons < 3])
    with pytest.raises(ValueError, match=r"no pair of the same person.*several cameras"):
        calibrate(everybody[everybody.cameras == 1])


def test_junk_is_left_out(calibration, people):
    everybody = people()
    vectors = np.concatenate([everybody.vectors, np.ones((5, 16))])
    persons = np.append(everybody.persons, np.full(5, -1))
    cameras = np.append(everybody.cameras, np.arange(5))
    mixed = Embeddings(vectors, persons, cameras, sources=["made"] * len(persons), model="abc")
    assert calibrate(mixed, replicates=50) == calibration


def test_pooled_queries_are_calibrated_apart(calibration, people):
    """Against a slow account of the pairs: pooled ones of a person and camera, by other cameras."""
    everybody = people(images=5)
    pooled = calibrate(everybody, images=3, replicates=2)
    assert pooled.key == ("abc", "cosine", "plain+mean of 2 to 3 images")
    judging = pooled.quality.judging
    assert judging.persons == 80
    # Five images are a group of 2 or 3 and the rest; one left over is not pooled. Each group is
    # compared with the ten images of its person by the two other cameras.
    groups = judging.same / 10
    assert 80 * 3 <= groups <= 80 * 3 * 2
    assert judging.different == groups * 79 * 10
    assert pooled.quality.cllr < calibrate(everybody, replicates=2).quality.cllr
    # A pooled query is nearer to strangers: single images' thresholds would let more of them in.
    further = people(seed=5, images=3)
    cameras = further.cameras
    asked = further[cameras == 0]
    vectors = asked.vectors / np.linalg.norm(asked.vectors, axis=1, keepdims=True)
    means = vectors.reshape(-1, 3, 16).mean(axis=1)
    query = Embeddings(means, asked.persons[::3], asked.cameras[::3], model="abc")
    counts = count_pairs(Pairs(query, further[cameras > 0], kind="across cameras"))
    same, different = counts.same / counts.same.sum(), counts.different / counts.different.sum()
    given = pooled.probability(counts.middle)
    for low, high in ((0, 0.2), (0.8, 1)):
        chosen = (given >= low) & (given <= high)
        observed = same[chosen].sum() / (same[chosen].sum() + different[chosen].sum())
        expected = (given * (same + different))[chosen].sum() / (same + different)[chosen].sum()
        assert observed == pytest.approx(expected, abs=0.05)


def test_what_cannot_be_pooled_is_refused(people):
    everybody = people()
    for images in (0, -1):
        with pytest.raises(ValueError, match="of two images or more"):
            calibrate(everybody, images=images)
    bare = Embeddings(everybody.vectors, everybody.persons)
    with pytest.raises(ValueError, match="pooled queries needs camera numbers"):
        calibrate(bare, images=3)
    with pytest.raises(ValueError, match="two images by one camera"):
        calibrate(people(images=1), images=3)


def test_few_persons_keep_the_line(people):
    # Steps fit few persons better by chance: in a quarter of such draws half of them chose steps.
    methods = [
        calibrate(people(seed, persons=16, noise=0.8), replicates=2).method for seed in range(4)
    ]
    assert methods == ["logistic"] * 4


def test_the_interval_of_the_ratio_holds_that_of_many_persons(people):
    truth = calibrate(people(9, persons=200, noise=0.8), replicates=2)
    inside = []
    for seed in range(5):
        few = calibrate(people(seed, persons=40, noise=0.8), replicates=40)
        for distance in (0.5, 0.7, 0.9):
            spread = few.llr_interval(distance)
            inside.append(spread.low <= float(truth.llr(distance)) <= spread.high)
            assert spread.low < spread.high
    assert np.mean(inside) >= 0.8


def test_few_persons_lean_on_a_calibration_from_elsewhere(people):
    truth = calibrate(people(9, persons=200, noise=0.8), replicates=2)
    elsewhere = Curve(truth.curve.distances, tuple(1.5 * llr for llr in truth.curve.llrs))
    further = count_pairs(Pairs(people(8, persons=120, noise=0.8), kind="across cameras"))
    leaning, alone = [], []
    for seed in range(4):
        few = people(seed, persons=6, noise=0.8)
        found = calibrate(few, replicates=2, prior=elsewhere)
        assert found.method == LINE
        leaning.append(cllr(further, found.curve))
        alone.append(cllr(further, calibrate(few, replicates=2).curve))
    assert np.mean(leaning) < np.mean(alone)
    many = calibrate(people(7, persons=120, noise=0.8), replicates=2, prior=elsewhere)
    assert cllr(further, many.curve) == pytest.approx(cllr(further, truth.curve), abs=0.03)
