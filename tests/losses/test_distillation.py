"""The losses of distillation against loops over images and pairs."""

from types import SimpleNamespace

import pytest
import torch

from passerby.losses.distil_distances import DistilDistances
from passerby.losses.distil_similarities import DistilSimilarities
from passerby.losses.distil_vectors import DistilVectors

ALL = [DistilVectors(6), DistilDistances(), DistilSimilarities()]


def features(vectors):
    return SimpleNamespace(embedding=vectors)


def batch(targets):
    return SimpleNamespace(targets=targets)


@pytest.fixture
def student():
    torch.manual_seed(5)
    return torch.randn(7, 4, dtype=torch.float64)


@pytest.fixture
def teacher():
    torch.manual_seed(6)
    return torch.randn(7, 6, dtype=torch.float64)


def test_vectors_against_a_loop(student, teacher):
    loss = DistilVectors(6)
    loss.prepare(features(student), 0)
    loss.double()
    terms = []
    for own, target in zip(student, teacher, strict=True):
        seen = loss.layer.weight.detach() @ own
        terms.append(1 - float(seen @ target / (seen.norm() * target.norm())))
    found = loss(features(student), batch(teacher))
    assert found.item() == pytest.approx(sum(terms) / 7, rel=1e-12)


def test_vectors_of_one_width_need_no_layer(teacher):
    loss = DistilVectors(6)
    loss.prepare(features(teacher), 0)
    assert list(loss.parameters()) == []
    assert loss(features(3 * teacher), batch(teacher)).item() == pytest.approx(0, abs=1e-12)


def test_a_width_of_zero_is_refused():
    with pytest.raises(ValueError, match="must be 1 or more, got 0"):
        DistilVectors(0)


def distances_slowly(vectors):
    units = [v / v.norm() for v in vectors]
    found = {(i, j): float((units[i] - units[j]).norm()) for i in range(7) for j in range(i)}
    mean = sum(found.values()) / len(found)  # the paper's μ, eq. 5
    return {pair: distance / mean for pair, distance in found.items()}


def test_distances_against_a_loop(student, teacher):
    own, targets = distances_slowly(student), distances_slowly(teacher)
    terms = []
    for pair, distance in own.items():
        gap = abs(distance - targets[pair])
        terms.append(gap**2 / 2 if gap <= 1 else gap - 1 / 2)
    found = DistilDistances()(features(student), batch(teacher))
    assert found.item() == pytest.approx(sum(terms) / len(terms), rel=1e-9)


def similarities_slowly(vectors):
    rows = []
    for one in vectors:
        row = torch.stack([one @ other for other in vectors])
        rows.append(row / row.norm())
    return rows


def test_similarities_against_a_loop(student, teacher):
    total = 0.0
    pairs = zip(similarities_slowly(student), similarities_slowly(teacher), strict=True)
    for own, target in pairs:
        total += float((own - target).square().sum())
    found = DistilSimilarities()(features(student), batch(teacher))
    assert found.item() == pytest.approx(total / 49, rel=1e-12)


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: type(loss).__name__)
def test_who_imitates_perfectly_has_nothing_to_learn(loss, teacher):
    rows = teacher.clone().requires_grad_()
    teacher.requires_grad_()
    found = loss(features(2 * rows), batch(teacher))
    found.backward()
    assert found.item() == pytest.approx(0, abs=1e-9)
    assert rows.grad.abs().max() < 1e-7
    assert teacher.grad is None  # the teacher does not learn


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: type(loss).__name__)
def test_equal_vectors_have_finite_gradients(loss, teacher):
    rows = torch.ones(7, 6, requires_grad=True)
    loss(features(rows), batch(teacher)).backward()
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: type(loss).__name__)
def test_without_teachers_there_is_advice(loss, teacher):
    with pytest.raises(ValueError, match=r"distil_\w+ imitates .*: train with passerby distil"):
        loss(features(teacher), batch(None))
