"""The joint ratio of a group against the normal densities it stands for, written out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from passerby.evaluation.decisions.calibration import Histogram
from passerby.gallery.visitors.joint_likelihood import JointLikelihood, joint_likelihood


def log_density(vectors, covariance):
    """Of rows [n, m] whose columns are independent draws of a normal vector [n]."""
    directions = vectors.shape[1]
    inverse = np.linalg.inv(covariance)
    quadratic = sum(column @ inverse @ column for column in vectors.T)
    return -(directions * np.linalg.slogdet(2 * math.pi * covariance)[1] + quadratic) / 2


def log_ratio(vectors, r):
    """ln p(one person) − ln p(as many persons) of unit vectors [n, m]."""
    scaled = vectors * math.sqrt(vectors.shape[1])  # variance 1 in each direction
    one = np.full((len(vectors), len(vectors)), r) + (1 - r) * np.eye(len(vectors))
    return log_density(scaled, one) - log_density(scaled, np.eye(len(vectors)))


@pytest.mark.parametrize("r", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_group_has_the_ratio_of_the_normal_model(size, r):
    directions = 20
    random = np.random.default_rng(size)
    vectors = random.normal(size=(size, directions)) + random.normal(size=directions)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [log_ratio(vectors[[a, b]], r) for a in range(size) for b in range(a)]
    joint = JointLikelihood(r, -directions / 2 * math.log(1 - r * r))
    found = joint.weights(size)[size] * sum(pairs) + joint.offsets(size)[size]
    assert found == pytest.approx(log_ratio(vectors, r), abs=1e-9)


def test_weights_go_from_the_sum_over_pairs_to_their_mean():
    independent, alike = JointLikelihood(1e-6, 2.0), JointLikelihood(1 - 1e-9, 2.0)
    assert independent.weights(4) == pytest.approx([0, 0, 1, 1, 1], abs=1e-5)
    assert independent.offsets(4) == pytest.approx([0, 0, 0, 0, 0], abs=1e-4)
    assert alike.weights(4) == pytest.approx([0, 0, 1, 2 / 3, 1 / 2])
    assert list(alike.weights(0)) == [0]


def test_it_is_learnt_from_what_a_calibration_was_judged_by(crowd_calibration):
    curve = crowd_calibration.curve
    shares = Histogram((0.1, 0.3, 0.5, 0.7), (0.5, 0.5, 0.0), (0.0, 0.0, 1.0))
    quality = replace(crowd_calibration.quality, histogram=shares)
    found = joint_likelihood(replace(crowd_calibration, quality=quality))
    assert found.correlation == pytest.approx(1 - 0.3 / 0.6)
    assert found.mean_llr == pytest.approx((curve.llr(0.2) + curve.llr(0.4)) / 2)
    useless = Histogram((0.1, 0.3, 0.5), (0.5, 0.5), (0.5, 0.5))
    with pytest.raises(ValueError, match="tells nobody apart"):
        joint_likelihood(replace(crowd_calibration, quality=replace(quality, histogram=useless)))
    with pytest.raises(ValueError, match="between 0 and 1"):
        JointLikelihood(1.0, 2.0)
