"""Cross-entropy with label smoothing against a loop."""

import math
from types import SimpleNamespace

import pytest
import torch

from passerby.losses.cross_entropy import CrossEntropy
from passerby.registry import LOSSES


def slowly(logits, persons, smoothing):
    total = 0.0
    for row, person in zip(logits.tolist(), persons.tolist(), strict=True):
        largest = max(row)
        log_sum = largest + math.log(sum(math.exp(value - largest) for value in row))
        for c, value in enumerate(row):
            target = smoothing / len(row) + (1 - smoothing if c == person else 0.0)
            total -= target * (value - log_sum)
    return total / len(logits)


def features_of(*logits, seen=None):
    def part(values):
        def with_labels(persons):
            if seen is not None:
                seen.append(persons)
            return values

        return SimpleNamespace(logits=with_labels)

    return SimpleNamespace(parts=tuple(map(part, logits)))


@pytest.fixture
def case():
    torch.manual_seed(1)
    return torch.randn(6, 4) * 20, torch.tensor([0, 3, 3, 1, 2, 0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_against_a_loop(smoothing, case):
    logits, persons = case
    loss = CrossEntropy(smoothing)(features_of(logits), SimpleNamespace(persons=persons))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(slowly(logits, persons, smoothing), rel=1e-5)


def test_parts_are_averaged_and_get_the_labels(case):
    logits, persons = case
    seen = []
    batch = SimpleNamespace(persons=persons)
    loss = CrossEntropy()(features_of(logits, 2 * logits, seen=seen), batch)
    expected = (slowly(logits, persons, 0) + slowly(2 * logits, persons, 0)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert all(labels is persons for labels in seen)


def test_half_precision_logits_are_summed_in_float32(case):
    logits, persons = case
    batch = SimpleNamespace(persons=persons)
    loss = CrossEntropy()(features_of(logits.bfloat16()), batch)
    assert loss.dtype == torch.float32
    assert loss == CrossEntropy()(features_of(logits.bfloat16().float()), batch)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 2.0])
def test_smoothing_outside_its_range_is_refused(smoothing):
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\)"):
        LOSSES.build(f"cross_entropy(label_smoothing={smoothing})")
