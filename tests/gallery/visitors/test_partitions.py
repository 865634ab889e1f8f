"""The prior and the sampler against an enumeration of all partitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from passerby.gallery.visitors.joint_likelihood import JointLikelihood
from passerby.gallery.visitors.partition_prior import (
    CONCENTRATIONS,
    log_partitions,
    log_rising,
)
from passerby.gallery.visitors.partitions import APART, PartitionChain


def partitions(count):
    """Labels of every partition of so many passages."""
    if count == 0:
        yield []
        return
    for rest in partitions(count - 1):
        for label in range(max(rest, default=-1) + 2):
            yield [*rest, label]


def rising(concentration, size):
    return math.prod(concentration + n for n in range(size))


@pytest.mark.parametrize("concentration", [0.5, 3.0])
def test_partitions_are_summed_as_if_they_were_written_out(concentration):
    expected = np.zeros(7)
    for labels in partitions(6):
        sizes = np.bincount(labels)
        expected[len(sizes)] += math.prod(rising(concentration, size) for size in sizes)
    assert np.exp(log_partitions(6, concentration)) == pytest.approx(expected)
    assert np.exp(log_rising(concentration, 3)) == pytest.approx(
        [rising(concentration, size) for size in range(4)]
    )


def posterior(llrs, joint):
    """Of each number of persons [N + 1], every partition and concentration written out."""
    count = len(llrs)
    weights, offsets = joint.weights(count), joint.offsets(count)
    found = np.zeros(count + 1)
    for concentration in CONCENTRATIONS:
        prior = np.exp(log_partitions(count, concentration))
        for labels in map(np.array, partitions(count)):
            chance = 1 / prior[labels.max() + 1]
            for person in range(labels.max() + 1):
                own = np.flatnonzero(labels == person)
                within = llrs[np.ix_(own, own)].sum() / 2
                chance *= rising(concentration, len(own))
                chance *= math.exp(weights[len(own)] * within + offsets[len(own)])
            found[labels.max() + 1] += chance
    return found / found.sum()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_chain_has_the_posterior(seed):
    random = np.random.default_rng(seed)
    llrs = random.normal(0, 2, (6, 6)).astype(np.float32)
    llrs = llrs + llrs.T
    llrs[0, 1] = llrs[1, 0] = APART
    np.fill_diagonal(llrs, 0)
    joint = JointLikelihood(0.5, 2.0)
    priors = tuple(log_partitions(6, one) for one in CONCENTRATIONS)
    chain = PartitionChain(llrs, joint, priors, random)
    found = np.zeros(7)
    for _ in range(3_000):
        chain.sweep()
        found[chain.persons] += 1
        assert chain.labels[0] != chain.labels[1]
        assert sorted(set(chain.labels.tolist())) == list(range(chain.persons))
    assert found / found.sum() == pytest.approx(posterior(llrs, joint), abs=0.03)
    assert chain._sums[:, : chain.persons] == pytest.approx(
        np.stack([llrs[chain.labels == one].sum(axis=0) for one in range(chain.persons)], axis=1),
        abs=0.1,
    )


def test_the_same_seed_gives_the_same_chain():
    llrs = np.zeros((5, 5), np.float32)
    priors = tuple(log_partitions(5, one) for one in CONCENTRATIONS)
    labels = []
    for _ in range(2):
        chain = PartitionChain(llrs, JointLikelihood(0.5, 2.0), priors, np.random.default_rng(3))
        chain.sweep()
        labels.append(chain.labels.tolist())
    assert labels[0] == labels[1]
